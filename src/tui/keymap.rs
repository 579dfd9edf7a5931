//! From a key to an action: the table's own keys, unless the settings say otherwise.

use std::collections::HashMap;

use super::actions::{ACTIONS, ActionId};
use crate::{
    config::{KeyChord, Keymap as Settings},
    domain::Problem,
};

/// Which key does what.
#[derive(Debug, Clone, Default)]
pub struct Keymap {
    by_chord: HashMap<KeyChord, ActionId>,
    by_action: HashMap<ActionId, Vec<KeyChord>>,
}

impl Keymap {
    /// The keymap of the settings, which have been read with the names of all actions. A key that two actions claim is a
    /// problem to show, never a reason not to start: the earlier of two claims holds.
    #[must_use]
    pub fn new(settings: &Settings) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut map = Self::default();
        // Keys that a person chose take precedence over those that an action merely has.
        let chosen = ACTIONS
            .iter()
            .filter(|action| settings.keys.contains_key(action.name));
        let rest = ACTIONS
            .iter()
            .filter(|action| !settings.keys.contains_key(action.name));
        for action in chosen.chain(rest) {
            let own = || {
                action
                    .keys
                    .iter()
                    .filter_map(|key| key.parse().ok())
                    .collect()
            };
            let explicit = settings.keys.get(action.name);
            let chords: Vec<KeyChord> = explicit.map_or_else(own, |list| list.0.clone());
            for chord in chords {
                if let Some(other) = map.by_chord.get(&chord) {
                    if explicit.is_some() {
                        let other = ACTIONS
                            .iter()
                            .find(|row| row.id == *other)
                            .map_or("", |row| row.name);
                        problems.push(Problem::usage(
                            format!("[keymap.keys] {chord} does not mean {:?}", action.name),
                            format!("it means {other:?} already"),
                        ));
                    }
                    continue;
                }
                map.by_chord.insert(chord, action.id);
                map.by_action.entry(action.id).or_default().push(chord);
            }
        }
        (map, problems)
    }

    /// What a key means.
    #[must_use]
    pub fn action(&self, chord: KeyChord) -> Option<ActionId> {
        self.by_chord.get(&chord).copied()
    }

    /// The first key of an action, as it is printed; empty where it has none.
    #[must_use]
    pub fn key(&self, id: ActionId) -> String {
        self.by_action
            .get(&id)
            .and_then(|keys| keys.first())
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// All keys of an action, as they are printed.
    #[must_use]
    pub fn keys(&self, id: ActionId) -> String {
        let keys = self
            .by_action
            .get(&id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        keys.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }
}
