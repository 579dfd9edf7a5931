//! The lines that pass a filter: their numbers, kept up to date as lines come and go.
//!
//! Where everything passes it keeps no list at all.

use std::{collections::VecDeque, ops::Range, thread};

use super::{
    Lines,
    filter::{Filter, Verdict},
    lines::{ORIGIN, Part, Reused},
    store::WINDOW,
};

/// A line that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its number.
    pub line: u64,
    /// Whether it is shown only because it is near one that passes.
    pub around: bool,
}

/// The lines of a store that a filter shows, by their position on an endless screen.
#[derive(Debug, Clone)]
pub struct Index {
    filter: Filter,
    shown: VecDeque<Shown>,
    /// The place of the first of them among all that were ever added at the end; lower for older ones.
    base: u64,
    passing: usize,
    /// The lines that were looked at.
    seen: Range<u64>,
    reused: Reused,
    state: State,
    /// Where to go back to when lines change places among the newest: the last one is the later one.
    back: [Option<Return>; 2],
}

/// What has to be known of the lines before one to decide on it.
#[derive(Debug, Clone, Default)]
struct State {
    /// How many lines are still to be shown after the last one that passed.
    after: usize,
    /// The newest lines that are shown if one passes soon.
    before: VecDeque<u64>,
}

#[derive(Debug, Clone)]
struct Return {
    next: u64,
    /// The place of the next one to be shown.
    place: u64,
    state: State,
}

/// What is judged at once: a segment, or a part of it.
struct Piece<'a> {
    part: &'a Part,
    lines: Range<u64>,
}

/// From so many pieces on it is worth to start threads for them.
const MANY: usize = 8;

