//! What the news of tasks change.

use std::time::Duration;

use jiff::Timestamp;

use super::forwards;
use crate::{
    backend::{Backends, Change, WatchItem, docker::Tried},
    domain::{Problem, kube::ContextInfo, log::LogItem},
    ops::{Failure, Wish, World},
    plan::Plan,
    resources::nodes,
    tui::{
        dialogs::{
            Dialog, confirm_delete::ConfirmDelete, listing::Listing, plan_preview::PlanPreview,
        },
        effect::Effect,
        msg::{ClusterId, News, TaskKey},
        state::{EngineState, Pane, State, clusters::ApiState, log::Older, operations::Ending},
    },
};

/// A moment so much later, for a countdown.
fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(now)
}

pub(super) fn take(state: &mut State, key: TaskKey, news: News) -> Vec<Effect> {
    match (key, news) {
        (_, News::World(world, backends)) => engine_up(state, *world, backends),
        (_, News::EngineDown { tried, retry_in }) => {
            state.clusters.keep_selection();
            engine_down(state, tried, retry_in);
        }
        (_, News::Contexts(contexts, problems)) => take_contexts(state, contexts, problems),
        (TaskKey::Api(id), News::ApiUp(health)) => {
            if let Some(pods) = state.pods.get_mut(&id) {
                pods.answered();
            }
            state.clusters.api.insert(id, ApiState::Up(health));
        }
        (TaskKey::Api(id), News::ApiDown(problem, retry_in)) => {
            if let Some(pods) = state.pods.get_mut(&id) {
                pods.unanswered(&problem, state.now, retry_in);
            }
            let retry_at = after(state.now, retry_in);
            state
                .clusters
                .api
                .insert(id, ApiState::Down(problem, retry_at));
        }
        (TaskKey::Pods(id), News::Rows(item)) => {
            let now = state.now;
            // The view is made anew once a frame, not once a batch: see `State::settle`.
            state.pods.entry(id).or_default().take(item, now);
        }
        (TaskKey::Nodes(id), News::Rows(item)) => take_nodes(state, id, item),
        (TaskKey::PodUsage(id), News::PodUsage(usage)) => {
            if let Some(pods) = state.pods.get_mut(&id) {
                pods.usage = usage.into_iter().collect();
            }
        }
        (TaskKey::Usage(container), News::Usage(usage)) => {
            state.clusters.measure(&container, usage);
        }
        (TaskKey::Log(target, opened), News::Log(items)) if state.log.is_of(&target, opened) => {
            state.log.take(&items);
        }
        (TaskKey::Older(target, opened), News::Older(result))
            if state.log.is_of(&target, opened) =>
        {
            older(state, result);
        }
        (TaskKey::Forward(id, wanted), News::Forward(told)) => {
            forwards::told(state, &id, &wanted, told);
        }
        (_, News::Kept(all)) => forwards::kept(state, all),
        (TaskKey::Around(_, pod), News::Around(offers)) => forwards::offered(state, &pod, &offers),
        (TaskKey::Listing(kind, number), News::Listed(items)) => {
            let mut lists = lists(state);
            if let Some(list) = lists.find(|list| list.kind == kind && list.number == number) {
                list.take(items);
            }
        }
        (TaskKey::Check, News::Checked(files, problem)) => {
            for dialog in &mut state.dialogs {
                if let Dialog::Form(form) = dialog {
                    form.take_checked(&files, problem.as_ref());
                }
            }
        }
        (_, News::Exported(result)) => exported(state, result),
        (TaskKey::Plan(id), News::Planned(result)) => planned(state, id, result),
        (TaskKey::Operation(id), News::Step(event)) => {
            let now = state.now;
            if let Some(operation) = state.operations.get_mut(id) {
                operation.take(event, now);
            }
        }
        (TaskKey::Operation(id), News::Over(result)) => {
            over(
                state,
                id,
                match result {
                    Ok(report) => Ending::Well(report),
                    Err(failure) => Ending::Badly(failure),
                },
            );
        }
        (TaskKey::Plan(id), News::Broke(problem)) => planned(state, id, Err(problem)),
        // Nobody undoes what it did, but the cluster carries its mark, and the next observation offers to finish it.
        (TaskKey::Operation(id), News::Broke(problem)) => over(
            state,
            id,
            Ending::Badly(Box::new(Failure {
                problem,
                undone: false,
                left: Vec::new(),
            })),
        ),
        (_, News::Broke(problem)) => state.toasts.fail(problem),
        // News of a kind that its task does not have.
        _ => {}
    }
    Vec::new()
}

fn engine_up(state: &mut State, world: World, backends: Backends) {
    state.around.take(&world);
    state.engine = EngineState::Up(world.engine);
    state.backends = Some(backends);
    let height = state.laid.rows(Pane::Clusters);
    let before = state.selected().cloned();
    state.clusters.set_world(world.clusters, height);
    after_clusters(state, before.as_ref());
    silence(state);
}

/// Where no server runs nobody is asked, so that what was known of the API and its objects is as old as that.
fn silence(state: &mut State) {
    let mute = state.clusters.world.iter().filter(|one| !one.serves());
    for cluster in mute {
        let id = ClusterId::of(cluster);
        state.clusters.api.remove(&id);
        if let Some(pods) = state.pods.get_mut(&id) {
            let what = format!("ask the API of cluster {:?}", cluster.name.as_str());
            let problem = Problem::unreachable(what, "none of its servers runs");
            pods.unanswered(&problem, state.now, Duration::ZERO);
        }
    }
}

