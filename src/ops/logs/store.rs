//! The store of the lines of one screen or command: the newest ones within a bound of bytes, in the order of time.

use std::{borrow::Cow, path::PathBuf, sync::Arc};

mod older;

pub use older::Moved;

use super::{
    level::{Level, is_continuation},
    lines::{Body, Lines, ORIGIN, Part},
    mark_kind::MarkKind,
    segment::{Entry, NO_TIME, Segment, to_nanoseconds},
    sources::SourceId,
    spill::Spill,
};
use crate::domain::log::LogItem;

/// How many lines back one that comes late may still be put. Sources are merged before they come here; what is left
/// are the few lines that were on their way at the same moment.
pub(super) const WINDOW: u64 = 256;
/// And how far back in time, in nanoseconds: an older one is not late, it is history, and moving what is on the screen
/// for it helps nobody.
const WINDOW_TIME: i64 = 2_000_000_000;

/// A segment is full with as many bytes: small enough that what is dropped at once is little, large enough that a
/// million lines are some hundred segments.
const SEGMENT: usize = 1 << 20;

/// Lines within a bound.
#[derive(Debug)]
pub struct Store {
    lines: Lines,
    /// The most bytes in memory, tables included.
    limit: usize,
    segment: usize,
    spill: Option<(Spill, u64)>,
    /// Bytes of the full segments in memory, and of those on the disk.
    full: usize,
    disk: u64,
    dropped: u64,
    /// Whether any line was ever dropped, also if it was loaded again since.
    lost: bool,
    /// The level of the last line of each source that said one, for the lines that go on with it.
    levels: Vec<Option<Level>>,
}

