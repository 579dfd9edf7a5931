//! What can go wrong at one of the two doors, before it is put into words for a person.

use crate::domain::{Problem, ProblemKind};

/// The class of an error, as far as the caller acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The object does not exist.
    NotFound,
    /// It exists already, is in use, or a rule forbids it for now.
    Conflict,
    /// Nobody answered, or the connection broke.
    Unreachable,
    /// No answer within the deadline.
    Timeout,
    /// The credentials are not accepted or do not suffice.
    Forbidden,
    /// The request was refused as wrong.
    Invalid,
    /// Anything else.
    Failed,
}

/// An error of an engine or of an API server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Error {
    /// Its class.
    pub kind: ErrorKind,
    /// What was asked: `start k3d-demo-server-0`.
    pub what: String,
    /// What was answered.
    pub why: String,
}

impl Error {
    /// An error of a class.
    pub fn new(kind: ErrorKind, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            why: why.into(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::NotFound => ProblemKind::NotFound,
            ErrorKind::Unreachable | ErrorKind::Timeout => ProblemKind::Unreachable,
            ErrorKind::Forbidden => ProblemKind::Refused,
            ErrorKind::Conflict | ErrorKind::Invalid | ErrorKind::Failed => ProblemKind::Failed,
        };
        Self::new(kind, error.what, error.why)
    }
}
