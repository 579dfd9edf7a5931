//! What is before the first line of the pane: asked for when a person scrolls there.

use super::LogPane;
use crate::{domain::log::LogItem, tui::effect::Before};

/// What is known of the lines before the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Older {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// A person has scrolled there.
    Wanted,
    /// They are on their way.
    Asked,
    /// There are none.
    None,
    /// There is no room for them.
    Full,
}

impl LogPane {
    /// A person moved up; at the first line that is shown, older ones are wanted.
    pub(super) fn reached(&mut self, top: usize) {
        if top == 0 && self.older == Older::Unknown {
            self.older = Older::Wanted;
        }
    }

    /// What is there, where the lines before it are wanted; once.
    pub fn ask_older(&mut self) -> Option<Before> {
        let target = self
            .target
            .clone()
            .filter(|_| self.older == Older::Wanted)?;
        self.older = Older::Asked;
        let lines = self.store.lines().clone();
        Some(Before {
            target,
            opened: self.opened,
            lines,
        })
    }

    /// Takes in older lines; the current line and the window stay where they are.
    pub fn take_older(&mut self, items: &[LogItem]) {
        let moved = self.store.prepend(items);
        self.cursor = moved.number(self.cursor);
        self.low = moved.number(self.low);
        self.older = if items.is_empty() {
            Older::None
        } else if moved.taken() < items.len() {
            Older::Full
        } else {
            Older::Unknown
        };
    }
}
