//! The lines that a log pane keeps: the newest ones, within a number of lines and of bytes, with an honest count of
//! what is gone.

use std::collections::VecDeque;

use crate::domain::log::LogItem;

/// A store of log items, bounded in both lines and bytes.
#[derive(Debug)]
pub struct LogStore {
    items: VecDeque<LogItem>,
    bytes: usize,
    most_items: usize,
    most_bytes: usize,
    dropped: u64,
}

impl LogStore {
    /// A store of at most so many items and so many bytes, whichever is reached first.
    #[must_use]
    pub const fn new(most_items: usize, most_bytes: usize) -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            most_items,
            most_bytes,
            dropped: 0,
        }
    }

    /// Adds an item; the oldest ones make room for it.
    pub fn push(&mut self, item: LogItem) {
        self.bytes += size(&item);
        self.items.push_back(item);
        while self.items.len() > self.most_items
            || (self.bytes > self.most_bytes && self.items.len() > 1)
        {
            if let Some(old) = self.items.pop_front() {
                self.bytes -= size(&old);
                self.dropped += 1;
            }
        }
    }

    /// Forgets everything, as for another target.
    pub fn clear(&mut self) {
        self.items.clear();
        self.bytes = 0;
        self.dropped = 0;
    }

    /// How many items it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many items made room for newer ones. Added to a place in the store it is a number that an item keeps.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The bytes of everything it holds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// An item by its place, `0` the oldest.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&LogItem> {
        self.items.get(place)
    }

    /// The items in a range of places, as far as there are any.
    pub fn range(&self, from: usize, count: usize) -> impl Iterator<Item = &LogItem> {
        let from = from.min(self.items.len());
        self.items.range(from..).take(count)
    }
}

/// What an item takes in memory.
fn size(item: &LogItem) -> usize {
    let text = match item {
        LogItem::Line(line) => line.text.len(),
        // Marks are few and short.
        LogItem::Mark(_) => 100,
    };
    text + size_of::<LogItem>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LogLine;

    fn line(text: &str) -> LogItem {
        LogItem::Line(LogLine::plain(None, text))
    }

    #[test]
    fn the_oldest_items_go_first_and_are_counted() {
        let mut store = LogStore::new(3, usize::MAX);
        for n in 0..5 {
            store.push(line(&n.to_string()));
        }
        assert_eq!(store.len(), 3);
        assert_eq!(store.dropped(), 2);
        assert_eq!(store.get(0), Some(&line("2")));
        let middle: Vec<_> = store.range(1, 9).collect();
        assert_eq!(middle, [&line("3"), &line("4")]);
        assert_eq!(store.range(9, 1).count(), 0);
    }

    #[test]
    fn bytes_are_bounded_but_the_newest_item_stays() {
        let mut store = LogStore::new(usize::MAX, 10_000);
        for _ in 0..100 {
            store.push(line(&"x".repeat(1_000)));
        }
        assert!(store.bytes() <= 10_000);
        assert_eq!(store.len() as u64 + store.dropped(), 100);
        store.push(line(&"x".repeat(100_000)));
        assert_eq!(store.len(), 1);
        store.clear();
        assert_eq!((store.bytes(), store.len(), store.dropped()), (0, 0, 0));
        assert!(store.is_empty());
    }
}
