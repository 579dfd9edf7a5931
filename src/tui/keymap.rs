//! From a key to an action: the table's own keys, unless the settings say otherwise.

use std::collections::HashMap;

use super::{
    actions::{ACTIONS, Action, ActionId, Scope},
    state::Pane,
};
use crate::{
    config::{KeyChord, Keymap as Settings},
    domain::Problem,
};

/// Which key does what. A pane may give a key a meaning of its own, which goes before the one that it has elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Keymap {
    by_chord: HashMap<KeyChord, Vec<&'static Action>>,
    by_action: HashMap<ActionId, Vec<KeyChord>>,
}

impl Keymap {
    /// The keymap of the settings, which have been read with the names of all actions. A key that two actions claim in one
    /// place is a problem to show, never a reason not to start: the earlier of two claims holds.
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
                let claims = map.by_chord.entry(chord).or_default();
                let rival = claims.iter().find(|other| other.rivals(action));
                if let Some(other) = rival {
                    if explicit.is_some() {
                        problems.push(Problem::usage(
                            format!("[keymap.keys] {chord} does not mean {:?}", action.name),
                            format!("it means {:?} already", other.name),
                        ));
                    }
                    continue;
                }
                claims.push(action);
                map.by_action.entry(action.id).or_default().push(chord);
            }
        }
        (map, problems)
    }

    /// What a key means while a pane has the focus; a key that only another pane has means that, which says where it is of
    /// use.
    #[must_use]
    pub fn action(&self, chord: KeyChord, focus: Pane) -> Option<ActionId> {
        let claims = self.by_chord.get(&chord)?;
        let here = claims
            .iter()
            .find(|action| action.scope == Scope::Pane(focus));
        let everywhere = || {
            claims
                .iter()
                .find(|action| !matches!(action.scope, Scope::Pane(_)))
        };
        here.or_else(everywhere)
            .or(claims.first())
            .map(|action| action.id)
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

    /// The first key that means an action while a pane has the focus; empty where none does.
    #[must_use]
    pub fn key_in(&self, id: ActionId, focus: Pane) -> String {
        let chords = self.by_action.get(&id).into_iter().flatten();
        let mut meant = chords.filter(|chord| self.action(**chord, focus) == Some(id));
        meant.next().map(ToString::to_string).unwrap_or_default()
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
