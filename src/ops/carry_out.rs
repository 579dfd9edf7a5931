//! Carries a shown plan out, and plans anew when the world took what was chosen for it.

use tokio::sync::mpsc;

use super::{Cancel, Failure, Report, Request, Wish, execute::execute, prepare::prepare_beside};
use crate::{
    backend::Backends,
    domain::{ClusterSpec, Subnet},
    plan::{Event, Plan, Step},
};

/// So often a choice is made. Of several creates at once each round lets at least one go on.
const CHOICES: usize = 8;

/// Executes a plan that [`prepare`](super::prepare) made for the request, telling `events` how it goes. A receiver of
/// 256 events or more loses no progress worth seeing; one that nobody reads delays the work by little and never stops it.
///
/// When a port or addresses that were left to coracle were taken meanwhile, all is taken back and done again with
/// others; the steps are the same then, and their events begin again.
///
/// # Errors
/// What failed, whether it was taken back, and what is left.
pub async fn carry_out(
    backends: &Backends,
    request: &Request,
    plan: Plan,
    events: mpsc::Sender<Event>,
    cancel: &Cancel,
) -> Result<Report, Failure> {
    let mut plan = plan;
    let mut refused = Vec::new();
    loop {
        let failure = match execute(backends, request, plan.clone(), &events, cancel).await {
            Ok(report) => return Ok(report),
            Err(failure) => failure,
        };
        let again = refused.len() + 1 < CHOICES
            && failure.undone
            && !cancel.is_cancelled()
            && matches!(&request.wish, Wish::Create { spec, .. } if was_taken(spec, &failure));
        if !again {
            return Err(failure);
        }
        // An engine keeps the addresses of a network that it is still making, and does not list it yet.
        refused.extend(subnet(&plan));
        let other = match prepare_beside(backends, request, &refused).await {
            Ok(other) => other,
            Err(problem) => return Err(Failure { problem, ..failure }),
        };
        // Only another choice of the same is tried: whatever else changed is for the person to see first.
        if outline(&other) != outline(&plan) || other == plan {
            return Err(failure);
        }
        plan = other;
    }
}

/// The addresses that a plan chose.
fn subnet(plan: &Plan) -> Option<Subnet> {
    plan.steps.iter().find_map(|planned| match &planned.step {
        Step::CreateNetwork(network) => Some(network.subnet),
        _ => None,
    })
}

/// Whether it failed at a choice that was ours: the engine says so only in words.
fn was_taken(spec: &ClusterSpec, failure: &Failure) -> bool {
    let why = failure.problem.why.to_lowercase();
    let addresses = [
        "pool overlaps",
        "overlaps with other one",
        "subnet is already used",
        "could not find an available",
    ];
    let ports = ["port is already allocated", "address already in use"];
    // The person's own ports are theirs to change.
    let theirs = spec
        .ports
        .iter()
        .any(|mapping| why.contains(&format!(":{}", mapping.port.host_port)));
    (spec.network.subnet().is_none() && addresses.iter().any(|words| why.contains(words)))
        || (spec.api.port.is_none() && !theirs && ports.iter().any(|words| why.contains(words)))
}

/// The kinds and the order of the steps, without what is chosen in them.
fn outline(plan: &Plan) -> Vec<(std::mem::Discriminant<Step>, Vec<usize>)> {
    plan.steps
        .iter()
        .map(|planned| (std::mem::discriminant(&planned.step), planned.after.clone()))
        .collect()
}