impl Index {
    /// An index that has not looked at any line yet.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        Self {
            filter,
            shown: VecDeque::new(),
            base: ORIGIN,
            passing: 0,
            seen: 0..0,
            reused: Reused::default(),
            state: State::default(),
            back: [None, None],
        }
    }

    /// An index of everything that is there, on as many threads as the machine has: for who can wait some hundredths
    /// of a second, as a task beside the screen can.
    #[must_use]
    pub fn of(filter: Filter, lines: &Lines) -> Self {
        let mut index = Self::new(filter);
        index.advance(lines, u64::MAX);
        index
    }

    /// Its filter.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many lines are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.filter.is_empty() {
            usize::try_from(self.seen.end - self.seen.start).unwrap_or(usize::MAX)
        } else {
            self.shown.len()
        }
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many lines pass, those around them not counted.
    #[must_use]
    pub fn passing(&self) -> usize {
        if self.filter.is_empty() {
            self.len()
        } else {
            self.passing
        }
    }

    /// The lines that it has looked at; all of them once [`Self::advance`] answered so.
    #[must_use]
    pub fn seen(&self) -> Range<u64> {
        self.seen.clone()
    }

    /// What is shown at a position.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<Shown> {
        if self.filter.is_empty() {
            let line = self.seen.start + position as u64;
            let around = false;
            return (line < self.seen.end).then_some(Shown { line, around });
        }
        self.shown.get(position).copied()
    }

    /// The position of a line, or of the next one that is shown; the length where there is none.
    #[must_use]
    pub fn position(&self, line: u64) -> usize {
        if self.filter.is_empty() {
            let line = line.clamp(self.seen.start, self.seen.end);
            return usize::try_from(line - self.seen.start).unwrap_or(usize::MAX);
        }
        self.shown.partition_point(|shown| shown.line < line)
    }

    /// The numbers of the lines that are shown.
    #[must_use = "nothing is looked up before it is asked for"]
    pub fn numbers(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        (0..self.len()).filter_map(|position| self.at(position).map(|shown| shown.line))
    }

    /// Tells it that from this number on lines may be others, as [`super::Store::push`] and
    /// [`super::Store::extend`] say. What it does with that is done by the next [`Self::advance`].
    pub fn changed(&mut self, from: u64) {
        if from >= self.seen.end {
            return;
        }
        let fits = |back: &mut Return| back.next <= from;
        if !self.back[1].as_mut().is_some_and(fits) {
            self.back[1] = self.back[0].take();
        }
        let Some(back) = self.back[1].take_if(fits) else {
            *self = Self::new(std::mem::take(&mut self.filter));
            return;
        };
        while self.base + self.shown.len() as u64 > back.place && self.pop_back() {}
        self.seen.end = back.next;
        self.state = back.state.clone();
        self.back[1] = Some(back);
    }

    /// Looks at lines that it has not seen, up to about this many, and at all that were put before the others. Answers
    /// whether it has seen everything. A hundred thousand lines take about as long as a frame may.
    pub fn advance(&mut self, lines: &Lines, budget: u64) -> bool {
        // Nothing seen yet, another log, or one that ran away.
        let others = self.reused != lines.reused && self.seen.start < lines.reused.below;
        if others
            || self.seen.is_empty()
            || self.seen.end < lines.first()
            || self.seen.end > lines.end()
        {
            *self = Self::new(std::mem::take(&mut self.filter));
            self.seen = lines.first()..lines.first();
        }
        self.reused = lines.reused;
        self.forget(lines.first());
        if lines.first() < self.seen.start {
            self.look_back(lines);
        }
        if self.filter.is_empty() {
            self.seen.end = lines.end();
            return true;
        }
        let end = lines.end().min(self.seen.end.saturating_add(budget));
        // The newest ones may still change places; everything before them is looked at once only.
        let settled = lines.end().saturating_sub(WINDOW).clamp(self.seen.end, end);
        for numbers in [self.seen.end..settled, settled..end] {
            let pieces = pieces(lines, numbers);
            // As many as are held at once, so that what is read back from a disk does not fill the memory.
            for some in pieces.chunks(64) {
                for (piece, verdicts) in some.iter().zip(judge(&self.filter, some)) {
                    self.take(piece.lines.clone(), &verdicts);
                }
            }
        }
        self.seen.end == lines.end()
    }

    /// Takes in what was found out of lines that follow what was seen.
    fn take(&mut self, lines: Range<u64>, verdicts: &[Verdict]) {
        let last = self.back[1].as_ref().map_or(0, |back| back.next);
        if lines.start >= last + WINDOW {
            self.back.swap(0, 1);
            self.back[1] = Some(Return {
                next: lines.start,
                place: self.base + self.shown.len() as u64,
                state: self.state.clone(),
            });
        }
        let mut state = std::mem::take(&mut self.state);
        self.seen.end = lines.end;
        for (line, verdict) in lines.zip(verdicts) {
            state.step(&self.filter, line, *verdict, |shown| {
                self.shown.push_back(shown);
                self.passing += usize::from(!shown.around);
            });
        }
        self.state = state;
    }

    /// Looks at the lines that were put before those it has seen. Around the place where both meet, some that were
    /// not shown are now near one that is.
    fn look_back(&mut self, lines: &Lines) {
        let meet = self.seen.start;
        self.seen.start = lines.first();
        if self.filter.is_empty() {
            return;
        }
        let mut state = State::default();
        let mut found = Vec::new();
        let pieces = pieces(lines, lines.first()..meet);
        for some in pieces.chunks(64) {
            for (piece, verdicts) in some.iter().zip(judge(&self.filter, some)) {
                for (line, verdict) in piece.lines.clone().zip(verdicts) {
                    state.step(&self.filter, line, verdict, |shown| found.push(shown));
                }
            }
        }
        // Behind as many lines nothing depends on what was before any more: the first of them may be shown after an
        // older line, the others are those that may be shown before the next one.
        let mut open = self.filter.before + self.filter.after;
        let mut beyond = meet;
        'joint: for piece in self::pieces(lines, meet..self.seen.end) {
            for (line, verdict) in piece
                .lines
                .clone()
                .zip(judge(&self.filter, std::slice::from_ref(&piece)).concat())
            {
                if open == 0 {
                    break 'joint;
                }
                beyond = line + 1;
                open -= usize::from(verdict != Verdict::Hidden);
                state.step(&self.filter, line, verdict, |shown| found.push(shown));
            }
        }
        if open > 0 {
            // It has seen so little that it does so again.
            let start = self.seen.start;
            *self = Self::new(std::mem::take(&mut self.filter));
            self.seen = start..start;
            return;
        }
        for back in &mut self.back {
            back.take_if(|back| back.next < beyond);
        }
        let old = self.position(beyond);
        let mut joined: Vec<_> = (0..old).filter_map(|_| self.pop_front()).collect();
        joined.extend(found);
        joined.sort_unstable_by_key(|shown| (shown.line, shown.around));
        joined.dedup_by_key(|shown| shown.line);
        for shown in joined.into_iter().rev() {
            self.base -= 1;
            self.passing += usize::from(!shown.around);
            self.shown.push_front(shown);
        }
    }

    /// Leaves out lines before this one: they are not there any more.
    fn forget(&mut self, first: u64) {
        while self.shown.front().is_some_and(|shown| shown.line < first) {
            self.pop_front();
        }
        self.seen.start = self.seen.start.max(first);
    }

    fn pop_front(&mut self) -> Option<Shown> {
        let shown = self.shown.pop_front()?;
        self.base += 1;
        self.passing -= usize::from(!shown.around);
        Some(shown)
    }

    fn pop_back(&mut self) -> bool {
        let shown = self.shown.pop_back();
        self.passing -= usize::from(shown.is_some_and(|shown| !shown.around));
        shown.is_some()
    }
}

