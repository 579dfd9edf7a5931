//! How each Kubernetes kind is shown: one small file a kind, and one line here that registers it.
//!
//! A kind says where its objects are, which columns they have and how an object, or a line of the server's own table,
//! becomes a [`Row`]. Everything else (watching, sorting, filtering, drawing, `get` on the command line) works for
//! every kind alike. Reference: <https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables>.

pub mod nodes;
pub mod pods;
pub mod quantity;
pub mod unlisted;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::{Health, ObjectKey, log::sanitize};

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
    /// A row from the cells of the server's table, without the object. The columns are the server's.
    pub from_table:
        fn(names: &[String], cells: &[Value], namespace: &str, now: Timestamp) -> Option<Row>,
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

/// The cell of a table's line under a column, by the server's name for it.
fn cell<'a>(names: &[String], cells: &'a [Value], name: &str) -> Option<&'a Value> {
    cells.get(names.iter().position(|other| other == name)?)
}

/// A text of a cluster as a cell.
fn text(value: &str) -> Cell {
    if value.is_empty() {
        Cell::Empty
    } else {
        Cell::Text(sanitize(value.as_bytes()).into())
    }
}

/// A duration as kubectl prints it (`5d3h`, `90s`), as the moment that long ago. The table has no better; what it cuts
/// off is at most the last unit.
fn since(age: &str, now: Timestamp) -> Cell {
    let mut seconds = 0_i64;
    let mut number = 0_i64;
    for c in age.chars() {
        let unit = match c {
            '0'..='9' => {
                let digit = i64::from(c.to_digit(10).unwrap_or_default());
                number = number.saturating_mul(10).saturating_add(digit);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'y' => 31_536_000,
            _ => return Cell::Empty,
        };
        seconds = seconds.saturating_add(number.saturating_mul(unit));
        number = 0;
    }
    now.checked_sub(jiff::SignedDuration::from_secs(seconds))
        .map_or(Cell::Empty, Cell::Since)
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ages_of_a_table_become_moments() {
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        for (age, seconds) in [
            ("5s", 5),
            ("3m20s", 200),
            ("5d3h", 442_800),
            ("2y10d", 63_936_000),
            ("0s", 0),
        ] {
            assert_eq!(
                since(age, now),
                Cell::Since(now - jiff::SignedDuration::from_secs(seconds)),
                "{age}"
            );
        }
        assert_eq!(since("<unknown>", now), Cell::Empty);
    }

    proptest! {
        #[test]
        fn no_age_and_no_line_breaks_a_row(age in "\\PC{0,30}", cells in proptest::collection::vec("\\PC{0,20}", 0..12)) {
            let now = Timestamp::UNIX_EPOCH;
            let _ = since(&age, now);
            let names: Vec<String> = ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node"].map(str::to_owned).to_vec();
            let cells: Vec<Value> = cells.into_iter().map(Value::from).collect();
            for kind in KINDS {
                let _ = (kind.from_table)(&names, &cells, "ns", now);
            }
        }
    }
}
