//! What each action does.

use crate::{
    domain::{ClusterName, ClusterState, Role},
    ops::Wish,
    tui::{
        actions::{self, ActionId, Scope},
        dialogs::{
            Dialog, forwards::Forwards, lists::Picker, log_choice::LogChoice,
            new_forward::NewForward, scale::Scale,
        },
        effect::Effect,
        msg::LogTarget,
        state::{Pane, State},
    },
};

/// Uses an action, or says why it cannot be used now.
pub(super) fn act(state: &mut State, id: ActionId) -> Vec<Effect> {
    if let Some(action) = actions::get(id)
        && let Err(why) = action.enabled(state)
    {
        let now = state.now;
        state.toasts.inform(format!("{}: {why}", action.name), now);
        return Vec::new();
    }
    if actions::get(id).is_some_and(|action| action.scope == Scope::Pane(Pane::Log)) {
        return super::log::act(state, id);
    }
    match id {
        ActionId::Up => step(state, -1),
        ActionId::Down => step(state, 1),
        ActionId::PageUp => step(state, -page(state)),
        ActionId::PageDown => step(state, page(state)),
        ActionId::Top => step(state, isize::MIN / 2),
        ActionId::Bottom => step(state, isize::MAX / 2),
        ActionId::NextPane => turn(state, 1),
        ActionId::PreviousPane => turn(state, Pane::ALL.len() - 1),
        ActionId::Open => open(state),
        ActionId::Back => back(state),
        ActionId::Zoom => state.zoom = !state.zoom,
        ActionId::Filter => {
            state.focus = Pane::Pods;
            state.filter.editing = true;
        }
        ActionId::Log => {
            let target = state.log_target();
            state.log.open(target);
            state.focus = Pane::Log;
        }
        ActionId::Previous => previous(state),
        ActionId::Forward => {
            if let Some((cluster, pod)) = state.selected_pod() {
                let form = NewForward::new(cluster.clone(), pod.clone());
                state.dialogs.push(Dialog::NewForward(Box::new(form)));
            }
        }
        ActionId::Logs => {
            if let Some((cluster, pod)) = state.selected_pod() {
                let choice = LogChoice::new(cluster.clone(), pod.clone());
                state.dialogs.push(Dialog::LogChoice(Box::new(choice)));
            }
        }
        ActionId::Forwards => state.dialogs.push(Dialog::Forwards(Forwards::default())),
        ActionId::Scale => scale(state),
        ActionId::StartStop => {
            let stopped = state
                .selected_cluster()
                .is_some_and(|cluster| cluster.state != ClusterState::Running);
            return plan_for_selected(state, if stopped { Wish::Start } else { Wish::Stop });
        }
        ActionId::Restart => return plan_for_selected(state, Wish::Restart),
        ActionId::Delete => return plan_for_selected(state, Wish::Delete),
        ActionId::Finish => return plan_for_selected(state, Wish::Finish),
        ActionId::CleanUp => return plan_for_selected(state, Wish::Remove),
        ActionId::CopyName => {
            if let Some(name) = selected_name(state) {
                let now = state.now;
                state.toasts.inform(format!("copied {name}"), now);
                return vec![Effect::Copy(name)];
            }
        }
        ActionId::Operations => state.dialogs.push(Dialog::Operations(Picker::default())),
        ActionId::AppLog => state.dialogs.push(Dialog::AppLog),
        ActionId::Menu => state.dialogs.push(Dialog::Menu(Picker::default())),
        ActionId::Palette => state.dialogs.push(Dialog::Palette(Picker::default())),
        ActionId::Help => state.dialogs.push(Dialog::Help(Picker::default())),
        ActionId::Retry => return vec![Effect::RetryEngine, Effect::RetryContexts],
        ActionId::Simulate => return vec![Effect::Simulate],
        ActionId::Mouse => return mouse(state),
        ActionId::Redraw => return vec![Effect::Redraw],
        ActionId::Suspend => return vec![Effect::Suspend],
        ActionId::Quit => {
            if state.operations.running().next().is_none() {
                return vec![Effect::Quit];
            }
            state.dialogs.push(Dialog::Quit);
        }
        // Those of the log pane are done above.
        _ => return super::things::act(state, id),
    }
    Vec::new()
}

/// The log of the pod's run before, or back from it.
fn previous(state: &mut State) {
    let shown = matches!(state.log.target, Some(LogTarget::Previous(..)));
    state.focus = Pane::Pods;
    let target = match state.selected_pod() {
        Some((cluster, pod)) if !shown => Some(LogTarget::Previous(cluster.clone(), pod.clone())),
        _ => state.log_target(),
    };
    state.log.open(target);
    state.log.pinned = !shown;
    state.focus = Pane::Log;
}

