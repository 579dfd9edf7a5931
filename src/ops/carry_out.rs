//! Carries a shown plan out, and plans anew when the world took what was chosen for it.

use tokio::sync::mpsc;

use super::{Cancel, Failure, Report, Request, Wish, execute::execute, prepare};
use crate::{
    backend::Backends,
    domain::ClusterSpec,
    plan::{Event, Plan, Step},
};

/// So often another choice is tried. Two creates at once need two.
const CHOICES: usize = 3;

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
    let mut choices = 1;
    loop {
        let failure = match execute(backends, request, plan.clone(), &events, cancel).await {
            Ok(report) => return Ok(report),
            Err(failure) => failure,
        };
        let again = choices < CHOICES
            && failure.undone
            && !cancel.is_cancelled()
            && matches!(&request.wish, Wish::Create { spec, .. } if was_taken(spec, &failure));
        if !again {
            return Err(failure);
        }
        let Ok(other) = prepare(backends, request).await else {
            return Err(failure);
        };
        // Only another choice of the same is tried: whatever else changed is for the person to see first.
        if outline(&other) != outline(&plan) || other == plan {
            return Err(failure);
        }
        plan = other;
        choices += 1;
    }
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
        .any(|port| why.contains(&format!(":{}", port.host_port)));
    (spec.subnet.is_none() && addresses.iter().any(|words| why.contains(words)))
        || (spec.api.port.is_none() && !theirs && ports.iter().any(|words| why.contains(words)))
}

/// The kinds and the order of the steps, without what is chosen in them.
fn outline(plan: &Plan) -> Vec<(std::mem::Discriminant<Step>, Vec<usize>)> {
    plan.steps
        .iter()
        .map(|planned| (std::mem::discriminant(&planned.step), planned.after.clone()))
        .collect()
}
