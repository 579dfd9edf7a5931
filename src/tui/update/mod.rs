//! What a message does: a pure function from state and message to the changed state and what is to be done.

mod act;
mod dialog;
mod forwards;
mod listing;
mod log;
mod news;
#[cfg(test)]
mod tests;
mod things;

use jiff::{SignedDuration, Timestamp};

use super::{
    dialogs::Dialog,
    effect::Effect,
    msg::{ClusterId, Msg, TaskKey},
    state::{Pane, State},
};
use crate::config::{Key, KeyChord};

/// A selection has to rest this long before its log is opened, so that moving through a list opens one log.
const REST: SignedDuration = SignedDuration::from_millis(150);

/// Takes in a message at a moment.
pub fn update(state: &mut State, msg: Msg, now: Timestamp) -> Vec<Effect> {
    state.now = now;
    if !matches!(msg, Msg::News(..)) {
        state.settle();
    }
    let answers = matches!(msg, Msg::Key(_) | Msg::Paste(_));
    let mut effects = match msg {
        Msg::Key(chord) => key(state, chord),
        Msg::Paste(text) => {
            paste(state, &text);
            Vec::new()
        }
        Msg::Click(column, row) => {
            click(state, column, row);
            Vec::new()
        }
        Msg::Wheel(lines, column, row) => {
            if state.dialogs.is_empty()
                && let Some(pane) = pane_at(state, column, row)
            {
                act::turn_wheel(state, pane, isize::from(lines));
            }
            Vec::new()
        }
        Msg::Wake => Vec::new(),
        Msg::News(key, news) => news::take(state, key, *news),
    };
    settle_log(state);
    let before = state.log.ask_older();
    effects.extend(before.map(|before| Effect::Older(Box::new(before))));
    if answers && let Some(Dialog::Form(form)) = state.dialogs.last_mut() {
        effects.extend(form.unchecked().map(Effect::Check));
    }
    effects
}

/// When the screen has to be looked at again although nothing happens: a toast goes, a rested selection opens its log,
/// a clock on the screen moves on.
pub fn next_wake(state: &mut State, now: Timestamp) -> Option<Timestamp> {
    let toast = state.toasts.expire(now);
    let log = state.log.next.as_ref().map(|(_, at)| *at);
    let second = state
        .operations
        .running()
        .next()
        .map(|_| now + SignedDuration::from_secs(1));
    let shown = super::view::next_change(state, now);
    let reading = state.log.busy.then_some(now);
    [toast, log, second, shown, reading]
        .into_iter()
        .flatten()
        .min()
}

fn key(state: &mut State, chord: KeyChord) -> Vec<Effect> {
    if !state.dialogs.is_empty() {
        return dialog::press(state, chord);
    }
    if state.log.prompt.is_some() {
        return log::press(state, chord);
    }
    if state.filter.editing {
        match chord.key {
            Key::Enter => state.filter.editing = false,
            Key::Esc => act::clear_filter(state),
            Key::Down | Key::Up => {
                act::step_in(
                    state,
                    Pane::Pods,
                    if chord.key == Key::Down { 1 } else { -1 },
                );
            }
            _ => {
                if chord.ctrl && chord.key == Key::Char('c') {
                    act::clear_filter(state);
                } else if state.filter.field.press(chord) {
                    state.settle();
                }
            }
        }
        return Vec::new();
    }
    if super::view::is_welcome(state) {
        // Nothing is there yet that these two keys could mean.
        match chord.key {
            Key::Char('r') => return vec![Effect::RetryEngine, Effect::RetryContexts],
            Key::Char('s') => return vec![Effect::Simulate],
            _ => {}
        }
    }
    match state.keymap.action(chord, state.focus) {
        Some(action) => act::act(state, action),
        None => Vec::new(),
    }
}

fn paste(state: &mut State, text: &str) {
    if let Some(dialog) = state.dialogs.last_mut() {
        dialog.paste(text);
    } else if let Some((_, field)) = &mut state.log.prompt {
        field.paste(text);
    } else if state.filter.editing {
        state.filter.field.paste(text);
        state.settle();
    }
}

fn pane_at(state: &State, column: u16, row: u16) -> Option<Pane> {
    state
        .laid
        .panes
        .iter()
        .find(|(_, area)| area.contains((column, row).into()))
        .map(|(pane, _)| *pane)
}

