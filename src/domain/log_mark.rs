//! What a reader of a log has to know at a place between two lines: who came and went, and where lines are missing.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

use super::{Problem, log::sanitize, log_source::Source};

/// A mark between the lines of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When it happened, where the cluster said so.
    pub time: Option<Timestamp>,
    /// Whom it is about; none where it is about all. The container is empty where it is about a whole pod.
    pub source: Option<Arc<Source>>,
    /// What happened.
    pub event: MarkEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkEvent {
    /// A pod that was not there at the beginning is followed from here on.
    Joined,
    /// It does not exist any more, and all that it wrote has come before.
    Gone,
    /// The container ended and was started again.
    Restarted(Ending),
    /// It ended, and nobody starts it again.
    Ended(Ending),
    /// Pods of another revision take over.
    Rollout {
        /// What rolls out: `web`.
        workload: Box<str>,
        /// The revision before: `7d9f8c`.
        from: Box<str>,
        /// The revision of the pods that come.
        to: Box<str>,
    },
    /// Lines are missing here, or may be; why.
    Gap(Box<str>),
    /// After an interruption that was told, the log goes on without a line missing.
    Reconnected,
    /// More containers fit than may be followed at once.
    Limited {
        /// How many are followed.
        followed: usize,
        /// How many are not.
        left_out: usize,
    },
    /// Something does not work for now.
    Problem(Problem),
    /// Anything else, in words.
    Note(Box<str>),
}

/// How a container's run ended, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ending {
    /// The exit code.
    pub code: Option<i64>,
    /// Kubernetes' word for it, such as `OOMKilled`; empty where it is not known.
    pub reason: Box<str>,
}

impl Mark {
    /// A mark about nobody in particular, in words.
    #[must_use]
    pub fn note(text: impl Into<Box<str>>) -> Self {
        Self::of(None, MarkEvent::Note(text.into()))
    }

    /// A mark without a time.
    #[must_use]
    pub const fn of(source: Option<Arc<Source>>, event: MarkEvent) -> Self {
        Self {
            time: None,
            source,
            event,
        }
    }
}

impl fmt::Display for Ending {
    /// ` (OOMKilled, exit code 137)`, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.reason, self.code) {
            ("" | "Error" | "Completed", Some(code)) => write!(f, " (exit code {code})"),
            (reason, Some(code)) => write!(f, " ({reason}, exit code {code})"),
            ("", None) => Ok(()),
            (reason, None) => write!(f, " ({reason})"),
        }
    }
}

impl fmt::Display for Mark {
    /// One harmless line, without the time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = String::new();
        if let Some(source) = &self.source {
            let pod = if source.container.is_empty() && !source.pod.is_empty() {
                "pod "
            } else {
                ""
            };
            words = format!("{pod}{source} ");
        }
        let words = match &self.event {
            MarkEvent::Joined => format!("{words}joined"),
            MarkEvent::Gone => format!("{words}is gone"),
            MarkEvent::Restarted(ending) => format!("{words}was started again{ending}"),
            MarkEvent::Ended(ending) => format!("{words}ended{ending}"),
            MarkEvent::Rollout { workload, from, to } => {
                format!("{workload} rolls out: {to} takes over from {from}")
            }
            MarkEvent::Gap(why) if words.is_empty() => format!("lines may be missing here: {why}"),
            MarkEvent::Gap(why) => {
                format!("{}: lines may be missing here: {why}", words.trim_end())
            }
            MarkEvent::Reconnected if words.is_empty() => "pods are watched again".to_owned(),
            MarkEvent::Reconnected => format!("{words}goes on, no line is missing"),
            MarkEvent::Limited { followed, left_out } => {
                format!(
                    "{followed} containers are followed at once; {left_out} more wait for a place"
                )
            }
            MarkEvent::Problem(problem) => format!("{words}{problem}"),
            MarkEvent::Note(text) => format!("{words}{text}"),
        };
        f.write_str(&sanitize(words.as_bytes()))
    }
}
