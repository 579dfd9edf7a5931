//! A line of the table that a server prints itself: the cells of `kubectl get -o wide`, a hundredth of the object's size.

use std::{borrow::Cow, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Cell, age};
use crate::domain::{ObjectKey, log::sanitize};

/// A cell as the server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableCell<'a> {
    /// Nothing, or something that is neither text nor number.
    Empty,
    /// A text, borrowed from the answer where it has no escapes. Not yet harmless.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
}

impl<'de: 'a, 'a> Deserialize<'de> for TableCell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = TableCell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cell of a table")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(TableCell::Text(text.into()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TableCell::Text(text.to_owned().into()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(TableCell::Number(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(TableCell::Number(i64::try_from(number).unwrap_or(i64::MAX)))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(TableCell::Text(number.to_string().into()))
    }
    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(TableCell::Text(if truth { "true" } else { "false" }.into()))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(TableCell::Empty)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(TableCell::Empty)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(TableCell::Empty)
    }
}

/// A line, with what the answer said beside it.
#[derive(Debug, Clone, Copy)]
pub struct TableRow<'a> {
    /// The server's names of the columns.
    pub columns: &'a [String],
    /// The cells, in that order.
    pub cells: &'a [TableCell<'a>],
    /// The namespace that the line is of; empty for objects of the whole cluster.
    pub namespace: &'a Arc<str>,
    /// The object's UID, where the answer carried it.
    pub uid: Option<&'a str>,
    /// When the object was made, where the answer carried it; the table itself only has a rough age.
    pub created: Option<Timestamp>,
    /// The moment at which the answer came, from which rough ages count.
    pub now: Timestamp,
}

impl<'a> TableRow<'a> {
    /// The cell of a column; upper and lower case do not matter.
    #[must_use]
    pub fn cell(&self, column: &str) -> Option<&'a TableCell<'a>> {
        let at = self
            .columns
            .iter()
            .position(|name| name.eq_ignore_ascii_case(column))?;
        self.cells.get(at)
    }

    /// The text of a column, as the server sent it; empty where it has none.
    #[must_use]
    pub fn text(&self, column: &str) -> &'a str {
        match self.cell(column) {
            Some(TableCell::Text(text)) => text,
            _ => "",
        }
    }

    /// Which object the line is of.
    #[must_use]
    pub fn key(&self) -> Option<ObjectKey> {
        let name = self.text("Name");
        (!name.is_empty()).then(|| ObjectKey::new(self.namespace.clone(), harmless(name)))
    }

    /// When the object was made, as well as the answer tells.
    #[must_use]
    pub fn age(&self) -> Cell {
        let rough = || {
            let age = SignedDuration::try_from(age::parse(self.text("Age"))?).ok()?;
            self.now.checked_sub(age).ok()
        };
        self.created.or_else(rough).map_or(Cell::Empty, Cell::Since)
    }
}

/// A text from a cluster as it may stand on a screen. Nearly all are plain and are only copied.
pub(super) fn harmless(text: &str) -> Box<str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        text.into()
    } else {
        sanitize(text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_every_kind_are_read_and_plain_ones_are_not_copied() {
        let text =
            r#"["web", 3, null, "a\nb", true, 1.5, [{"x": [1]}], {"y": {}}, 18446744073709551615]"#;
        let cells: Vec<TableCell<'_>> = serde_json::from_str(text).unwrap();
        assert!(matches!(&cells[0], TableCell::Text(Cow::Borrowed("web"))));
        assert_eq!(cells[1], TableCell::Number(3));
        assert_eq!(cells[2], TableCell::Empty);
        assert_eq!(cells[3], TableCell::Text("a\nb".into()));
        assert_eq!(cells[4], TableCell::Text("true".into()));
        assert_eq!(cells[5], TableCell::Text("1.5".into()));
        assert_eq!(cells[6..8], [TableCell::Empty, TableCell::Empty]);
        assert_eq!(cells[8], TableCell::Number(i64::MAX));
    }

    #[test]
    fn texts_lose_what_a_terminal_would_obey() {
        assert_eq!(&*harmless("a\u{1b}[2Jb"), "ab");
        assert_eq!(&*harmless("zwölf"), "zwölf");
    }
}
