//! A selection that stays with its thing while the list around it changes, and the part of the list that is visible.

/// The selection of a list whose things are known by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scroll<K> {
    /// The selected thing.
    pub selected: Option<K>,
    /// Where it was last, for the moment when it is gone.
    index: usize,
    /// The first visible line.
    pub offset: usize,
}

impl<K> Default for Scroll<K> {
    fn default() -> Self {
        Self {
            selected: None,
            index: 0,
            offset: 0,
        }
    }
}

impl<K: Clone + PartialEq> Scroll<K> {
    /// After the list has changed: the same thing stays selected; where it is gone, what took its place is.
    pub fn settle(
        &mut self,
        len: usize,
        height: usize,
        find: impl Fn(&K) -> Option<usize>,
        key: impl Fn(usize) -> K,
    ) {
        if len == 0 {
            *self = Self {
                index: self.index,
                ..Self::default()
            };
            return;
        }
        if let Some(index) = self.selected.as_ref().and_then(find) {
            self.index = index;
        } else {
            self.index = self.index.min(len - 1);
            self.selected = Some(key(self.index));
        }
        self.keep_visible(len, height);
    }

    /// Moves the selection by lines.
    pub fn step(&mut self, by: isize, len: usize, height: usize, key: impl Fn(usize) -> K) {
        if len == 0 {
            return;
        }
        self.index = self.index.saturating_add_signed(by).min(len - 1);
        self.selected = Some(key(self.index));
        self.keep_visible(len, height);
    }

    /// Where the selection is.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Forgets where the selection was, so that the next list begins at its top.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Scrolls as far as the selection needs to be in view.
    pub fn keep_visible(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        self.offset = self
            .offset
            .min(self.index)
            .max((self.index + 1).saturating_sub(height));
        self.offset = self.offset.min(len.saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_with_its_thing() {
        let mut scroll = Scroll::default();
        let list = ["a", "b", "c"];
        scroll.settle(3, 2, |key| list.iter().position(|x| x == key), |i| list[i]);
        assert_eq!(scroll.selected, Some("a"));
        scroll.step(9, 3, 2, |i| list[i]);
        assert_eq!((scroll.selected, scroll.offset), (Some("c"), 1));
        let list = ["0", "c", "d"];
        scroll.settle(3, 2, |key| list.iter().position(|x| x == key), |i| list[i]);
        assert_eq!((scroll.selected, scroll.index()), (Some("c"), 1));
        let list = ["0", "d"];
        scroll.settle(2, 2, |key| list.iter().position(|x| x == key), |i| list[i]);
        assert_eq!(scroll.selected, Some("d"));
        scroll.settle(0, 2, |_| None, |_| "never");
        assert_eq!(scroll.selected, None);
    }

    #[test]
    fn whatever_the_height_the_selection_is_visible() {
        for len in 0..30 {
            for height in 0..12 {
                let mut scroll = Scroll::default();
                for by in [0, 1, 5, -3, 100, -1, -100, 7] {
                    scroll.step(by, len, height, |i| i);
                    let visible = scroll.offset..scroll.offset + height.max(1);
                    assert!(
                        len == 0 || visible.contains(&scroll.index()),
                        "{len} {height} {by} {scroll:?}"
                    );
                }
            }
        }
    }
}
