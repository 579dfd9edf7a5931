//! Lines of the past that are loaded later: each goes to its place in time among those that are there.
//!
//! Of one source they go before all that is there. Of several they do not: who writes little was read further back than
//! who writes much. So the stretch of the store that is older than the newest of them is laid anew; everything behind it
//! keeps its numbers.

use std::sync::Arc;

use super::{
    super::{
        level::Level,
        lines::{Body, Part},
        mark_kind::MarkKind,
        segment::{Entry, NO_TIME, Segment, to_nanoseconds},
        sources::SourceId,
    },
    Store, entry, one_line,
};
use crate::domain::log::LogItem;

/// Where lines that were there have gone, because older ones came between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// For each older line, in order, the number that the line behind it had.
    before: Vec<u64>,
}

impl Moved {
    /// How many older lines were taken in.
    #[must_use]
    pub const fn taken(&self) -> usize {
        self.before.len()
    }

    /// The number that a line has now.
    #[must_use]
    pub fn number(&self, old: u64) -> u64 {
        let behind = self.before.len() - self.before.partition_point(|place| *place <= old);
        old - behind as u64
    }
}

impl Store {
    /// Puts older lines to their places in time, as far as there is room for them: the newest of them first. They come
    /// in the order of time, and are older than what is there of their own source.
    pub fn prepend(&mut self, items: &[LogItem]) -> Moved {
        let items = &items[items.len() - self.fitting(items)..];
        let times = items.iter().map(|item| to_nanoseconds(time(item)));
        let Some(newest) = times.max() else {
            return Moved::default();
        };
        let (there, cut) = self.take_older(newest);
        let mut merge = Merge {
            segments: vec![Segment::default()],
            most: self.segment,
            moved: Moved::default(),
        };
        let mut begins = first_time(&there);
        let mut levels = Vec::new();
        let mut rest = items.iter().peekable();
        let mut number = cut - there.iter().map(|part| part.len() as u64).sum::<u64>();
        for segment in &there {
            for row in 0..segment.len() {
                let facts = segment.rows[row];
                // What is said about the log before its first line stands before that, and a line without a time stays
                // behind the one before it.
                let own = (facts.time != NO_TIME && facts.mark == 0).then_some(facts.time);
                let limit = begins.take().or(own);
                while let (Some(limit), Some(item)) = (limit, rest.peek()) {
                    if to_nanoseconds(time(item)) >= limit {
                        break;
                    }
                    self.add_item(&mut merge, item, &mut levels, number);
                    rest.next();
                }
                merge.add(&Entry {
                    time: facts.time,
                    source: SourceId(facts.source),
                    level: Level::from_byte(facts.level),
                    mark: MarkKind::from_byte(facts.mark),
                    text: segment.text(row),
                    paint: segment.paint(row),
                });
                number += 1;
            }
        }
        for item in rest {
            self.add_item(&mut merge, item, &mut levels, cut);
        }
        let Merge {
            segments, moved, ..
        } = merge;
        self.put_before(segments, cut, !there.is_empty());
        self.dropped = self.dropped.saturating_sub(moved.taken() as u64);
        moved
    }

    /// How many of the last lines there is room for.
    fn fitting(&self, items: &[LogItem]) -> usize {
        let mut room = self.limit.saturating_sub(self.bytes()) as u64 + self.disk_room();
        let cost = |item: &LogItem| {
            let text = one_line(item);
            Segment::cost(&entry(item, &text, SourceId(0), None)) as u64
        };
        let fits = |item: &&LogItem| match room.checked_sub(cost(item)) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        items.iter().rev().take_while(fits).count()
    }

    /// Takes out the parts that have lines older than a moment, and says which number comes behind them.
    fn take_older(&mut self, newest: i64) -> (Vec<Arc<Segment>>, u64) {
        if self.lines.parts.is_empty() {
            self.open_another();
        }
        let mut taken = Vec::new();
        while let Some(part) = self.lines.parts.front() {
            let Some(segment) = part.segment() else { break };
            let older = |row: &super::super::segment::Row| row.time != NO_TIME && row.time < newest;
            if !segment.rows.iter().any(older) {
                break;
            }
            if self.lines.parts.len() == 1 {
                // The last one takes new lines; its room is counted only when it is full.
                self.full += segment.held();
                self.open_another();
            }
            match self.lines.parts.pop_front().map(|part| part.body) {
                Some(Body::Memory(segment)) => self.full -= segment.held(),
                Some(Body::Disk(disk)) => self.disk -= disk.length as u64,
                None => {}
            }
            taken.push(segment);
        }
        (taken, self.lines.first())
    }

    fn add_item(
        &mut self,
        merge: &mut Merge,
        item: &LogItem,
        levels: &mut Vec<Option<Level>>,
        place: u64,
    ) {
        let source = self.source_of(item);
        levels.resize(self.levels.len(), None);
        let text = one_line(item);
        merge.add(&entry(
            item,
            &text,
            source,
            levels.get_mut(source.0 as usize),
        ));
        merge.moved.before.push(place);
    }

    /// Puts segments before a number.
    fn put_before(&mut self, segments: Vec<Segment>, cut: u64, moved: bool) {
        if self.lost || moved {
            let reused = &mut self.lines.reused;
            reused.times += 1;
            reused.below = reused.below.max(cut);
        }
        let mut end = cut;
        for mut segment in segments.into_iter().rev() {
            if segment.len() == 0 {
                continue;
            }
            segment.seal();
            self.full += segment.held();
            let count = segment.len();
            end -= count as u64;
            self.lines.parts.push_front(Part {
                first: end,
                count,
                body: Body::Memory(Arc::new(segment)),
            });
        }
        self.keep_the_bound();
    }
}

/// Segments that are being laid.
struct Merge {
    segments: Vec<Segment>,
    most: usize,
    moved: Moved,
}

impl Merge {
    fn add(&mut self, entry: &Entry<'_>) {
        if self
            .segments
            .last()
            .is_none_or(|last| last.len() > 0 && last.used() + Segment::cost(entry) > self.most)
        {
            self.segments.push(Segment::default());
        }
        if let Some(last) = self.segments.last_mut() {
            last.insert(last.len(), entry);
        }
    }
}

fn time(item: &LogItem) -> Option<jiff::Timestamp> {
    match item {
        LogItem::Line(line) => line.time,
        LogItem::Mark(mark) => mark.time,
    }
}

/// The time of the first line of a container.
fn first_time(segments: &[Arc<Segment>]) -> Option<i64> {
    let rows = segments.iter().flat_map(|segment| &segment.rows);
    rows.filter(|row| row.mark == 0)
        .map(|row| row.time)
        .find(|time| *time != NO_TIME)
}
