//! What the execution of a plan tells while it goes on.

use std::time::Duration;

use super::StepId;
use crate::domain::Problem;

/// Something happened to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It began.
    Started(StepId),
    /// It got somewhere.
    Progress(StepId, Progress),
    /// It is done; whether it was needed or the world already was that way.
    Finished(StepId, Outcome),
    /// It failed.
    Failed(StepId, Problem),
    /// What it did was taken back.
    Undone(StepId),
    /// It could not be taken back; what is left is named.
    UndoFailed(StepId, Problem),
}

/// How a step ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It changed something.
    Done(Duration),
    /// There was nothing to do.
    AlreadySo,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// How much of `of` is done, in bytes or in things; both `0` where that is not known.
    pub done: u64,
    /// How much there is.
    pub of: u64,
    /// Whether the two numbers are bytes.
    pub bytes: bool,
    /// What it is at: what is waited for, or the last line of the log of the node that is waited for.
    pub message: String,
}