/// Leaves the mouse to the terminal, or takes it back.
fn mouse(state: &mut State) -> Vec<Effect> {
    state.mouse = !state.mouse;
    let now = state.now;
    let key = state.keymap.key(ActionId::Mouse);
    let words = if state.mouse {
        format!("the mouse moves the selection here; {key} leaves it to the terminal")
    } else {
        format!("the mouse selects text in the terminal; {key} takes it back")
    };
    state.toasts.inform(words, now);
    vec![Effect::Mouse(state.mouse)]
}

fn scale(state: &mut State) {
    if let Some(cluster) = state.selected_cluster() {
        let count = |role| u16::try_from(cluster.count(role).1).unwrap_or(u16::MAX);
        let (servers, agents) = (count(Role::Server), count(Role::Agent));
        let dialog = Scale::new(state.clusters.address(cluster), servers, agents);
        state.dialogs.push(Dialog::Scale(dialog));
    }
}

/// Asks for the plan of a wish; what comes back opens a preview.
pub(super) fn plan(state: &mut State, wish: Wish) -> Vec<Effect> {
    let id = state.operations.number();
    state.dialogs.push(Dialog::Planning(id, wish.clone()));
    vec![Effect::Plan(id, wish)]
}

fn plan_for_selected(state: &mut State, wish: impl FnOnce(ClusterName) -> Wish) -> Vec<Effect> {
    match state
        .selected_cluster()
        .map(|cluster| state.clusters.address(cluster))
    {
        Some(name) => plan(state, wish(name)),
        None => Vec::new(),
    }
}

fn selected_name(state: &State) -> Option<String> {
    match state.focus {
        Pane::Clusters => state.selected().map(|id| id.name().to_owned()),
        Pane::Nodes => state.node.selected.clone(),
        Pane::Pods | Pane::Log => state
            .selected_pods()?
            .scroll
            .selected
            .as_ref()
            .map(|key| key.name.to_string()),
    }
}

fn page(state: &State) -> isize {
    isize::try_from(state.laid.rows(state.focus)).unwrap_or(1)
}

fn turn(state: &mut State, by: usize) {
    let here = Pane::ALL
        .iter()
        .position(|pane| *pane == state.focus)
        .unwrap_or(0);
    state.focus = Pane::ALL[(here + by) % Pane::ALL.len()];
}

fn step(state: &mut State, by: isize) {
    let pane = state.focus;
    step_in(state, pane, by);
}

/// Moves the window of the log, or the selection of another pane.
pub(super) fn turn_wheel(state: &mut State, pane: Pane, by: isize) {
    if pane == Pane::Log {
        let height = state.laid.rows(pane);
        state.log.scroll(by, height);
    } else {
        step_in(state, pane, by);
    }
}

/// Moves the selection of a pane.
pub(super) fn step_in(state: &mut State, pane: Pane, by: isize) {
    let height = state.laid.rows(pane);
    match pane {
        Pane::Clusters => {
            state.clusters.keep_selection();
            let list = &state.clusters.list;
            state
                .clusters
                .scroll
                .step(by, list.len(), height, |i| list[i].clone());
            cluster_changed(state);
        }
        Pane::Nodes => {
            let names: Vec<String> = state.nodes().iter().map(|node| node.name.clone()).collect();
            state
                .node
                .step(by, names.len(), height, |i| names[i].clone());
        }
        Pane::Pods => {
            if let Some(id) = state.selected().cloned()
                && let Some(pods) = state.pods.get_mut(&id)
            {
                pods.step(by, height);
            }
        }
        Pane::Log => state.log.step(by, height),
    }
}

/// After another cluster was selected: its nodes, its filter.
pub(super) fn cluster_changed(state: &mut State) {
    settle_nodes(state);
    state.settle();
}

/// Keeps the selected node among the nodes that there are.
pub(super) fn settle_nodes(state: &mut State) {
    let names: Vec<String> = state.nodes().iter().map(|node| node.name.clone()).collect();
    let height = state.laid.rows(Pane::Nodes);
    state.node.settle(
        names.len(),
        height,
        |name| names.iter().position(|other| other == name),
        |i| names[i].clone(),
    );
}

/// Shows all pods again.
pub(super) fn clear_filter(state: &mut State) {
    state.filter = crate::tui::state::pods::FilterField::default();
    state.settle();
}

fn open(state: &mut State) {
    state.clusters.keep_selection();
    state.focus = match state.focus {
        Pane::Clusters => Pane::Pods,
        Pane::Nodes | Pane::Pods => {
            let target = state.log_target();
            state.log.open(target);
            Pane::Log
        }
        Pane::Log => Pane::Log,
    };
}

/// One step back; never out of the program.
fn back(state: &mut State) {
    if state.toasts.dismiss() {
        return;
    }
    if !state.filter.field.text().is_empty() {
        clear_filter(state);
    } else if state.zoom {
        state.zoom = false;
    } else if state.focus == Pane::Log && state.selected_pods().is_some() {
        state.log.pinned = false;
        state.focus = Pane::Pods;
    } else {
        state.focus = Pane::Clusters;
    }
}
