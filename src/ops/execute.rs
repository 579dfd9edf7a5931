//! Carries out a plan: independent steps at the same time, and backwards when one fails.

use std::{fmt, time::Duration};

use tokio::sync::mpsc;

use super::{Cancel, Request};
use crate::{
    backend::Backends,
    domain::Problem,
    plan::{Event, Plan},
};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The plan as it was carried out, which may name another free port or network than the one shown before.
    pub plan: Plan,
    /// How many steps changed something.
    pub changed: usize,
    /// How long it took.
    pub took: Duration,
}

/// What went wrong, and what is left of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub problem: Problem,
    /// Whether everything that was done was taken back.
    pub undone: bool,
    /// What is left, one thing each: `container k3d-demo-server-0`.
    pub left: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        if !self.left.is_empty() {
            write!(f, "; left: {}", self.left.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

pub(super) async fn execute(
    _backends: &Backends,
    _request: &Request,
    plan: Plan,
    _events: mpsc::Sender<Event>,
    _cancel: &Cancel,
) -> Result<Report, Failure> {
    Err(Failure {
        problem: Problem::failed(plan.title, "this is not built yet"),
        undone: true,
        left: Vec::new(),
    })
}
