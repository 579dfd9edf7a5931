//! The server's own table, decoded into no more than rows need.
//! Reference: <https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables>.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::resources::{Cell, KindSpec, Row};

/// The media type that asks for it.
pub(super) const ACCEPT: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// A table, or a part of one. What is left out is null where Go's slices are nil, and absent elsewhere.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Table {
    #[serde(default)]
    column_definitions: Option<Vec<ColumnDefinition>>,
    #[serde(default)]
    rows: Option<Vec<TableRow>>,
    #[serde(default)]
    pub(super) metadata: ListMeta,
}

#[derive(Debug, Deserialize)]
struct ColumnDefinition {
    name: String,
}

#[derive(Debug, Deserialize)]
struct TableRow {
    cells: Vec<Value>,
    #[serde(default)]
    object: Option<Partial>,
}

/// Where a list was cut, and at which version it was made.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMeta {
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(super) token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Partial {
    #[serde(default)]
    metadata: Option<Meta>,
}

/// As much of an object's metadata as a row takes; the rest, which is most of it, is skipped unread.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Timestamp>,
}

impl Table {
    /// Reads a table.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let table: Self = serde_json::from_str(text).ok()?;
        (table.rows.is_some() || !table.metadata.resource_version.is_empty()).then_some(table)
    }

    /// The names of its columns; only the first table of a watch carries them.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let columns = self
            .column_definitions
            .as_ref()
            .filter(|columns| !columns.is_empty())?;
        Some(columns.iter().map(|column| column.name.clone()).collect())
    }

    /// The version after the last change in it.
    pub(super) fn version(&self) -> Option<&str> {
        let mut of_row = self.rows.iter().flatten().filter_map(|row| {
            row.object
                .as_ref()?
                .metadata
                .as_ref()?
                .resource_version
                .as_deref()
        });
        of_row
            .next_back()
            .or(Some(self.metadata.resource_version.as_str()))
            .filter(|version| !version.is_empty())
    }

    /// Its rows. Where they come without objects, all are of one namespace.
    pub(super) fn rows(
        self,
        kind: &KindSpec,
        names: &[String],
        namespace: &str,
        now: Timestamp,
    ) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.rows.as_ref().map_or(0, Vec::len));
        for line in self.rows.into_iter().flatten() {
            let meta = line
                .object
                .and_then(|object| object.metadata)
                .unwrap_or_default();
            let namespace = meta.namespace.as_deref().unwrap_or(namespace);
            let Some(mut row) = (kind.from_table)(names, &line.cells, namespace, now) else {
                continue;
            };
            row.uid = meta.uid.map(String::into_boxed_str);
            if let Some(created) = meta.creation_timestamp {
                // The table says "5d"; the object says when.
                for cell in &mut row.cells {
                    if matches!(cell, Cell::Since(_)) {
                        *cell = Cell::Since(created);
                    }
                }
            }
            rows.push(row);
        }
        rows
    }
}
