//! Keys for the uppermost dialog, and what their outcomes do.

use super::{act, forwards, listing};
use crate::{
    config::{Key, KeyChord},
    ops::Wish,
    tui::{
        actions::ActionId,
        dialogs::{
            Dialog, confirm_delete, form,
            lists::{self, Picker},
            plan_preview, scale,
        },
        effect::Effect,
        state::{Pane, State},
    },
};

/// What becomes of the dialog that a key was for.
pub(super) enum Fate {
    /// It stays open.
    Stays,
    /// It is closed.
    Closes,
    /// It stays below what it led to.
    Below(Vec<Effect>),
    /// It is closed for what it led to.
    Instead(Vec<Effect>),
}

pub(super) fn press(state: &mut State, chord: KeyChord) -> Vec<Effect> {
    let Some(mut dialog) = state.dialogs.pop() else {
        return Vec::new();
    };
    let place = state.dialogs.len();
    let (stays, effects) = match fate(state, &mut dialog, chord) {
        Fate::Stays => (true, Vec::new()),
        Fate::Closes => (false, Vec::new()),
        Fate::Below(effects) => (true, effects),
        Fate::Instead(effects) => (false, effects),
    };
    if stays {
        state.dialogs.insert(place.min(state.dialogs.len()), dialog);
    }
    effects
}

fn fate(state: &mut State, dialog: &mut Dialog, chord: KeyChord) -> Fate {
    match dialog {
        // A form stays below the plan that it leads to, so that leaving the plan leads back to it.
        Dialog::Form(form) => match form.press(chord) {
            form::Outcome::Stay => Fate::Stays,
            form::Outcome::Close => Fate::Closes,
            form::Outcome::Wanted(wish) => Fate::Below(act::plan(state, wish)),
        },
        Dialog::Listing(list) => listing::press(state, list, chord),
        Dialog::Scale(question) => match question.press(chord) {
            scale::Outcome::Stay => Fate::Stays,
            scale::Outcome::Close => Fate::Closes,
            scale::Outcome::Wanted { servers, agents } => {
                let cluster = question.cluster.clone();
                Fate::Below(act::plan(
                    state,
                    Wish::Scale {
                        cluster,
                        servers,
                        agents,
                    },
                ))
            }
        },
        Dialog::NewForward(form) => forwards::form(state, form, chord),
        Dialog::Forwards(list) => forwards::list(state, list, chord),
        Dialog::LogChoice(choice) => super::log::choose(state, choice, chord),
        Dialog::Fields(line) => super::log::fields(state, line, chord),
        Dialog::Preview(id, wish, preview) => match preview.press(chord) {
            plan_preview::Outcome::Stay => Fate::Stays,
            plan_preview::Outcome::Close => Fate::Closes,
            plan_preview::Outcome::Apply => {
                let plan = preview.plan().clone();
                Fate::Instead(begin(state, *id, wish.clone(), plan))
            }
        },
        Dialog::ConfirmDelete(id, wish, question) => match question.press(chord) {
            confirm_delete::Outcome::Stay => Fate::Stays,
            confirm_delete::Outcome::Close => Fate::Closes,
            confirm_delete::Outcome::Confirmed => {
                let plan = question.plan().clone();
                Fate::Instead(begin(state, *id, wish.clone(), plan))
            }
        },
        Dialog::Progress(id, scroll) => progress(state, *id, scroll, chord),
        Dialog::Operations(picker) => operations(state, picker, chord),
        Dialog::Palette(picker) => palette(state, picker, chord),
        Dialog::Menu(picker) => {
            let entries = lists::menu(state, picker.field.text());
            let chosen = picker.press(chord, entries.len());
            used(state, chosen, |place| {
                entries.get(place).map(|(action, _)| action.id)
            })
        }
        Dialog::Help(picker) => {
            let entries = lists::help(picker.field.text());
            let chosen = picker.press(chord, entries.len());
            used(state, chosen, |place| {
                entries.get(place).map(|action| action.id)
            })
        }
        Dialog::Planning(..) if chord.key == Key::Esc => Fate::Closes,
        Dialog::AppLog | Dialog::Problem(_) | Dialog::Text(..)
            if matches!(chord.key, Key::Esc | Key::Enter | Key::Char('q')) =>
        {
            Fate::Closes
        }
        Dialog::Planning(..) | Dialog::AppLog | Dialog::Problem(_) | Dialog::Text(..) => {
            Fate::Stays
        }
        Dialog::Quit => match chord.key {
            Key::Char('c') => {
                let ids: Vec<u64> = state
                    .operations
                    .running()
                    .map(|operation| operation.id)
                    .collect();
                Fate::Below(ids.into_iter().filter_map(|id| cancel(state, id)).collect())
            }
            Key::Char('q') => Fate::Instead(vec![Effect::Quit]),
            Key::Esc => Fate::Closes,
            _ => Fate::Stays,
        },
    }
}

