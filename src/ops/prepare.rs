//! From a wish to the plan that fulfils it.

use super::Request;
use crate::{backend::Backends, domain::Problem, plan::Plan};

/// Observes the world and has the plan made. Nothing is changed.
///
/// # Errors
/// When the wish cannot be fulfilled in the world as it is, or the engine does not answer.
pub async fn prepare(backends: &Backends, request: &Request) -> Result<Plan, Problem> {
    let _world = super::observe(backends).await?;
    Err(Problem::failed(
        format!("nothing was done to {}", request.wish.cluster()),
        "this is not built yet",
    ))
}