impl Store {
    /// A store that keeps as many bytes in memory, everything counted; the newest segment always stays.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            lines: Lines::default(),
            limit,
            // What is dropped at once is to be little also of a small bound.
            segment: SEGMENT.min(limit / 16).max(1024),
            spill: None,
            full: 0,
            disk: 0,
            dropped: 0,
            lost: false,
            levels: Vec::new(),
        }
    }

    /// Puts what has no room in memory into a directory, up to as many bytes, instead of dropping it.
    #[must_use]
    pub fn with_disk(mut self, directory: PathBuf, limit: u64) -> Self {
        self.spill = Some((Spill::new(directory), limit));
        self
    }

    /// What it holds now.
    #[must_use]
    pub const fn lines(&self) -> &Lines {
        &self.lines
    }

    /// How many lines made room for newer ones and are gone.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The bytes that it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.full + self.open().map_or(0, Segment::held)
    }

    /// The bytes that it takes on the disk.
    #[must_use]
    pub const fn disk_bytes(&self) -> u64 {
        self.disk
    }

    /// Forgets everything, as for another target.
    pub fn clear(&mut self) {
        // Numbers go on: what remembers one of them does not find another line there.
        let end = self.lines.end();
        let reused = self.lines.reused;
        self.lines = Lines::default();
        self.lines.reused = reused;
        if end != ORIGIN {
            self.lost = true;
            self.lines.parts.push_back(Part {
                first: end,
                count: 0,
                body: Body::Memory(Arc::default()),
            });
        }
        (self.full, self.disk, self.dropped) = (0, 0, 0);
        self.levels.clear();
    }

    /// Adds a line and returns its number. One that comes a little late goes to its place in time and moves those
    /// behind it up by one, so that every number from the returned one on may now mean another line; the lines of one
    /// source never change places.
    pub fn push(&mut self, item: &LogItem) -> u64 {
        let source = self.source_of(item);
        let known = self.levels.get_mut(source.0 as usize);
        let text = one_line(item);
        let entry = entry(item, &text, source, known);
        let number = self.place(&entry);
        let end = self.lines.end();
        let at = if number == end {
            self.make_room(Segment::cost(&entry));
            self.lines.parts.len() - 1
        } else {
            self.lines.part_of(number).unwrap_or_default()
        };
        let last = at + 1 == self.lines.parts.len();
        if let Some(part) = self.lines.parts.get_mut(at)
            && let Body::Memory(segment) = &mut part.body
        {
            let segment = Arc::make_mut(segment);
            let row = usize::try_from(number - part.first).unwrap_or(usize::MAX);
            if last {
                segment.insert(row, &entry);
            } else {
                self.full -= segment.held();
                segment.insert(row, &entry);
                segment.seal();
                self.full += segment.held();
            }
            part.count += 1;
        }
        for later in self.lines.parts.range_mut(at + 1..) {
            later.first += 1;
        }
        self.keep_the_bound();
        number
    }

    /// Adds lines, and returns the lowest number that may now mean another line; the end where there are none.
    pub fn extend<'a>(&mut self, items: impl IntoIterator<Item = &'a LogItem>) -> u64 {
        items
            .into_iter()
            .map(|item| self.push(item))
            .min()
            .unwrap_or_else(|| self.lines.end())
    }

    fn source_of(&mut self, item: &LogItem) -> SourceId {
        let source = match item {
            LogItem::Line(line) => line.source.as_ref(),
            LogItem::Mark(mark) => mark.source.as_ref(),
        };
        self.lines.sources.find(source).unwrap_or_else(|| {
            self.levels.push(None);
            Arc::make_mut(&mut self.lines.sources).add(source.cloned())
        })
    }

    /// The number that a line is to get.
    fn place(&self, entry: &Entry<'_>) -> u64 {
        let end = self.lines.end();
        let mut number = end;
        // A mark stands where it was told.
        if entry.time == NO_TIME || entry.mark.is_some() {
            return number;
        }
        for part in self.lines.parts.iter().rev() {
            let Body::Memory(segment) = &part.body else {
                break;
            };
            for row in segment.rows.iter().rev() {
                // A line without a time stays with the one before it, and so does what comes after it.
                if row.time <= entry.time
                    || row.source == entry.source.0
                    || row.time.saturating_sub(entry.time) > WINDOW_TIME
                    || end - number >= WINDOW
                {
                    return number;
                }
                number -= 1;
            }
        }
        number
    }

    /// The segment that takes new lines.
    fn open(&self) -> Option<&Segment> {
        match &self.lines.parts.back()?.body {
            Body::Memory(segment) => Some(segment),
            Body::Disk(_) => None,
        }
    }

    /// Begins another segment where the last one is full.
    fn make_room(&mut self, cost: usize) {
        if self
            .open()
            .is_some_and(|open| open.len() == 0 || open.used() + cost <= self.segment)
        {
            return;
        }
        if let Some(Part {
            body: Body::Memory(segment),
            ..
        }) = self.lines.parts.back_mut()
        {
            let segment = Arc::make_mut(segment);
            segment.seal();
            self.full += segment.held();
        }
        self.open_another();
    }

    fn open_another(&mut self) {
        self.lines.parts.push_back(Part {
            first: self.lines.end(),
            count: 0,
            body: Body::Memory(Arc::default()),
        });
    }

    /// Puts the oldest segments to the disk, or drops them, until what is left is within the bound.
    fn keep_the_bound(&mut self) {
        while self.bytes() > self.limit {
            let parts = &mut self.lines.parts;
            let newest = parts.len().saturating_sub(1);
            let Some((at, part, segment)) =
                parts
                    .iter_mut()
                    .enumerate()
                    .take(newest)
                    .find_map(|(at, part)| match &part.body {
                        Body::Memory(segment) => {
                            let segment = Arc::clone(segment);
                            Some((at, part, segment))
                        }
                        Body::Disk(_) => None,
                    })
            else {
                return;
            };
            match self.spill.as_mut().map(|(spill, _)| spill.write(&segment)) {
                Some(Ok(disk)) => {
                    self.full -= segment.held();
                    self.disk += disk.length as u64;
                    part.body = Body::Disk(Arc::new(disk));
                }
                // A disk that is full will not take the next one either. Numbers follow one another, so that what is
                // older goes with it.
                failed => {
                    if failed.is_some() {
                        self.spill = None;
                    }
                    (0..=at).for_each(|_| self.drop_oldest());
                }
            }
            while self
                .spill
                .as_ref()
                .is_some_and(|(_, most)| self.disk > *most)
            {
                self.drop_oldest();
            }
        }
    }

    fn disk_room(&self) -> u64 {
        self.spill
            .as_ref()
            .map_or(0, |(_, most)| most.saturating_sub(self.disk))
    }

    fn drop_oldest(&mut self) {
        if let Some(part) = self.lines.parts.pop_front() {
            self.dropped += part.count as u64;
            self.lost = true;
            match part.body {
                Body::Memory(segment) => self.full -= segment.held(),
                Body::Disk(disk) => self.disk -= disk.length as u64,
            }
        }
    }
}

/// A line or a mark as a segment takes it; `known` is the level of what the same source said before.
fn entry<'a>(
    item: &'a LogItem,
    text: &'a str,
    source: SourceId,
    known: Option<&mut Option<Level>>,
) -> Entry<'a> {
    match item {
        LogItem::Line(line) => {
            let mut level = Level::detect(text);
            if let Some(known) = known {
                if level.is_none() && is_continuation(text) {
                    level = *known;
                }
                *known = level;
            }
            Entry {
                time: to_nanoseconds(line.time),
                source,
                level,
                mark: None,
                text,
                paint: &line.paint,
            }
        }
        LogItem::Mark(mark) => Entry {
            time: to_nanoseconds(mark.time),
            source,
            level: None,
            mark: Some(MarkKind::of(&mark.event)),
            text,
            paint: &[],
        },
    }
}

/// The text of a line, which has no line feed in it: that is what separates lines here.
fn one_line(item: &LogItem) -> Cow<'_, str> {
    match item {
        LogItem::Line(line) if memchr::memchr(b'\n', line.text.as_bytes()).is_none() => {
            Cow::Borrowed(&line.text)
        }
        LogItem::Line(line) => line.text.replace('\n', " ").into(),
        LogItem::Mark(mark) => mark.to_string().replace('\n', " ").into(),
    }
}

#[cfg(test)]
mod tests;
