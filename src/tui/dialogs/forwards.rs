//! The list of port-forwards: switched on and off, copied, opened, removed.

use crate::config::{Key, KeyChord};

/// Which one is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forwards {
    /// Its place.
    pub index: usize,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// The one at this place is to be switched on or off.
    Switch(usize),
    /// Its address is to be copied.
    Copy(usize),
    /// Its address is to be opened in the browser.
    Browse(usize),
    /// It is to be forgotten.
    Remove(usize),
    /// Its last error is to be shown in full.
    Explain(usize),
}

impl Forwards {
    /// Takes a key; `len` is how many there are.
    pub fn press(&mut self, chord: KeyChord, len: usize) -> Outcome {
        let last = len.saturating_sub(1);
        self.index = self.index.min(last);
        match (chord.ctrl, chord.key) {
            (true, Key::Char('c')) | (_, Key::Esc | Key::Char('q')) => return Outcome::Close,
            (_, Key::Down | Key::Char('j')) => self.index = (self.index + 1).min(last),
            (_, Key::Up | Key::Char('k')) => self.index = self.index.saturating_sub(1),
            _ if len == 0 => {}
            (true, Key::Char('d')) => return Outcome::Remove(self.index),
            (false, Key::Char(' ')) => return Outcome::Switch(self.index),
            (false, Key::Char('y' | 'c')) => return Outcome::Copy(self.index),
            (false, Key::Char('o')) => return Outcome::Browse(self.index),
            (_, Key::Enter) => return Outcome::Explain(self.index),
            _ => {}
        }
        Outcome::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_work_on_the_selected_one_and_an_empty_list_has_none() {
        let press =
            |forwards: &mut Forwards, key: &str, len| forwards.press(key.parse().unwrap(), len);
        let mut list = Forwards::default();
        assert_eq!(press(&mut list, "space", 0), Outcome::Stay);
        for key in ["j", "down", "j"] {
            assert_eq!(press(&mut list, key, 3), Outcome::Stay);
        }
        assert_eq!(press(&mut list, "space", 3), Outcome::Switch(2));
        assert_eq!(press(&mut list, "ctrl-d", 2), Outcome::Remove(1));
        assert_eq!(press(&mut list, "esc", 2), Outcome::Close);
    }
}
