//! The log pane: a window onto a store of lines that is bounded in bytes.

use jiff::Timestamp;

use crate::{
    domain::log::LogItem,
    ops::logs::{Line, Store},
    tui::msg::LogTarget,
};

/// The lines of one log and what of them is seen.
pub struct LogPane {
    /// Whose log it is.
    pub target: Option<LogTarget>,
    /// Whose it is about to be, and from when on: moving through a list does not open a log for every row.
    pub next: Option<(LogTarget, Timestamp)>,
    /// Whether new lines scroll.
    pub follow: bool,
    /// Whether long lines are wrapped.
    pub wrap: bool,
    /// Lines between the last one and the lowest visible one, while it does not follow.
    pub up: usize,
    /// The lines.
    pub store: Store,
    limit: usize,
}

impl LogPane {
    /// A pane that keeps as many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            target: None,
            next: None,
            follow: true,
            wrap: false,
            up: 0,
            store: Store::new(limit),
            limit,
        }
    }

    /// Changes over to another log.
    pub fn open(&mut self, target: Option<LogTarget>) {
        let wrap = self.wrap;
        *self = Self {
            target,
            wrap,
            ..Self::new(self.limit)
        };
    }

    /// Takes in lines.
    pub fn take(&mut self, items: &[LogItem]) {
        self.store.extend(items);
        if !self.follow {
            self.up = (self.up + items.len()).min(self.len());
        }
    }

    fn len(&self) -> usize {
        usize::try_from(self.store.lines().len()).unwrap_or(usize::MAX)
    }

    /// The lines up to the lowest visible one, the newest first.
    pub fn upwards(&self) -> impl Iterator<Item = Line> {
        let lines = self.store.lines();
        let visible = lines.end().saturating_sub(self.up as u64);
        lines.range(lines.first()..visible).rev()
    }

    /// Moves through the lines; down to the end is to follow again.
    pub fn step(&mut self, by: isize, height: usize) {
        let most = self.len().saturating_sub(height);
        self.up = self.up.saturating_add_signed(by.saturating_neg()).min(most);
        self.follow = self.up == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LogLine;

    fn line(text: &str) -> LogItem {
        LogItem::Line(LogLine::plain(None, text))
    }

    #[test]
    fn scrolled_up_the_same_lines_stay_in_view() {
        let lowest = |log: &LogPane| log.upwards().next().map(|line| line.text().to_owned());
        let mut log = LogPane::new(1 << 20);
        log.take(&(0..50).map(|n| line(&n.to_string())).collect::<Vec<_>>());
        log.step(-5, 10);
        assert_eq!(lowest(&log).as_deref(), Some("44"));
        log.take(&[line("new")]);
        assert_eq!(lowest(&log).as_deref(), Some("44"));
        log.step(100, 10);
        assert!(log.follow);
        assert_eq!(lowest(&log).as_deref(), Some("new"));
    }
}
