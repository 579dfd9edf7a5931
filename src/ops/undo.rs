//! Takes back what a run did, last things first, and names what it could not take back.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};

use super::{
    Cancel,
    execute::{Begun, Ended},
    steps::{self, Run},
};
use crate::{
    distro::k3s::mark,
    domain::Problem,
    plan::{Event, Plan, Step, StepId, Undo},
};

/// How long all of it may take: a few containers are removed in seconds, and an engine that hangs shall not keep a
/// person who has cancelled.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long one step may take.
const STEP_DEADLINE: Duration = Duration::from_secs(45);

/// Pauses before trying again: an engine that is removing a container refuses its network for a moment.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(2),
];

/// Undoes the steps that were begun, each after the ones that came after it, and returns what is left.
pub(super) async fn undo(run: &Run<'_>, begun: &Begun, cancel: &Cancel) -> Vec<String> {
    let plan = run.plan;
    // Of begun steps all that they depend on was begun as well, so the arrows can simply be turned around.
    let mut open = vec![0_usize; plan.steps.len()];
    for id in begun.keys() {
        for earlier in &plan.steps[*id].after {
            open[*earlier] += 1;
        }
    }
    let mut left: BTreeSet<StepId> = begun
        .iter()
        .filter(|(id, end)| may_have_changed(end) && left_by(plan, begun, **id).is_some())
        .map(|(id, _)| *id)
        .collect();
    let work = async {
        let mut running = FuturesUnordered::new();
        for id in begun.keys().filter(|id| open[**id] == 0) {
            running.push(one(run, begun, *id, false));
        }
        let mut failed = false;
        while let Some((id, undone)) = running.next().await {
            if undone {
                left.remove(&id);
            } else {
                failed = true;
            }
            for earlier in &plan.steps[id].after {
                open[*earlier] -= 1;
                if open[*earlier] == 0 {
                    running.push(one(run, begun, *earlier, failed));
                }
            }
        }
    };
    // A person who asks a second time, or an engine that hangs, ends it; what is left is then known all the same.
    tokio::select! {
        () = work => {}
        () = cancel.abandoned() => {}
        () = tokio::time::sleep(DEADLINE) => {}
    }
    left.iter()
        .filter_map(|id| left_by(plan, begun, *id))
        .collect()
}

/// What a run made and nobody takes back.
pub(super) fn made(plan: &Plan, begun: &Begun) -> Vec<String> {
    begun
        .iter()
        .filter(|(_, end)| may_have_changed(end))
        .filter_map(|(id, _)| left_by(plan, begun, *id))
        .collect()
}

/// What a run that removes things did not remove.
pub(super) fn not_gone(plan: &Plan, begun: &Begun) -> Vec<String> {
    let done = |id: &StepId| {
        begun
            .get(id)
            .is_some_and(|end| matches!(end, Ended::Changed | Ended::AlreadySo))
    };
    plan.steps
        .iter()
        .enumerate()
        .filter(|(id, _)| !done(id))
        .filter_map(|(_, planned)| match &planned.step {
            Step::RemoveContainer { container } => Some(format!("container {container}")),
            Step::RemoveNetwork { network } => Some(format!("network {network}")),
            Step::RemoveVolume { volume } => Some(format!("volume {volume}")),
            Step::RemovePath { path } => Some(path.clone()),
            Step::RemoveKubeconfig { context } => {
                Some(format!("context {context} in the kubeconfig"))
            }
            _ => None,
        })
        .collect()
}

fn may_have_changed(end: &Ended) -> bool {
    match end {
        Ended::Changed => true,
        Ended::AlreadySo => false,
        Ended::Failed { in_doubt, .. } | Ended::Stopped { in_doubt } => *in_doubt,
    }
}

/// What a step leaves in the world if it is not taken back.
fn left_by(plan: &Plan, begun: &Begun, id: StepId) -> Option<String> {
    match &plan.steps[id].step {
        Step::CreateNetwork(network) => Some(format!("network {}", network.name)),
        Step::CreateVolume(volume) => Some(format!("volume {}", volume.name)),
        Step::CreateContainer(container) => Some(format!("container {}", container.name)),
        Step::StartContainer { container } if !was_made(plan, begun, container) => {
            Some(format!("{container} runs"))
        }
        Step::Connect { network, container } => {
            Some(format!("{container} is in network {network}"))
        }
        Step::StopContainer { container } => Some(format!("{container} is stopped")),
        Step::RenameContainer { container, to } => {
            Some(format!("container {container} under the name {to}"))
        }
        Step::Exchange { stop, start } => Some(format!("{start} in the place of {stop}")),
        Step::MergeKubeconfig { context, .. } => {
            Some(format!("context {context} in the kubeconfig"))
        }
        Step::Cordon { node, .. } => Some(format!("node {node} is cordoned")),
        Step::ForgetNode { node, .. } => Some(format!("node {node} in Kubernetes")),
        _ => None,
    }
}

/// Whether this run made the container: then it is removed, and needs no stopping before.
fn was_made(plan: &Plan, begun: &Begun, container: &str) -> bool {
    begun.iter().any(|(id, end)| {
        may_have_changed(end)
            && matches!(&plan.steps[*id].step, Step::CreateContainer(spec) if spec.name == container)
    })
}

/// Undoes one step; whether nothing of it is left.
async fn one(run: &Run<'_>, begun: &Begun, id: StepId, failed: bool) -> (StepId, bool) {
    let plan = run.plan;
    let Some(end) = begun.get(&id) else {
        return (id, true);
    };
    if !may_have_changed(end) || left_by(plan, begun, id).is_none() {
        return (id, true);
    }
    let step = &plan.steps[id].step;
    // The mark of an operation that left something behind stays: by it the rest is found again.
    if failed && matches!(step, Step::CreateVolume(volume) if mark::read(volume).is_some()) {
        return (id, false);
    }
    let sure = *end == Ended::Changed;
    let mut pauses = PAUSES.iter();
    loop {
        let attempt = tokio::time::timeout(STEP_DEADLINE, back(run, id, step, sure));
        let problem = match attempt.await {
            Ok(Ok(())) => {
                run.tell(Event::Undone(id)).await;
                return (id, true);
            }
            Ok(Err(problem)) => problem,
            Err(_) => run.too_late(id, STEP_DEADLINE),
        };
        let Some(pause) = pauses.next() else {
            run.tell(Event::UndoFailed(id, problem)).await;
            return (id, false);
        };
        tokio::time::sleep(*pause).await;
    }
}

async fn back(run: &Run<'_>, id: StepId, step: &Step, sure: bool) -> Result<(), Problem> {
    if !sure && !steps::is_ours(run, step).await? {
        return Ok(());
    }
    if let Step::MergeKubeconfig { .. } = step
        && let Some(before) = run.kubeconfig_before(id)
    {
        return steps::restore_kubeconfig(run, before).await;
    }
    match step.undo() {
        Undo::Nothing => Ok(()),
        Undo::Step(reverse) => steps::run(run, id, &reverse).await.map(drop),
        Undo::Uncordon { access, node } => steps::uncordon(run, &access, &node).await,
    }
}