/// A click gives the focus and selects the row.
fn click(state: &mut State, column: u16, row: u16) {
    if !state.dialogs.is_empty() {
        return;
    }
    let Some((pane, area)) = state
        .laid
        .panes
        .iter()
        .find(|(_, area)| area.contains((column, row).into()))
        .copied()
    else {
        return;
    };
    state.focus = pane;
    let line = usize::from(row - area.y);
    let (offset, index) = match pane {
        Pane::Clusters => (state.clusters.scroll.offset, state.clusters.scroll.index()),
        Pane::Nodes => (state.node.offset, state.node.index()),
        Pane::Pods => match state.selected_pods() {
            Some(pods) => (pods.scroll.offset, pods.scroll.index()),
            None => return,
        },
        Pane::Log => return,
    };
    let by = isize::try_from(offset + line).unwrap_or(0) - isize::try_from(index).unwrap_or(0);
    act::step_in(state, pane, by);
}

/// Opens the log of the selection once it has rested.
fn settle_log(state: &mut State) {
    let target = state.log_target();
    if target == state.log.target || state.log.pinned {
        state.log.next = None;
        return;
    }
    let now = state.now;
    match (&state.log.next, &target) {
        (Some((next, at)), Some(wanted)) if next == wanted => {
            if now >= *at {
                state.log.open(target);
            }
        }
        // The first log need not rest: nobody is moving yet.
        (_, Some(_)) if state.log.target.is_none() => state.log.open(target),
        (_, Some(wanted)) => state.log.next = Some((wanted.clone(), now + REST)),
        (_, None) => state.log.open(None),
    }
}

/// The tasks that have to run for what is on the screen. The runner starts what is new and ends what is gone.
#[must_use]
pub fn wants(state: &State) -> Vec<TaskKey> {
    let mut keys = vec![TaskKey::Engine, TaskKey::Contexts];
    if let Some(id) = state.selected()
        && reachable(state)
    {
        keys.extend([
            TaskKey::Api(id.clone()),
            TaskKey::Pods(id.clone()),
            TaskKey::Nodes(id.clone()),
        ]);
        if state.selected_pods().is_some_and(|pods| !pods.is_empty()) {
            keys.push(TaskKey::PodUsage(id.clone()));
        }
    }
    // Clusters of this machine are asked whether or not they are selected; who owns a remote one may not want that.
    let running = state
        .clusters
        .world
        .iter()
        .filter(|cluster| cluster.serves());
    let asked = running.map(|cluster| TaskKey::Api(ClusterId::of(cluster)));
    for key in asked.take(ASKED) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    // Every shown cluster's containers are measured, as long as that are few; each is a stream of one message a second.
    let measured = state
        .clusters
        .world
        .iter()
        .flat_map(|cluster| &cluster.nodes)
        .filter(|node| node.is_running());
    keys.extend(
        measured
            .take(MEASURED)
            .map(|node| TaskKey::Usage(node.name.clone())),
    );
    keys.extend(state.log.task());
    let list = &state.clusters.list;
    let forwards = state
        .forwards
        .on()
        .filter(|entry| list.contains(&entry.cluster));
    keys.extend(
        forwards.map(|entry| TaskKey::Forward(entry.cluster.clone(), entry.forward.clone())),
    );
    if !state.simulated {
        keys.push(TaskKey::Kept);
    }
    match state.dialogs.last() {
        Some(Dialog::NewForward(form)) => {
            keys.push(TaskKey::Around(form.cluster.clone(), form.pod.clone()));
        }
        Some(Dialog::Listing(list)) => {
            keys.push(TaskKey::Listing(list.kind.clone(), list.number));
        }
        Some(Dialog::LogChoice(choice)) => {
            keys.push(TaskKey::Around(choice.cluster.clone(), choice.pod.clone()));
        }
        _ => {}
    }
    keys
}

/// How many clusters of this machine are asked for their health.
const ASKED: usize = 20;
/// How many containers are measured at a time.
const MEASURED: usize = 40;

/// Whether asking the selected cluster's API makes sense: a stopped cluster has none, and a remote one is not asked
/// only because its name is known a moment before the clusters of this machine.
fn reachable(state: &State) -> bool {
    if state.clusters.is_guess() {
        return false;
    }
    state
        .selected_cluster()
        .is_none_or(crate::domain::Cluster::serves)
}
