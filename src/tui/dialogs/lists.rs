//! Lists above the panes: the help, the palette, the action menu, the operations. Each is a filter, a selection and
//! what is to be listed, which is taken from the state when it is drawn.

use crate::{
    config::{Key, KeyChord},
    tui::{
        actions::{ACTIONS, Action, ActionId, relevant},
        dialogs::field::Field,
        msg::ClusterId,
        state::State,
    },
};

/// A list with a filter.
#[derive(Debug, Clone, Default)]
pub struct Picker {
    /// What is typed.
    pub field: Field,
    /// The selected entry.
    pub index: usize,
}

/// What a key did to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// The selected entry was chosen.
    Chosen(usize),
}

impl Picker {
    /// Takes a key; `len` is how many entries there are.
    pub fn press(&mut self, chord: KeyChord, len: usize) -> Outcome {
        let last = len.saturating_sub(1);
        match (chord.ctrl, chord.key) {
            (_, Key::Esc) | (true, Key::Char('c')) => return Outcome::Close,
            (_, Key::Enter) => {
                return if len == 0 {
                    Outcome::Stay
                } else {
                    Outcome::Chosen(self.index.min(last))
                };
            }
            (_, Key::Down | Key::Tab) | (true, Key::Char('n')) => {
                self.index = (self.index + 1).min(last);
            }
            (_, Key::Up) | (true, Key::Char('p')) => self.index = self.index.saturating_sub(1),
            (_, Key::PageDown) => self.index = (self.index + 10).min(last),
            (_, Key::PageUp) => self.index = self.index.saturating_sub(10),
            _ => {
                if self.field.press(chord) {
                    self.index = 0;
                }
            }
        }
        Outcome::Stay
    }
}

/// Something the palette can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Use an action.
    Act(ActionId),
    /// Go to a cluster.
    Go(ClusterId),
}

/// The entries of the palette that match what is typed: actions that can be used, then clusters.
#[must_use]
pub fn palette(state: &State, typed: &str) -> Vec<(Entry, String, String)> {
    let actions = ACTIONS
        .iter()
        .filter(|action| action.enabled(state).is_ok())
        .map(|action| {
            (
                Entry::Act(action.id),
                action.name.to_owned(),
                action.doc.to_owned(),
            )
        });
    let clusters = state.clusters.list.iter().map(|id| match id {
        ClusterId::Local(_, name) => (
            Entry::Go(id.clone()),
            match state.clusters.at(id) {
                Some(cluster) => state.clusters.address(cluster).to_string(),
                None => name.clone(),
            },
            "go to the cluster".to_owned(),
        ),
        ClusterId::Context(name) => (
            Entry::Go(id.clone()),
            name.clone(),
            "go to the context".to_owned(),
        ),
    });
    let mut found: Vec<_> = actions
        .chain(clusters)
        .filter_map(|entry| Some((rank(&entry.1, typed)?, entry)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// How well a name matches: the smaller the better, `None` for not at all. The letters have to come in order.
fn rank(name: &str, typed: &str) -> Option<usize> {
    if typed.is_empty() || name.starts_with(typed) {
        return Some(0);
    }
    if let Some(place) = name.find(typed) {
        return Some(1 + place);
    }
    let mut letters = name.char_indices();
    let mut first = None;
    for wanted in typed.chars().filter(|c| !c.is_whitespace()) {
        let (place, _) = letters.find(|(_, c)| c.eq_ignore_ascii_case(&wanted))?;
        first.get_or_insert(place);
    }
    Some(100 + first.unwrap_or(0))
}

/// The entries of the action menu: what is of use here, and the reason where one cannot be used.
#[must_use]
pub fn menu(state: &State, typed: &str) -> Vec<(&'static Action, Result<(), String>)> {
    relevant(state)
        .filter(|action| action.id != ActionId::Menu && rank(action.name, typed).is_some())
        .map(|action| (action, action.enabled(state)))
        .collect()
}

/// The lines of the help, grouped.
#[must_use]
pub fn help(typed: &str) -> Vec<&'static Action> {
    let mut found: Vec<&'static Action> = ACTIONS
        .iter()
        .filter(|action| {
            typed.is_empty()
                || action.doc.to_lowercase().contains(&typed.to_lowercase())
                || rank(action.name, typed).is_some()
        })
        .collect();
    let order = |group: &str| ACTIONS.iter().position(|action| action.group == group);
    found.sort_by_key(|action| order(action.group));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_match_and_beginnings_come_first() {
        assert_eq!(rank("new-cluster", "new"), Some(0));
        assert!(rank("start-stop", "stop") < rank("scale", "sl"));
        assert_eq!(rank("scale", "lx"), None);
    }
}
