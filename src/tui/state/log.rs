//! The log pane: a window onto a store of lines, with a filter, a search and a current line.
//!
//! Lines are known by their numbers, which they keep. While the pane follows, its window ends with the newest line;
//! otherwise with `low`, and one line of the window is the current one.

mod older;

pub use older::Older;

use jiff::Timestamp;

use crate::{
    config::Logs,
    domain::{Problem, log::LogItem},
    ops::logs::{Filter, Index, Level, Line, Pattern, Rule, Store},
    tui::{
        dialogs::field::Field,
        msg::{LogTarget, TaskKey},
    },
};

/// As many lines are judged by a new filter or search before the screen is looked at again: some milliseconds.
const AT_ONCE: u64 = 50_000;

/// Which time stands before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// None.
    #[default]
    Off,
    /// The time of day.
    Clock,
    /// How long ago it was.
    Ago,
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Whether long ones are wrapped.
    pub wrap: bool,
    /// Which time stands before them.
    pub times: Times,
}

/// What is being typed below the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// A pattern to go to.
    Search,
    /// A pattern that lines have to match.
    Keep,
    /// A pattern that lines must not match.
    Hide,
    /// A file to write the shown lines to.
    Save,
    /// A command to hand the shown lines to.
    Pipe,
}

impl Prompt {
    /// What stands before the text.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Keep => "keep only",
            Self::Hide => "hide",
            Self::Save => "save to",
            Self::Pipe => "pipe to",
        }
    }
}

/// A search: it goes to lines and hides none.
#[derive(Debug, Clone)]
pub struct Search {
    /// What is searched for.
    pub pattern: Pattern,
    /// The lines that have it.
    pub hits: Index,
    /// Whether the first hit is still to be gone to.
    waits: bool,
}

/// The lines of one log and what of them is seen.
pub struct LogPane {
    /// Whose log it is.
    pub target: Option<LogTarget>,
    /// Whose it is about to be, and from when on: moving through a list does not open a log for every row.
    pub next: Option<(LogTarget, Timestamp)>,
    /// How many logs were opened before this one.
    pub(super) opened: u64,
    /// Whether it stays whatever is selected, because a person asked for this one.
    pub pinned: bool,
    /// Whether the window ends with the newest line.
    pub follow: bool,
    /// How lines look.
    pub look: Look,
    /// The lines.
    pub store: Store,
    /// Those that are shown.
    pub index: Index,
    /// What is searched for.
    pub search: Option<Search>,
    /// What is being typed.
    pub prompt: Option<(Prompt, Field)>,
    /// Whether lines wait to be judged.
    pub busy: bool,
    /// What is before the first line.
    pub older: Older,
    /// The current line.
    cursor: u64,
    /// The lowest line of the window.
    low: u64,
    kept: Logs,
}

impl LogPane {
    /// A pane that keeps as much as the settings say.
    #[must_use]
    pub fn new(kept: Logs) -> Self {
        let mut store = Store::new(usize::from(kept.buffer_mib) << 20);
        if kept.disk_mib > 0 {
            store = store.with_disk(std::env::temp_dir(), u64::from(kept.disk_mib) << 20);
        }
        Self {
            target: None,
            next: None,
            opened: 0,
            pinned: false,
            follow: true,
            look: Look::default(),
            store,
            index: Index::new(Filter::default()),
            search: None,
            prompt: None,
            busy: false,
            older: Older::default(),
            cursor: 0,
            low: 0,
            kept,
        }
    }

    /// Changes over to another log. How lines look and what is searched for stays; the filter goes with its log.
    pub fn open(&mut self, target: Option<LogTarget>) {
        self.next = None;
        if target == self.target {
            return;
        }
        let look = self.look;
        let search = self.search.take().map(|search| Search::new(search.pattern));
        *self = Self {
            target,
            opened: self.opened + 1,
            look,
            search,
            ..Self::new(self.kept.clone())
        };
    }

    /// The task that follows it.
    #[must_use]
    pub fn task(&self) -> Option<TaskKey> {
        let target = self.target.clone()?;
        Some(TaskKey::Log(target, self.opened))
    }

    /// Whether it is the log of that target, with so many opened before it.
    #[must_use]
    pub fn is_of(&self, target: &LogTarget, opened: u64) -> bool {
        self.opened == opened && self.target.as_ref() == Some(target)
    }

