//! Port-forwards: made in a form, switched in a list, told about by their tasks.

use super::dialog::Fate;
use crate::{
    config::{Key, KeyChord},
    domain::{Distribution, Forward, ObjectKey},
    ops::{forward::kept::Kept, workload::Offer},
    tui::{
        dialogs::{
            Dialog,
            forwards::{Forwards, Outcome},
            new_forward::{self, NewForward},
        },
        effect::Effect,
        msg::ClusterId,
        state::{State, forwards::Told},
    },
};

/// A key for the form of a new forward.
pub(super) fn form(state: &mut State, form: &mut NewForward, chord: KeyChord) -> Fate {
    match form.press(chord) {
        new_forward::Outcome::Stay => Fate::Stays,
        new_forward::Outcome::Close => Fate::Closes,
        new_forward::Outcome::Wanted(forward) => {
            let index = state.forwards.add(form.cluster.clone(), *forward, true);
            state.dialogs.push(Dialog::Forwards(Forwards { index }));
            Fate::Instead(keep(state, index, true))
        }
    }
}

/// A key for the list of forwards.
pub(super) fn list(state: &mut State, list: &mut Forwards, chord: KeyChord) -> Fate {
    let now = state.now;
    match list.press(chord, state.forwards.all.len()) {
        Outcome::Stay => {}
        Outcome::Close => return Fate::Closes,
        Outcome::Switch(place) => {
            state.forwards.switch(place);
            return Fate::Below(keep(state, place, true));
        }
        Outcome::Remove(place) => {
            let effects = keep(state, place, false);
            state.forwards.all.remove(place);
            return Fate::Below(effects);
        }
        Outcome::Copy(place) | Outcome::Browse(place) => {
            let Some(url) = url(state, place) else {
                state
                    .toasts
                    .inform("it is not open: space switches it on", now);
                return Fate::Stays;
            };
            if chord.key == Key::Char('o') {
                return Fate::Below(vec![Effect::Browse(url)]);
            }
            state.toasts.inform(format!("copied {url}"), now);
            return Fate::Below(vec![Effect::Copy(url)]);
        }
        Outcome::Explain(place) => {
            let problem = state.forwards.all.get(place).and_then(|entry| {
                let status = entry.status.as_ref();
                let error = status.and_then(|status| status.last_error.clone());
                entry.problem.clone().or(error.map(|(_, problem)| problem))
            });
            if let Some(problem) = problem {
                state.dialogs.push(Dialog::Problem(problem));
                return Fate::Below(Vec::new());
            }
            state.toasts.inform("nothing went wrong yet", now);
        }
    }
    Fate::Stays
}

/// Keeps a forward as it is now, or no longer. What is done in the simulated world is not kept.
fn keep(state: &State, place: usize, yes: bool) -> Vec<Effect> {
    let Some(entry) = state.forwards.all.get(place).filter(|_| !state.simulated) else {
        return Vec::new();
    };
    let context = match &entry.cluster {
        ClusterId::Context(name) => name.clone(),
        ClusterId::Local(Distribution::K3s, name) => format!("{LOCAL}{name}"),
        ClusterId::Local(Distribution::Kind, name) => format!("{KIND}{name}"),
    };
    let kept = Kept {
        context,
        on: entry.on,
        forward: entry.forward.clone(),
    };
    vec![Effect::Keep(entry.cluster.clone(), Box::new(kept), yes)]
}

/// What the contexts of this machine's clusters begin with.
const LOCAL: &str = "k3d-";
/// The same of kind's.
const KIND: &str = "kind-";

/// Takes in the forwards that were kept by an earlier session. They are opened as soon as their cluster is in the list.
pub(super) fn kept(state: &mut State, all: Vec<Kept>) {
    for kept in all {
        let context = kept.context.as_str();
        let id = match (context.strip_prefix(LOCAL), context.strip_prefix(KIND)) {
            (Some(name), _) => ClusterId::k3s(name),
            (None, Some(name)) => ClusterId::Local(Distribution::Kind, name.to_owned()),
            (None, None) => ClusterId::Context(context.to_owned()),
        };
        state.forwards.add(id, kept.forward, kept.on);
    }
}

/// Where a browser finds what is behind a forward.
fn url(state: &State, place: usize) -> Option<String> {
    let status = state.forwards.all.get(place)?.status.as_ref()?;
    let (address, _) = status.addresses.first()?;
    Some(format!("http://{address}"))
}

/// What a forward's task tells.
pub(super) fn told(state: &mut State, id: &ClusterId, forward: &Forward, told: Told) {
    if let Some(problem) = state.forwards.tell(id, forward, told) {
        state.toasts.fail(problem);
    }
}

/// What stands for the pod that a form or a choice is about.
pub(super) fn offered(state: &mut State, pod: &ObjectKey, offers: &[Offer]) {
    for dialog in &mut state.dialogs {
        match dialog {
            Dialog::NewForward(form) if form.pod == *pod => form.offer(offers.to_vec()),
            Dialog::LogChoice(choice) if choice.pod == *pod => choice.offer(offers.to_vec()),
            _ => {}
        }
    }
}
