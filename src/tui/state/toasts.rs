//! Short messages at the lower edge. What is only good to know goes by itself; a failure stays until it is seen.

use jiff::{SignedDuration, Timestamp};

use crate::domain::Problem;

/// How long a message that only informs is shown: long enough to read a line, short enough not to be in the way.
const SHOWN: SignedDuration = SignedDuration::from_secs(6);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// The line.
    pub text: String,
    /// The whole failure, where it is one.
    pub problem: Option<Problem>,
    /// Until when it is shown; `None` until a key says that it was seen.
    until: Option<Timestamp>,
}

/// The messages.
#[derive(Debug, Clone, Default)]
pub struct Toasts(Vec<Toast>);

impl Toasts {
    /// Something that is good to know.
    pub fn inform(&mut self, text: impl Into<String>, now: Timestamp) {
        self.push(Toast {
            text: text.into(),
            problem: None,
            until: Some(now + SHOWN),
        });
    }

    /// A failure.
    pub fn fail(&mut self, problem: Problem) {
        self.push(Toast {
            text: problem.to_string(),
            problem: Some(problem),
            until: None,
        });
    }

    /// Takes a failure away that is over.
    pub fn withdraw(&mut self, problem: &Problem) {
        self.0
            .retain(|toast| toast.problem.as_ref() != Some(problem));
    }

    /// The newest message.
    #[must_use]
    pub fn current(&self) -> Option<&Toast> {
        self.0.last()
    }

    /// Takes away the newest message; `false` when there was none.
    pub fn dismiss(&mut self) -> bool {
        self.0.pop().is_some()
    }

    /// Takes away what has been shown long enough; returns when the next one is due.
    pub fn expire(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.0
            .retain(|toast| toast.until.is_none_or(|until| until > now));
        self.0.iter().filter_map(|toast| toast.until).min()
    }

    fn push(&mut self, toast: Toast) {
        // A failure that repeats is one failure.
        self.0.retain(|other| other.text != toast.text);
        // More than a handful nobody works through; the application log has them all.
        if self.0.len() >= 8 {
            self.0.remove(0);
        }
        self.0.push(toast);
    }
}