    /// Takes in lines.
    pub fn take(&mut self, items: &[LogItem]) {
        let changed = self.store.extend(items);
        self.index.changed(changed);
        if let Some(search) = &mut self.search {
            search.hits.changed(changed);
        }
    }

    /// Judges lines that were not judged yet, not too many at once.
    pub fn settle(&mut self, height: usize) {
        let lines = self.store.lines();
        let mut done = self.index.advance(lines, AT_ONCE);
        if let Some(search) = &mut self.search {
            done &= search.hits.advance(lines, AT_ONCE);
        }
        self.busy = !done;
        if done && self.search.as_mut().is_some_and(Search::begin) {
            // What happened last is what a reader wants to see first.
            let from = if self.follow {
                lines.end()
            } else {
                self.cursor + 1
            };
            if let Some(line) = self.hit_before(from).or_else(|| self.hit_after(from)) {
                self.go(line, height);
            }
        }
    }

    /// The shown lines up to the lowest of the window, the newest first.
    pub fn upwards(&self) -> impl Iterator<Item = Line> {
        let end = if self.follow {
            self.index.len()
        } else {
            self.position(self.low).map_or(0, |low| low + 1)
        };
        self.downwards_from(0, end).rev()
    }

    /// The shown lines from the current one on.
    pub fn downwards(&self) -> impl Iterator<Item = Line> {
        let from = self.position(self.cursor).unwrap_or(0);
        self.downwards_from(from, self.index.len())
    }

    fn downwards_from(&self, from: usize, end: usize) -> impl DoubleEndedIterator<Item = Line> {
        let lines = self.store.lines();
        (from..end).filter_map(|place| lines.get(self.index.at(place)?.line))
    }

