//! How each Kubernetes kind is shown: one small file a kind, and one line here that registers it.
//!
//! A kind says where its objects are, which columns they have and how an object, or a line of the server's own table,
//! becomes a [`Row`]. Everything else (watching, sorting, filtering, drawing, `get` on the command line) works for
//! every kind alike. Reference: <https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables>.

pub mod age;
pub mod deployed;
pub mod followed;
pub mod nodes;
pub mod pods;
pub mod quantity;
pub mod selector;
mod table;
pub mod unlisted;

use jiff::Timestamp;
use serde_json::Value;

pub use table::{TableCell, TableRow};

use crate::domain::{Health, ObjectKey};

/// Every kind that has a file of its own.
pub static KINDS: &[&KindSpec] = &[&pods::KIND, &nodes::KIND];

/// Where a kind's objects live and how they become rows.
#[derive(Debug)]
pub struct KindSpec {
    /// The name in the API's paths, which is also the name of its view: `pods`.
    pub plural: &'static str,
    /// Its API group; empty for the core group.
    pub group: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Whether a row needs the object itself, because the server's table lacks what it shows. Only for kinds of which a
    /// cluster has few.
    pub whole: bool,
    /// Its columns, the name first.
    pub columns: &'static [Column],
    /// A row from a line of the server's own table.
    pub from_table: fn(line: &TableRow<'_>) -> Option<Row>,
    /// A row from an object.
    pub from_object: fn(object: &Value) -> Option<Row>,
}

/// A column of a kind's table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its header.
    pub title: &'static str,
    /// The narrowest it may become, in cells of the terminal.
    pub min: u16,
    /// The widest it is of use.
    pub max: u16,
    /// Columns of a higher number are dropped first when the screen is narrow; `0` is never dropped.
    pub priority: u8,
    /// Whether its text is aligned to the right, as numbers are.
    pub right: bool,
}

/// One object as the screen knows it: a few hundred bytes, not the object.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which object.
    pub key: ObjectKey,
    /// The object's UID, where the answer carried it.
    pub uid: Option<Box<str>>,
    /// How it is.
    pub health: Health,
    /// One cell a column, in the kind's order.
    pub cells: Box<[Cell]>,
}

/// What stands in one column of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text, harmless for a terminal.
    Text(Box<str>),
    /// A number, sorted as one.
    Number(i64),
    /// A moment; the screen shows how long ago it was.
    Since(Timestamp),
}

/// A text of a cluster as a cell. Nearly all are plain and are only copied.
fn text(value: &str) -> Cell {
    if value.is_empty() {
        Cell::Empty
    } else {
        Cell::Text(table::harmless(value))
    }
}

/// When an object was created, as a cell.
fn created(object: &Value) -> Cell {
    let time = object
        .pointer("/metadata/creationTimestamp")
        .and_then(Value::as_str);
    time.and_then(|time| time.parse().ok())
        .map_or(Cell::Empty, Cell::Since)
}

/// Which objects of a kind are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    /// Only these namespaces; empty is all.
    pub namespaces: Vec<String>,
    /// Only objects whose labels fit this selector, in the API's words; empty is all.
    pub selector: String,
    /// Only the object of this name; empty is all.
    pub name: String,
}

impl Scope {
    /// The field selector of the name, as the API takes it; empty where every name fits.
    #[must_use]
    pub fn fields(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!("metadata.name={}", self.name)
        }
    }
}
