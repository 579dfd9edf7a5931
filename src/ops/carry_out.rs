//! Carries a shown plan out.

use tokio::sync::mpsc;

use super::{Cancel, Failure, Report, Request, execute::execute};
use crate::{
    backend::Backends,
    plan::{Event, Plan},
};

/// Executes a plan that [`prepare`](super::prepare) made for the request, telling `events` how it goes. A receiver of
/// 256 events or more loses no progress worth seeing; one that nobody reads delays the work by little and never stops it.
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
    execute(backends, request, plan, &events, cancel).await
}