    /// The number of the current line; none while the newest are followed.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        let place = self.position(self.cursor).filter(|_| !self.follow)?;
        self.index.at(place).map(|shown| shown.line)
    }

    /// The current line, or the newest one while it follows.
    #[must_use]
    pub fn current_line(&self) -> Option<Line> {
        let place = if self.follow {
            self.index.len().checked_sub(1)?
        } else {
            self.position(self.cursor)?
        };
        self.store.lines().get(self.index.at(place)?.line)
    }

    /// How many lines are shown below the window.
    #[must_use]
    pub fn below(&self) -> usize {
        if self.follow {
            return 0;
        }
        let low = self.position(self.low).map_or(0, |low| low + 1);
        self.index.len() - low
    }

    /// The position of a line among the shown ones, or of the last one where it is behind all.
    fn position(&self, line: u64) -> Option<usize> {
        let last = self.index.len().checked_sub(1)?;
        Some(self.index.position(line).min(last))
    }

    fn at(&self, position: usize) -> u64 {
        self.index.at(position).map_or(0, |shown| shown.line)
    }

    /// Moves the current line; beyond the last one is to follow again.
    pub fn step(&mut self, by: isize, height: usize) {
        let Some(last) = self.index.len().checked_sub(1) else {
            return;
        };
        if self.follow {
            if by >= 0 {
                return;
            }
            self.follow = false;
            (self.cursor, self.low) = (self.at(last), self.at(last));
        }
        let here = self.position(self.cursor).unwrap_or(last);
        let to = here.saturating_add_signed(by).min(last);
        if by > 0 && here.saturating_add_signed(by) > last {
            self.follow = true;
            return;
        }
        if by < 0 {
            self.reached(to);
        }
        self.cursor = self.at(to);
        let low = self.position(self.low).unwrap_or(last);
        let top = (low + 1).saturating_sub(height);
        let low = if to < top {
            (to + height).saturating_sub(1)
        } else {
            low.max(to)
        };
        self.low = self.at(low.min(last));
    }

    /// Moves the window, and the current line with it where it would be left behind.
    pub fn scroll(&mut self, by: isize, height: usize) {
        let Some(last) = self.index.len().checked_sub(1) else {
            return;
        };
        let low = if self.follow {
            last
        } else {
            self.position(self.low).unwrap_or(last)
        };
        let to = low
            .saturating_add_signed(by)
            .clamp(height.min(last + 1).saturating_sub(1), last);
        self.follow = to == last && (by > 0 || self.follow);
        let here = if self.follow {
            last
        } else {
            self.position(self.cursor).unwrap_or(to)
        };
        let top = (to + 1).saturating_sub(height);
        if by < 0 {
            self.reached(top);
        }
        self.low = self.at(to);
        self.cursor = self.at(here.clamp(top, to));
    }

    /// Makes a line the current one, in the middle of the window.
    pub fn go(&mut self, line: u64, height: usize) {
        let Some(last) = self.index.len().checked_sub(1) else {
            return;
        };
        let place = self.position(line).unwrap_or(last);
        self.follow = false;
        self.cursor = self.at(place);
        self.low = self.at((place + height / 2).max(height.saturating_sub(1)).min(last));
    }

    /// Follows the newest lines, or stops there.
    pub fn toggle_follow(&mut self) {
        self.follow = !self.follow;
        if let Some(last) = self.index.len().checked_sub(1) {
            (self.cursor, self.low) = (self.at(last), self.at(last));
        }
    }

    /// Searches for a pattern; none ends the search.
    pub fn search(&mut self, pattern: Option<Pattern>) {
        self.search = pattern.map(|pattern| Search {
            waits: true,
            ..Search::new(pattern)
        });
    }

    /// Goes to the next hit, or the one before; `false` where there is no further one.
    pub fn next_hit(&mut self, down: bool, height: usize) -> bool {
        let here = self.current().unwrap_or(u64::MAX);
        let line = if down {
            self.hit_after(here)
        } else {
            self.hit_before(here)
        };
        match line {
            Some(line) => self.go(line, height),
            None => return false,
        }
        true
    }

    fn hit_before(&self, line: u64) -> Option<u64> {
        let hits = &self.search.as_ref()?.hits;
        let numbers = (0..hits.position(line))
            .rev()
            .map_while(|place| hits.at(place));
        numbers.map(|hit| hit.line).find(|line| self.shows(*line))
    }

    fn hit_after(&self, line: u64) -> Option<u64> {
        let hits = &self.search.as_ref()?.hits;
        let from = hits.position(line.checked_add(1)?);
        let numbers = (from..hits.len()).map_while(|place| hits.at(place));
        numbers.map(|hit| hit.line).find(|line| self.shows(*line))
    }

    fn shows(&self, line: u64) -> bool {
        let shown = self.index.at(self.index.position(line));
        shown.is_some_and(|shown| shown.line == line)
    }

    /// Whether more than one has written.
    #[must_use]
    pub fn several_sources(&self) -> bool {
        self.store.lines().sources().count() > 1
    }

    /// The filter's rules.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.index.filter().rules
    }

    /// Changes the filter; what was the current line, or the next one that is shown, stays in the window.
    pub fn refilter(&mut self, change: impl FnOnce(&mut Filter)) {
        let mut filter = self.index.filter().clone();
        change(&mut filter);
        self.index = Index::new(filter);
    }

    /// The lowest level that is shown.
    #[must_use]
    pub fn least(&self) -> Option<Level> {
        self.rules().iter().find_map(|rule| match rule {
            Rule::AtLeast(level) => Some(*level),
            _ => None,
        })
    }

    /// Shows less: only warnings and worse, errors and worse; then everything again.
    pub fn next_level(&mut self) {
        let next = match self.least() {
            None => Some(Level::Info),
            Some(Level::Info) => Some(Level::Warn),
            Some(Level::Warn) => Some(Level::Error),
            Some(_) => None,
        };
        self.refilter(|filter| {
            filter
                .rules
                .retain(|rule| !matches!(rule, Rule::AtLeast(_)));
            filter.rules.extend(next.map(Rule::AtLeast));
        });
    }

    /// Takes a pattern that was typed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn use_pattern(&mut self, prompt: Prompt, text: &str) -> Result<(), Problem> {
        if text.is_empty() {
            if prompt == Prompt::Search {
                self.search(None);
            }
            return Ok(());
        }
        let pattern = Pattern::new(text)?;
        match prompt {
            Prompt::Search => self.search(Some(pattern)),
            Prompt::Keep => self.refilter(|filter| filter.rules.push(Rule::Keep(pattern))),
            Prompt::Hide => self.refilter(|filter| filter.rules.push(Rule::Hide(pattern))),
            Prompt::Save | Prompt::Pipe => {}
        }
        Ok(())
    }
}

impl Search {
    fn new(pattern: Pattern) -> Self {
        Self {
            hits: Index::new(Filter::matching(pattern.clone())),
            pattern,
            waits: false,
        }
    }

    /// Whether it has just begun.
    const fn begin(&mut self) -> bool {
        std::mem::replace(&mut self.waits, false)
    }
}

#[cfg(test)]
mod tests;
