//! A line or a mark of a log as a JSON object, the same in a file and on the standard output.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Level, MarkKind};
use crate::domain::Source;

/// A line or a mark as JSON. What is not known is left out.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pod: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    container: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<&'static str>,
    /// How many bytes of the message are missing at its end.
    #[serde(skip_serializing_if = "is_zero")]
    missing_bytes: u64,
    message: Message<'a>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What was written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Message<'a> {
    /// As a text.
    Text(&'a str),
    /// As the JSON object that the text is.
    Object(&'a RawValue),
}

impl<'a> Record<'a> {
    /// What somebody wrote at some time.
    #[must_use]
    pub fn new(
        time: Option<jiff::Timestamp>,
        source: Option<&'a Source>,
        message: Message<'a>,
    ) -> Self {
        Self {
            time,
            namespace: source.map_or("", |source| &source.namespace),
            pod: source.map_or("", |source| &source.pod),
            container: source.map_or("", |source| &source.container),
            level: None,
            mark: None,
            missing_bytes: 0,
            message,
        }
    }

    /// How serious it says that it is.
    #[must_use]
    pub fn level(mut self, level: Option<Level>) -> Self {
        self.level = level.map(Level::name);
        self
    }

    /// How many bytes of it are missing at its end.
    #[must_use]
    pub const fn missing(mut self, bytes: u64) -> Self {
        self.missing_bytes = bytes;
        self
    }

    /// Where it is no line of a container but a word about the log: what kind of word.
    #[must_use]
    pub fn mark(mut self, mark: Option<MarkKind>) -> Self {
        self.mark = mark.map(MarkKind::name);
        self
    }
}
