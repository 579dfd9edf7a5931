//! The next line that matches, from where a person is, without hiding any other.
//!
//! All of them, to count them and to say which one this is, are an [`super::Index`] of
//! [`super::Filter::matching`], which also learns of new lines.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::{Lines, Pattern, lines::Part};

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// To newer lines.
    Newer,
    /// To older ones.
    Older,
}

/// The nearest line that matches, this one included. What is near is found in less than a millisecond; a million lines
/// without a match take some hundredths of a second on all the cores there are.
#[must_use]
pub fn nearest(lines: &Lines, pattern: &Pattern, from: u64, towards: Towards) -> Option<u64> {
    let mut parts: Vec<&Part> = match towards {
        Towards::Newer => lines
            .parts
            .iter()
            .filter(|part| part.end() > from)
            .collect(),
        Towards::Older => lines
            .parts
            .iter()
            .rev()
            .filter(|part| part.first <= from)
            .collect(),
    };
    // Mostly it is on the screen or not far from it.
    let near = parts.len().min(2);
    let far = parts.split_off(near);
    if let Some(line) = parts
        .iter()
        .find_map(|part| in_part(part, pattern, from, towards))
    {
        return Some(line);
    }
    if far.is_empty() {
        return None;
    }
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(far.len());
    let (next, best) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    // Each takes the nearest part that nobody has, until one is found in a nearer one.
    let look = || {
        let pattern = pattern.clone();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let part = far.get(at).filter(|_| at < best.load(Ordering::Relaxed))?;
            if let Some(line) = in_part(part, &pattern, from, towards) {
                best.fetch_min(at, Ordering::Relaxed);
                return Some((at, line));
            }
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(look)).collect();
        let found = others
            .into_iter()
            .filter_map(|other| other.join().ok().flatten());
        // This one works too, while the others do.
        look().into_iter().chain(found).min().map(|(_, line)| line)
    })
}

fn in_part(part: &Part, pattern: &Pattern, from: u64, towards: Towards) -> Option<u64> {
    let segment = part.segment()?;
    let row = |line: u64| usize::try_from(line - part.first).unwrap_or(usize::MAX);
    let mut found = None;
    match towards {
        Towards::Newer => pattern.rows(&segment, row(from.max(part.first))..segment.len(), |row| {
            found = Some(row);
            false
        }),
        Towards::Older => pattern.rows(&segment, 0..row(part.end().min(from + 1)), |row| {
            found = Some(row);
            true
        }),
    }
    found.map(|row| part.first + row as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{LogLine, log::LogItem},
        ops::logs::Store,
    };

    #[test]
    fn the_nearest_match_is_found_in_both_directions() {
        // Many small segments, so that several threads look.
        let mut store = Store::new(1 << 30);
        let directory = tempfile::tempdir().unwrap();
        let mut small = Store::new(32 << 10).with_disk(directory.path().into(), 1 << 30);
        for n in 0..20_000 {
            let text = match n {
                40 | 700 | 19_000 => format!("{n} needle"),
                _ => format!("{n} hay"),
            };
            let item = LogItem::Line(LogLine::plain(None, text));
            store.push(&item);
            small.push(&item);
        }
        let pattern = Pattern::new("needle").unwrap();
        for store in [&store, &small] {
            let lines = store.lines();
            let first = lines.first();
            let find = |from: u64, towards| {
                nearest(lines, &pattern, first + from, towards).map(|line| line - first)
            };
            for (from, newer, older) in [
                (0, Some(40), None),
                (40, Some(40), Some(40)),
                (41, Some(700), Some(40)),
                (701, Some(19_000), Some(700)),
                (19_001, None, Some(19_000)),
                (19_999, None, Some(19_000)),
            ] {
                assert_eq!(find(from, Towards::Newer), newer, "from {from}");
                assert_eq!(find(from, Towards::Older), older, "from {from}");
            }
        }
        assert_eq!(
            nearest(&Lines::default(), &pattern, 0, Towards::Newer),
            None
        );
    }
}
