//! What bad input and failed work look like to a person: what failed, why, and what to do about it.
//!
//! Every error ends as one of these. The command line prints the three lines and exits with
//! [`ProblemKind::exit_code`]; the screen shows the same three lines in a toast and in full on request.

use std::fmt;

/// Why something did not work, as far as a script has to tell the cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The work was tried and did not succeed.
    Failed,
    /// The request itself was wrong: a flag, a value or a configuration file.
    Usage,
    /// The named thing does not exist.
    NotFound,
    /// It was refused: by the person, by a guard, or it was cancelled.
    Refused,
    /// The engine or the API server could not be reached.
    Unreachable,
}

impl ProblemKind {
    /// The exit code of the command line. `0` is success and not in here.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
        }
    }
}

/// One failure, written for the person who reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The class of the failure, which decides the exit code.
    pub kind: ProblemKind,
    /// What failed, with the name of the object: `cluster "demo" was not created`.
    pub what: String,
    /// Why, in the words of whoever refused it. May have several lines (the end of a log).
    pub why: String,
    /// What to do about it; empty where nothing better than the reason is known.
    pub hint: String,
}

impl Problem {
    /// A problem of the given kind without a hint.
    pub fn new(kind: ProblemKind, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            why: why.into(),
            hint: String::new(),
        }
    }

    /// Work that was tried and did not succeed.
    pub fn failed(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(ProblemKind::Failed, what, why)
    }

    /// A wrong request.
    pub fn usage(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(ProblemKind::Usage, what, why)
    }

    /// A thing that does not exist.
    pub fn not_found(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, what, why)
    }

    /// A refusal or a cancellation.
    pub fn refused(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(ProblemKind::Refused, what, why)
    }

    /// An engine or an API server that could not be reached.
    pub fn unreachable(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unreachable, what, why)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
