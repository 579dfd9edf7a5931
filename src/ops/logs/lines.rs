//! What a store holds, as seen at one moment.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{
    level::Level,
    mark_kind::MarkKind,
    segment::{Row, Segment, to_time},
    sources::{KnownSource, SourceId, Sources},
    spill::OnDisk,
};
use crate::domain::paint::Paint;

/// The number of the very first line that comes in. Older ones that are loaded later go below it.
pub(super) const ORIGIN: u64 = 1 << 40;

/// How many segments read back from the disk are kept: what a screen shows, and the neighbours it scrolls into.
const READ_BACK: usize = 4;

/// Lines with numbers that follow one another. A line keeps its number; only among the newest lines one that comes late
/// can still move those behind it, see [`super::Store::push`]. Numbers of dropped lines are not given to others, but
/// to older lines that are loaded again.
///
/// A clone costs little and stays as it is whatever the store does.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    pub(super) parts: VecDeque<Part>,
    pub(super) sources: Arc<Sources>,
    pub(super) reused: Reused,
    read_back: Arc<Mutex<VecDeque<ReadBack>>>,
}

/// Whether numbers of dropped lines were given to others, for who might remember what they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reused {
    /// How many times.
    pub(super) times: u64,
    /// Only below this one.
    pub(super) below: u64,
}

/// A segment that was read back from the disk.
#[derive(Debug)]
struct ReadBack {
    disk: Arc<OnDisk>,
    segment: Arc<Segment>,
}

/// A segment and the number of its first line.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) first: u64,
    pub(super) count: usize,
    pub(super) body: Body,
}

/// Where a segment is.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Memory(Arc<Segment>),
    Disk(Arc<OnDisk>),
}

impl Part {
    pub(super) const fn end(&self) -> u64 {
        self.first + self.count as u64
    }

    /// Its segment; none where the disk does not give it back.
    pub(super) fn segment(&self) -> Option<Arc<Segment>> {
        match &self.body {
            Body::Memory(segment) => Some(Arc::clone(segment)),
            Body::Disk(disk) => disk.read().ok().map(Arc::new),
        }
    }
}

impl Lines {
    /// The number of the oldest line; of the next one where there is none.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.parts.front().map_or(ORIGIN, |part| part.first)
    }

    /// The number that the next line will get.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.parts.back().map_or(ORIGIN, Part::end)
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end() - self.first()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The line of a number, if it is still there. One that was put on the disk is read back.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<Line> {
        let part = self.parts.get(self.part_of(number)?)?;
        let segment = match &part.body {
            Body::Memory(segment) => Arc::clone(segment),
            Body::Disk(disk) => self.read_back(disk)?,
        };
        Some(Line {
            number,
            row: usize::try_from(number - part.first).ok()?,
            segment,
        })
    }

    /// The lines of some numbers, as far as they are there.
    #[must_use = "nothing is read before it is asked for"]
    pub fn range(&self, numbers: Range<u64>) -> impl DoubleEndedIterator<Item = Line> {
        let numbers = numbers.start.max(self.first())..numbers.end.min(self.end());
        numbers.filter_map(|number| self.get(number))
    }

    /// The first line that is not older than this. Where times go back a little, it is near it.
    #[must_use]
    pub fn at_time(&self, time: Timestamp) -> u64 {
        let (mut low, mut high) = (self.first(), self.end());
        while low < high {
            let middle = low + (high - low) / 2;
            // Lines without a time belong to the one before them; a log that has none at all is not read for that.
            let before = (low..=middle)
                .rev()
                .take(100)
                .find_map(|number| self.get(number)?.time());
            if before.is_none_or(|before| before < time) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Who wrote lines, by the number in them.
    #[must_use]
    pub fn source(&self, id: SourceId) -> Option<&KnownSource> {
        self.sources.get(id)
    }

    /// Everyone who ever wrote a line, in the order of appearance.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, &KnownSource)> {
        self.sources.iter()
    }

    /// Which part has a line.
    pub(super) fn part_of(&self, number: u64) -> Option<usize> {
        let at = self.parts.partition_point(|part| part.end() <= number);
        (self.parts.get(at)?.first <= number).then_some(at)
    }

    fn read_back(&self, disk: &Arc<OnDisk>) -> Option<Arc<Segment>> {
        // A panic while it was held cannot have left it half changed.
        let mut kept = self
            .read_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|one| Arc::ptr_eq(&one.disk, disk));
        let one = match found.and_then(|at| kept.remove(at)) {
            Some(one) => one,
            None => ReadBack {
                disk: Arc::clone(disk),
                segment: Arc::new(disk.read().ok()?),
            },
        };
        let segment = Arc::clone(&one.segment);
        kept.push_front(one);
        kept.truncate(READ_BACK);
        Some(segment)
    }
}

/// One line of a store.
#[derive(Debug, Clone)]
pub struct Line {
    number: u64,
    segment: Arc<Segment>,
    row: usize,
}

impl Line {
    fn facts(&self) -> Option<&Row> {
        self.segment.rows.get(self.row)
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Its text, harmless.
    #[must_use]
    pub fn text(&self) -> &str {
        self.segment.text(self.row)
    }

    /// The colours that the program gave it.
    #[must_use]
    pub fn paint(&self) -> &[Paint] {
        self.segment.paint(self.row)
    }

    /// When it was written, where that is known.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        to_time(self.facts()?.time)
    }

    /// How serious it says it is; a line that goes on with the one before it has its level.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        Level::from_byte(self.facts()?.level)
    }

    /// Who wrote it.
    #[must_use]
    pub fn source(&self) -> SourceId {
        SourceId(self.facts().map_or(0, |row| row.source))
    }

    /// What kind of mark it is, if it is not a line of a container but a word about the log: a restart, a gap.
    #[must_use]
    pub fn mark(&self) -> Option<MarkKind> {
        MarkKind::from_byte(self.facts()?.mark)
    }
}
