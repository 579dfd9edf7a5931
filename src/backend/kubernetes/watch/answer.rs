//! What a server sends of a table, read down to what rows are made of; everything else is skipped while it is parsed.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::resources::{KindSpec, Row, TableCell, TableRow};

/// The server's own printing of objects, in lists and in events alike.
pub(super) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// A table, or the [`Status`](https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/) that
/// comes in its place when a watch ends badly.
#[derive(Deserialize)]
pub(super) struct Table<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) metadata: Meta<'a>,
    /// Only the first event of a watch has them.
    #[serde(rename = "columnDefinitions", default)]
    columns: Option<Vec<ColumnName>>,
    #[serde(borrow, default)]
    pub(super) rows: Option<Vec<Line<'a>>>,
    /// Of a status: the HTTP code.
    #[serde(default)]
    pub(super) code: u16,
    /// Of a status: the reason for people.
    #[serde(borrow, default)]
    pub(super) message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ColumnName {
    name: String,
}

/// One object.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    cells: Vec<TableCell<'a>>,
    #[serde(borrow, default)]
    object: Option<Object<'a>>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default)]
    metadata: Meta<'a>,
}

/// The metadata of a list or an object. Every field may be missing or null.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta<'a> {
    #[serde(borrow)]
    resource_version: Text<'a>,
    #[serde(borrow, rename = "continue")]
    proceed: Text<'a>,
    #[serde(borrow)]
    namespace: Text<'a>,
    #[serde(borrow)]
    uid: Text<'a>,
    #[serde(borrow)]
    creation_timestamp: Text<'a>,
}

/// A text that may be missing, null or of another type.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] TableCell<'a>);

impl Default for Text<'_> {
    fn default() -> Self {
        Self(TableCell::Empty)
    }
}

impl Text<'_> {
    fn get(&self) -> Option<&str> {
        match &self.0 {
            TableCell::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

impl Meta<'_> {
    /// The version of a list or an object.
    pub(super) fn version(&self) -> Option<&str> {
        self.resource_version.get()
    }

    /// The token that the next page is asked for with.
    pub(super) fn next_page(&self) -> Option<&str> {
        self.proceed.get()
    }
}

/// An event of a watch, with a table or a whole object in it.
#[derive(Deserialize)]
pub(super) struct Event<'a, O> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    pub(super) object: O,
}

/// A page of whole objects.
#[derive(Deserialize)]
pub(super) struct Objects<'a> {
    #[serde(borrow, default)]
    pub(super) metadata: Meta<'a>,
    pub(super) items: Option<Vec<Value>>,
}

impl Table<'_> {
    /// Whether it is something else, such as a page of a server that knows no tables.
    pub(super) fn is_other(&self) -> bool {
        self.kind != "Table"
    }

    /// How new what this table shows is.
    pub(super) fn version(&self) -> Option<&str> {
        let of_object = || {
            let first = self.rows.as_ref()?.first()?;
            first.object.as_ref()?.metadata.version()
        };
        self.metadata.version().or_else(of_object)
    }

    /// Takes the names of the columns over where the table has them.
    pub(super) fn take_columns(&mut self, known: &mut Vec<String>) {
        if let Some(columns) = self.columns.take().filter(|columns| !columns.is_empty()) {
            *known = columns.into_iter().map(|column| column.name).collect();
        }
    }
}

/// Makes rows of lines; namespaces are kept once, because a cluster has few of them.
pub(super) struct Reader {
    pub(super) kind: &'static KindSpec,
    pub(super) columns: Vec<String>,
    namespaces: HashSet<Arc<str>>,
}

impl Reader {
    pub(super) fn new(kind: &'static KindSpec) -> Self {
        Self {
            kind,
            columns: Vec::new(),
            namespaces: HashSet::new(),
        }
    }

    /// A row; `namespace` is where the object is, where its line does not say. `None` where it cannot be read.
    pub(super) fn row(&mut self, line: &Line<'_>, namespace: &str, now: Timestamp) -> Option<Row> {
        let meta = line.object.as_ref().map(|object| &object.metadata);
        let namespace = meta
            .and_then(|meta| meta.namespace.get())
            .unwrap_or(namespace);
        let namespace = self.namespace(if self.kind.namespaced { namespace } else { "" });
        (self.kind.from_table)(&TableRow {
            columns: &self.columns,
            cells: &line.cells,
            namespace: &namespace,
            uid: meta.and_then(|meta| meta.uid.get()),
            created: meta.and_then(|meta| meta.creation_timestamp.get()?.parse().ok()),
            now,
        })
    }

    fn namespace(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.namespaces.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.namespaces.insert(new.clone());
        new
    }
}
