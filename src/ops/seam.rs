//! The seam where a log is taken up again: what was seen is not shown twice, and what is missing is noticed.
//!
//! A log is asked for again from a moment a little before its last line, because lines of two output streams are
//! stamped by two readers and stand in the file a little out of order. The lines since that moment are remembered by
//! time and text, each as often as it came. An answer that belongs to the same log brings the last of them before
//! anything new; one that does not has a hole before its first new line.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::Timestamp;

use crate::domain::LogLine;

/// How far back a log is asked for again. The two readers of a container are apart by thousandths of a second.
const OVERLAP: Duration = Duration::from_secs(1);

/// As many lines are remembered at the most, one and a half megabytes; a log that brings more in a second is asked for
/// from the oldest of them.
const MOST: usize = 64 * 1024;

/// What a line of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ops) enum Sewn {
    /// It was seen before.
    Known,
    /// It follows what was seen before.
    New,
    /// It is new, and what was seen last has not come before it: lines may be missing between the two. Said once.
    Apart,
}

/// The end of what was seen of one log.
#[derive(Debug, Default)]
pub(in crate::ops) struct Seam {
    /// The time of the newest line.
    newest: Option<Timestamp>,
    /// Nothing before it is remembered any more.
    forgotten: Option<Timestamp>,
    /// Whether nothing before the first line is wanted.
    tail: bool,
    /// The lines of the overlap, in the order in which they came.
    seen: VecDeque<Key>,
    /// Of those, how often each has yet to come again.
    due: HashMap<Key, u32>,
    /// Whether the present answer has not brought a new line yet.
    sewing: bool,
    /// Whether it has brought the line that was seen last.
    joined: bool,
}

type Key = (Timestamp, u64);

impl Seam {
    /// The time from which the log is to be asked for.
    pub(in crate::ops) fn since(&self) -> Option<Timestamp> {
        let newest = self.newest?;
        let before = newest.checked_sub(OVERLAP).unwrap_or(newest);
        Some(self.forgotten.map_or(before, |moment| moment.max(before)))
    }

    /// A log of which only the last lines were asked for at first: what is before them is not new, but not wanted.
    pub(in crate::ops) fn after_tail() -> Self {
        Self {
            tail: true,
            ..Self::default()
        }
    }

    /// An answer begins.
    pub(in crate::ops) fn begin(&mut self) {
        self.due.clear();
        let since = self.since();
        for key in self.seen.iter().filter(|key| Some(key.0) >= since) {
            *self.due.entry(*key).or_default() += 1;
        }
        self.sewing = true;
        self.joined = self.seen.is_empty();
    }

    /// The time of the newest line.
    pub(in crate::ops) const fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Whether the present answer has brought the line that was seen last, or there was none.
    pub(in crate::ops) const fn is_joined(&self) -> bool {
        self.joined
    }

    /// What a line is. One that is new is still to be kept.
    pub(in crate::ops) fn judge(&mut self, line: &LogLine) -> Sewn {
        let Some(key) = key(line) else {
            return Sewn::New;
        };
        if let Some(left) = self.due.get_mut(&key) {
            *left -= 1;
            if *left == 0 {
                self.due.remove(&key);
            }
            self.joined |= self.seen.back() == Some(&key);
            return Sewn::Known;
        }
        if self.sewing && self.since().is_some_and(|since| key.0 < since) {
            return Sewn::Known;
        }
        self.sewing = false;
        if std::mem::replace(&mut self.joined, true) {
            Sewn::New
        } else {
            Sewn::Apart
        }
    }

    /// Remembers a line that is new.
    pub(in crate::ops) fn keep(&mut self, line: &LogLine) {
        let Some(key) = key(line) else { return };
        // A clock that was set back begins a new overlap; the old one would hide what it stamps.
        let back = |newest: Timestamp| newest.checked_sub(OVERLAP).is_ok_and(|least| key.0 < least);
        if self.newest.is_some_and(back) {
            self.seen.clear();
            self.newest = None;
            self.forgotten = None;
        }
        if std::mem::take(&mut self.tail) {
            self.forgotten = Some(key.0);
        }
        self.newest = self.newest.max(Some(key.0));
        self.seen.push_back(key);
        let since = self.since();
        while self.seen.front().is_some_and(|key| Some(key.0) < since) {
            self.seen.pop_front();
        }
        while self.seen.len() > MOST {
            let moment = self.seen.pop_front().map(|key| key.0);
            let after = moment.and_then(|moment| moment.checked_add(Duration::from_nanos(1)).ok());
            self.forgotten = self.forgotten.max(after);
        }
    }

    /// Whether the line is new; it is remembered if so.
    pub(in crate::ops) fn is_new(&mut self, line: &LogLine) -> bool {
        let new = self.judge(line) != Sewn::Known;
        if new {
            self.keep(line);
        }
        new
    }
}