fn take_contexts(state: &mut State, contexts: Vec<ContextInfo>, problems: Vec<Problem>) {
    let height = state.laid.rows(Pane::Clusters);
    let before = state.selected().cloned();
    for over in state.clusters.set_contexts(contexts, problems, height) {
        state.toasts.withdraw(&over);
    }
    after_clusters(state, before.as_ref());
    for problem in &state.clusters.wrong {
        state.toasts.fail(problem.clone());
    }
}

fn after_clusters(state: &mut State, before: Option<&ClusterId>) {
    if state.selected() == before {
        super::act::settle_nodes(state);
    } else {
        super::act::cluster_changed(state);
    }
    let list = &state.clusters.list;
    state.pods.retain(|id, _| list.contains(id));
    state.forwards.closed_unless(|id| list.contains(id));
}

fn take_nodes(state: &mut State, id: ClusterId, item: WatchItem) {
    match &item {
        WatchItem::Live => drop(state.clusters.nodes_unknown.remove(&id)),
        WatchItem::Broken { problem, .. } => {
            let unknown = &mut state.clusters.nodes_unknown;
            unknown.insert(id.clone(), problem.clone());
        }
        _ => {}
    }
    let statuses = state.clusters.statuses.entry(id).or_default();
    match item {
        WatchItem::Page { rows, first } => {
            if first {
                statuses.clear();
            }
            for row in &rows {
                statuses.insert(row.key.name.to_string(), nodes::status_of_row(row));
            }
        }
        WatchItem::Changes(changes) => {
            for change in changes {
                match change {
                    Change::Set(row) => {
                        statuses.insert(row.key.name.to_string(), nodes::status_of_row(&row));
                    }
                    Change::Gone(key) => {
                        statuses.remove(&*key.name);
                    }
                }
            }
        }
        WatchItem::Live | WatchItem::Unseen(_) | WatchItem::Broken { .. } => {}
    }
}

fn engine_down(state: &mut State, tried: Vec<Tried>, retry_in: Duration) {
    let retry_at = after(state.now, retry_in);
    let (since, before) = match &state.engine {
        EngineState::Up(info) => (state.now, Some(info.clone())),
        EngineState::Down { since, before, .. } => (*since, before.clone()),
        EngineState::Connecting => (state.now, None),
    };
    state.engine = EngineState::Down {
        tried,
        since,
        retry_at,
        before,
    };
}

/// The lists that are open.
fn lists(state: &mut State) -> impl Iterator<Item = &mut Listing> {
    state.dialogs.iter_mut().filter_map(|dialog| match dialog {
        Dialog::Listing(list) => Some(&mut **list),
        _ => None,
    })
}

fn older(state: &mut State, result: Result<Vec<LogItem>, Problem>) {
    match result {
        Ok(items) => state.log.take_older(&items),
        Err(problem) => {
            state.log.older = Older::Unknown;
            state.toasts.fail(problem);
        }
    }
    let now = state.now;
    match state.log.older {
        Older::None => state.toasts.inform("the log begins here", now),
        Older::Full => {
            let words = "no room for older lines: see logs.disk_mib in the settings";
            state.toasts.inform(words, now);
        }
        _ => {}
    }
}

fn exported(state: &mut State, result: Result<(String, String), Problem>) {
    match result {
        Ok((done, said)) if said.is_empty() => {
            let now = state.now;
            state.toasts.inform(done, now);
        }
        Ok((done, said)) => state.dialogs.push(Dialog::Text(done, said)),
        Err(problem) => state.toasts.fail(problem),
    }
}

fn planned(state: &mut State, id: u64, result: Result<(Wish, Plan), Problem>) {
    // A person who left the wait does not want the plan any more.
    let Some(place) = state
        .dialogs
        .iter()
        .position(|dialog| matches!(dialog, Dialog::Planning(other, _) if *other == id))
    else {
        return;
    };
    state.dialogs.remove(place);
    match result {
        Ok((wish, plan)) => {
            let dialog = match &wish {
                Wish::Delete(cluster) | Wish::Remove(cluster) => Dialog::ConfirmDelete(
                    id,
                    wish.clone(),
                    Box::new(ConfirmDelete::new(cluster.clone(), plan)),
                ),
                _ => Dialog::Preview(id, wish, Box::new(PlanPreview::new(plan))),
            };
            state.dialogs.push(dialog);
        }
        Err(problem) => state.dialogs.push(Dialog::Problem(problem)),
    }
}

fn over(state: &mut State, id: u64, ending: Ending) {
    let now = state.now;
    let Some(operation) = state.operations.get_mut(id) else {
        return;
    };
    let title = operation.plan.title.clone();
    let started = operation.started;
    operation.end(now, ending.clone());
    lists(state).for_each(Listing::again);
    let watched = state
        .dialogs
        .iter()
        .any(|dialog| matches!(dialog, Dialog::Progress(other, _) if *other == id));
    match ending {
        Ending::Well(report) => {
            let seconds = now.duration_since(started).as_secs();
            state
                .toasts
                .inform(format!("{title}: done in {seconds} s"), now);
            // A finished progress page has said all it had to say.
            state
                .dialogs
                .retain(|dialog| !matches!(dialog, Dialog::Progress(other, _) if *other == id));
            for warning in report.warnings {
                state.toasts.fail(warning);
            }
        }
        Ending::Badly(failure) if !watched => state.toasts.fail(failure.problem),
        Ending::Badly(_) => {}
    }
}