fn progress(state: &mut State, id: u64, scroll: &mut usize, chord: KeyChord) -> Fate {
    match (chord.ctrl, chord.key) {
        (true, Key::Char('c')) => return Fate::Below(cancel(state, id).into_iter().collect()),
        (_, Key::Esc | Key::Char('q')) => return Fate::Closes,
        (_, Key::Down | Key::Char('j')) => *scroll += 1,
        (_, Key::Up | Key::Char('k')) => *scroll = scroll.saturating_sub(1),
        _ => {}
    }
    Fate::Stays
}

fn operations(state: &mut State, picker: &mut Picker, chord: KeyChord) -> Fate {
    let ids: Vec<u64> = state
        .operations
        .all
        .iter()
        .rev()
        .map(|operation| operation.id)
        .collect();
    match picker.press(chord, ids.len()) {
        lists::Outcome::Stay => Fate::Stays,
        lists::Outcome::Close => Fate::Closes,
        lists::Outcome::Chosen(place) => {
            state
                .dialogs
                .extend(ids.get(place).map(|id| Dialog::Progress(*id, 0)));
            Fate::Below(Vec::new())
        }
    }
}

fn palette(state: &mut State, picker: &mut Picker, chord: KeyChord) -> Fate {
    let entries = lists::palette(state, picker.field.text());
    match picker.press(chord, entries.len()) {
        lists::Outcome::Stay => Fate::Stays,
        lists::Outcome::Close => Fate::Closes,
        lists::Outcome::Chosen(place) => match entries.into_iter().nth(place) {
            Some((entry, ..)) => Fate::Instead(choose(state, entry)),
            None => Fate::Closes,
        },
    }
}

/// Uses the action that was chosen from a list of them.
fn used(
    state: &mut State,
    outcome: lists::Outcome,
    action: impl Fn(usize) -> Option<ActionId>,
) -> Fate {
    match outcome {
        lists::Outcome::Stay => Fate::Stays,
        lists::Outcome::Close => Fate::Closes,
        lists::Outcome::Chosen(place) => match action(place) {
            Some(id) => Fate::Instead(act::act(state, id)),
            None => Fate::Closes,
        },
    }
}

/// Begins an operation and shows its progress; what led to it is done with.
fn begin(state: &mut State, id: u64, wish: Wish, plan: crate::plan::Plan) -> Vec<Effect> {
    let now = state.now;
    if let Wish::Create { spec, .. } = &wish {
        state.clusters.prefer = Some(spec.name.to_string());
    }
    // A list stays below, and is fetched again when the operation is over.
    state
        .dialogs
        .retain(|dialog| matches!(dialog, Dialog::Listing(_)));
    state.operations.begin(id, wish.clone(), plan.clone(), now);
    state.dialogs.push(Dialog::Progress(id, 0));
    vec![Effect::Execute(id, wish, Box::new(plan))]
}

fn cancel(state: &mut State, id: u64) -> Option<Effect> {
    let operation = state.operations.get_mut(id)?;
    if operation.ended.is_some() {
        return None;
    }
    operation.cancelled = true;
    Some(Effect::CancelOperation(id))
}

fn choose(state: &mut State, entry: lists::Entry) -> Vec<Effect> {
    match entry {
        lists::Entry::Act(id) => act::act(state, id),
        lists::Entry::Go(id) => {
            state.clusters.scroll.selected = Some(id);
            let list = &state.clusters.list;
            let height = state.laid.rows(Pane::Clusters);
            state.clusters.scroll.settle(
                list.len(),
                height,
                |id| list.iter().position(|other| other == id),
                |i| list[i].clone(),
            );
            act::cluster_changed(state);
            state.focus = Pane::Pods;
            Vec::new()
        }
    }
}
