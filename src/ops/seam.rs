//! The seam where a log is taken up again: what was seen is not shown twice.

use jiff::Timestamp;

use crate::domain::LogLine;

/// The end of what was seen of one log.
#[derive(Debug, Default)]
pub(in crate::ops) struct Seam {
    last: Option<Timestamp>,
    /// The texts of the lines of that very moment.
    texts: Vec<Box<str>>,
    /// Whether lines that were seen may come again: at the beginning of a stream, until one that is new.
    sewing: bool,
}

impl Seam {
    /// The time from which the log is to be asked for.
    pub(in crate::ops) const fn since(&self) -> Option<Timestamp> {
        self.last
    }

    /// A stream begins anew.
    pub(in crate::ops) const fn begin(&mut self) {
        self.sewing = true;
    }

    /// Whether the line is new; it is remembered if so.
    pub(in crate::ops) fn is_new(&mut self, line: &LogLine) -> bool {
        let Some(time) = line.time else {
            return true;
        };
        if self.sewing && self.last.is_some_and(|last| time < last) {
            return false;
        }
        if self.last == Some(time) {
            if self.sewing && self.texts.contains(&line.text) {
                return false;
            }
        } else {
            self.texts.clear();
            self.sewing = false;
        }
        // Times can go back a little within a log, where two streams are written at once.
        self.last = self.last.max(Some(time));
        self.texts.push(line.text.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: i64, text: &str) -> LogLine {
        LogLine::plain(Timestamp::from_second(second).ok(), text)
    }

    #[test]
    fn lines_are_neither_shown_twice_nor_lost_at_a_seam() {
        let mut seam = Seam::default();
        for (second, text) in [(1, "a"), (2, "b"), (2, "c"), (2, "c")] {
            assert!(seam.is_new(&line(second, text)), "{text}");
        }
        assert_eq!(seam.since(), Timestamp::from_second(2).ok());
        seam.begin();
        let again = [(1, "a"), (2, "b"), (2, "c"), (2, "d"), (3, "c"), (3, "c")];
        let new: Vec<&str> = again
            .iter()
            .filter(|(second, text)| seam.is_new(&line(*second, text)))
            .map(|(_, text)| *text)
            .collect();
        assert_eq!(new, ["d", "c", "c"]);
    }

    #[test]
    fn lines_without_a_time_are_always_new() {
        let mut seam = Seam::default();
        let line = LogLine::plain(None, "x");
        seam.begin();
        assert!(seam.is_new(&line) && seam.is_new(&line));
    }
}