impl State {
    /// Decides on the next line, and calls with what is now shown.
    fn step(&mut self, filter: &Filter, line: u64, verdict: Verdict, mut show: impl FnMut(Shown)) {
        match verdict {
            Verdict::Passes => {
                for line in self.before.drain(..) {
                    show(Shown { line, around: true });
                }
                show(Shown {
                    line,
                    around: false,
                });
                self.after = filter.after;
            }
            Verdict::Around if self.after > 0 => {
                self.after -= 1;
                show(Shown { line, around: true });
            }
            Verdict::Around if filter.before > 0 => {
                if self.before.len() == filter.before {
                    self.before.pop_front();
                }
                self.before.push_back(line);
            }
            Verdict::Around | Verdict::Hidden => {}
        }
    }
}

/// Lines as stretches of one segment each.
fn pieces(lines: &Lines, numbers: Range<u64>) -> Vec<Piece<'_>> {
    let from = lines
        .parts
        .partition_point(|part| part.end() <= numbers.start);
    lines
        .parts
        .range(from..)
        .map(|part| Piece {
            part,
            lines: part.first.max(numbers.start)..part.end().min(numbers.end),
        })
        .take_while(|piece| !piece.lines.is_empty())
        .collect()
}

/// The verdicts on every piece; on several threads where there are many.
fn judge(filter: &Filter, pieces: &[Piece<'_>]) -> Vec<Vec<Verdict>> {
    // How many cores there are is read from files: not for every line that comes in.
    let threads = match pieces.len() {
        0..MANY => 1,
        _ => thread::available_parallelism().map_or(1, usize::from),
    };
    if threads == 1 {
        return pieces
            .iter()
            .map(|piece| judge_one(filter, piece))
            .collect();
    }
    thread::scope(|scope| {
        let started: Vec<_> = pieces
            .chunks(pieces.len().div_ceil(threads))
            .map(|some| {
                // A pattern of its own: they do not have to wait for one another's memory.
                let filter = filter.clone();
                let judge =
                    move || -> Vec<_> { some.iter().map(|one| judge_one(&filter, one)).collect() };
                (some, scope.spawn(judge))
            })
            .collect();
        started
            .into_iter()
            .flat_map(|(some, thread)| {
                thread.join().unwrap_or_else(|_| {
                    // What broke once breaks here again, where whoever called sees it.
                    some.iter()
                        .map(|one| judge_one(filter, one))
                        .collect::<Vec<_>>()
                })
            })
            .collect()
    })
}

fn judge_one(filter: &Filter, piece: &Piece<'_>) -> Vec<Verdict> {
    let row = |line: u64| usize::try_from(line - piece.part.first).unwrap_or(usize::MAX);
    let rows = row(piece.lines.start)..row(piece.lines.end);
    match piece.part.segment() {
        Some(segment) => filter.judge(&segment, rows),
        // Lines that the disk does not give back are not shown either.
        None => vec![Verdict::Hidden; rows.len()],
    }
}

#[cfg(test)]
mod tests;
