//! A stretch of lines: one text, and a table with a row of 24 bytes a line.
//!
//! A million lines as a million strings cost more for their strings than for their letters; here a line costs its
//! letters, one line feed and its row, and a search runs over the letters of thousands of lines at once.

use jiff::Timestamp;

use super::{level::Level, mark_kind::MarkKind, sources::SourceId};
use crate::domain::paint::Paint;

/// What is known of a line beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Nanoseconds since 1970, [`NO_TIME`] where it is not known.
    pub(super) time: i64,
    /// Where its text begins.
    pub(super) start: u32,
    /// Where its runs of colour begin.
    pub(super) paint: u32,
    pub(super) source: u32,
    /// As [`Level::to_byte`] makes it.
    pub(super) level: u8,
    /// As [`MarkKind::to_byte`] makes it.
    pub(super) mark: u8,
}

/// The time of a line that has none.
pub(super) const NO_TIME: i64 = i64::MIN;

/// A line on its way into a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) time: i64,
    pub(super) source: SourceId,
    pub(super) level: Option<Level>,
    pub(super) mark: Option<MarkKind>,
    /// Without line feeds.
    pub(super) text: &'a str,
    pub(super) paint: &'a [Paint],
}

/// A stretch of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Segment {
    /// Every line followed by a line feed.
    pub(super) text: String,
    pub(super) rows: Vec<Row>,
    pub(super) paint: Vec<Paint>,
}

impl Segment {
    /// How many lines it has.
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// What a line takes here.
    pub(super) const fn cost(entry: &Entry<'_>) -> usize {
        entry.text.len() + 1 + size_of::<Row>() + size_of_val(entry.paint)
    }

    /// The bytes that its lines take.
    pub(super) const fn used(&self) -> usize {
        self.text.len() + self.rows.len() * size_of::<Row>() + self.paint.len() * size_of::<Paint>()
    }

    /// The bytes that it takes from the machine, room for more lines included.
    pub(super) const fn held(&self) -> usize {
        self.text.capacity()
            + self.rows.capacity() * size_of::<Row>()
            + self.paint.capacity() * size_of::<Paint>()
    }

    /// Gives back the room for more lines.
    pub(super) fn seal(&mut self) {
        self.text.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.paint.shrink_to_fit();
    }

    /// Puts a line before the one that now has this row, or behind the last one. A segment stays so far below 4 GiB
    /// that places fit.
    pub(super) fn insert(&mut self, row: usize, entry: &Entry<'_>) {
        let (start, paint) = self.begin(row);
        if row == self.len() {
            self.text.push_str(entry.text);
            self.text.push('\n');
            self.paint.extend_from_slice(entry.paint);
        } else {
            self.text.insert(start, '\n');
            self.text.insert_str(start, entry.text);
            self.paint.splice(paint..paint, entry.paint.iter().copied());
            for moved in &mut self.rows[row..] {
                moved.start += narrow(entry.text.len() + 1);
                moved.paint += narrow(entry.paint.len());
            }
        }
        let new = Row {
            time: entry.time,
            start: narrow(start),
            paint: narrow(paint),
            source: entry.source.0,
            level: Level::to_byte(entry.level),
            mark: MarkKind::to_byte(entry.mark),
        };
        self.rows.insert(row, new);
    }

    /// Where the text and the runs of a line begin; at the end for the row behind the last one.
    fn begin(&self, row: usize) -> (usize, usize) {
        self.rows
            .get(row)
            .map_or((self.text.len(), self.paint.len()), |row| {
                (row.start as usize, row.paint as usize)
            })
    }

    /// The text of a line.
    pub(super) fn text(&self, row: usize) -> &str {
        let (start, end) = (self.begin(row).0, self.begin(row + 1).0);
        // Without the line feed.
        &self.text[start..end.saturating_sub(1).max(start)]
    }

    /// The colours of a line.
    pub(super) fn paint(&self, row: usize) -> &[Paint] {
        &self.paint[self.begin(row).1..self.begin(row + 1).1]
    }

    /// The line that a place of the text belongs to, its line feed included.
    pub(super) fn row_at(&self, place: usize) -> usize {
        self.rows
            .partition_point(|row| row.start as usize <= place)
            .saturating_sub(1)
    }

    /// Where the text of a line begins; the end of the text for the row behind the last one.
    pub(super) fn start(&self, row: usize) -> usize {
        self.begin(row).0
    }
}

/// A place within a segment; those are a few MiB large.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A time as a row has it.
pub(super) fn to_nanoseconds(time: Option<Timestamp>) -> i64 {
    time.map_or(NO_TIME, |time| {
        i64::try_from(time.as_nanosecond()).unwrap_or(if time < Timestamp::UNIX_EPOCH {
            NO_TIME + 1
        } else {
            i64::MAX
        })
    })
}

/// What [`to_nanoseconds`] made.
pub(super) fn to_time(time: i64) -> Option<Timestamp> {
    (time != NO_TIME).then(|| Timestamp::from_nanosecond(time.into()).ok())?
}