/// What a line is known by again; a line without a time is not.
fn key(line: &LogLine) -> Option<Key> {
    let mut hasher = DefaultHasher::new();
    line.text.hash(&mut hasher);
    Some((line.time?, hasher.finish()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(millis: i64, text: &str) -> LogLine {
        LogLine::plain(Timestamp::from_millisecond(millis).ok(), text)
    }

    fn judged(seam: &mut Seam, answer: &[(i64, &str)]) -> Vec<(String, Sewn)> {
        seam.begin();
        let since = seam.since();
        let mut told = Vec::new();
        for (millis, text) in answer {
            let line = line(*millis, text);
            // An adapter leaves out what was not asked for.
            if since.is_some_and(|since| line.time < Some(since)) {
                continue;
            }
            let sewn = seam.judge(&line);
            if sewn != Sewn::Known {
                seam.keep(&line);
                told.push(((*text).to_owned(), sewn));
            }
        }
        told
    }

    #[test]
    fn lines_are_neither_shown_twice_nor_lost_at_a_seam() {
        let mut seam = Seam::default();
        let first = [(1_000, "a"), (2_000, "b"), (2_000, "c"), (2_000, "c")];
        assert_eq!(judged(&mut seam, &first).len(), 4);
        assert_eq!(seam.since(), Timestamp::from_second(1).ok());
        // The same text at the same moment once more is a line of its own; so is one that was stamped a little earlier
        // than the last line that was seen.
        let again = [(2_000, "b"), (2_000, "c"), (2_000, "c")];
        let more = [(2_000, "c"), (1_999, "late"), (3_000, "c")];
        let told = judged(&mut seam, &[again, more].concat());
        let new = |text: &str| (text.to_owned(), Sewn::New);
        assert_eq!(told, [new("c"), new("late"), new("c")]);
    }

    #[test]
    fn an_answer_that_lacks_the_last_line_is_apart_once() {
        let mut seam = Seam::default();
        judged(&mut seam, &[(1_000, "a"), (2_000, "b")]);
        let told = judged(&mut seam, &[(1_000, "a"), (5_000, "x"), (6_000, "y")]);
        let words: Vec<Sewn> = told.iter().map(|(_, sewn)| *sewn).collect();
        assert_eq!(words, [Sewn::Apart, Sewn::New]);
        assert!(judged(&mut seam, &[(6_000, "y")]).is_empty());
    }

    #[test]
    fn what_is_before_the_tail_does_not_come_later() {
        let mut seam = Seam::after_tail();
        judged(&mut seam, &[(1_200, "c")]);
        let told = judged(
            &mut seam,
            &[(1_000, "a"), (1_100, "b"), (1_200, "c"), (1_300, "d")],
        );
        assert_eq!(told, [("d".to_owned(), Sewn::New)]);
    }

    #[test]
    fn lines_without_a_time_are_always_new() {
        let mut seam = Seam::default();
        let line = LogLine::plain(None, "x");
        seam.begin();
        assert!(seam.is_new(&line) && seam.is_new(&line));
    }

    #[test]
    fn a_flood_within_one_moment_costs_a_bounded_memory() {
        let mut seam = Seam::default();
        seam.begin();
        for n in 0..200_000 {
            seam.keep(&line(1_000 + n / 1_000, &n.to_string()));
        }
        assert!(seam.seen.len() <= MOST);
        assert!(seam.since() > Timestamp::from_millisecond(1_100).ok());
    }

    proptest! {
        #[test]
        fn a_log_cut_anywhere_comes_once_and_whole(
            jitter in proptest::collection::vec((0_i64..400, 0_u8..3), 1..60),
            cut in 0_usize..60,
            from in 0_usize..60,
        ) {
            // Stamps rise, but for a jitter less than the overlap, and texts repeat.
            let log: Vec<(i64, String)> = jitter.iter().enumerate()
                .map(|(n, (late, text))| (10_000 + i64::try_from(n).unwrap() * 300 - late, text.to_string()))
                .collect();
            let log: Vec<(i64, &str)> = log.iter().map(|(at, text)| (*at, text.as_str())).collect();
            let cut = cut.min(log.len());
            let mut seam = Seam::default();
            let mut all = judged(&mut seam, &log[..cut]);
            // The log may have lost its beginning, but not the seam.
            let from = from.min(cut.saturating_sub(1));
            all.extend(judged(&mut seam, &log[from..]));
            let texts: Vec<&str> = all.iter().map(|(text, _)| text.as_str()).collect();
            let want: Vec<&str> = log.iter().map(|(_, text)| *text).collect();
            prop_assert_eq!(texts, want);
            prop_assert!(all.iter().all(|(_, sewn)| *sewn == Sewn::New));
        }
    }
}
