//! A second look at a log that is followed and silent. A connection may be dead without a word (a balancer that forgot
//! it), and some kubelets send nothing more once a log was rotated; the other side looks the same as one with nothing
//! to say. So the last line is asked for by itself, and where it was not seen, the log is followed anew.

use std::time::Duration;

use futures::{StreamExt as _, stream::BoxStream};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Abandoned,
    lane::{Lane, is_refusal},
};
use crate::{
    backend::Error,
    domain::{LogLine, container::LogRequest},
};

/// A log is looked at after so long a silence: a person begins to wonder, and what says something every few seconds
/// costs nothing more.
const FIRST: Duration = Duration::from_secs(30);

/// And from then on after twice as long each time, up to this: one small request in five minutes for a log that says
/// nothing, ten a minute for fifty of them.
const LONGEST: Duration = Duration::from_secs(300);

/// An answer of one line is given up after so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a log has been silent, and when it is looked at.
pub(super) struct Silence {
    wait: Duration,
    /// When it is looked at next.
    pub(super) until: Instant,
    /// Looks that failed, one after the other.
    pub(super) failed: u32,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self {
            wait: FIRST,
            until: Instant::now() + FIRST,
            failed: 0,
        }
    }

    /// A line came.
    pub(super) fn ends(&mut self) {
        *self = Self::new();
    }

    /// It was looked at.
    pub(super) fn goes_on(&mut self) {
        self.wait = (self.wait * 2).min(LONGEST);
        self.until = Instant::now() + self.wait;
    }
}

/// The request for the last line.
pub(super) fn request(since: Option<Timestamp>) -> LogRequest {
    LogRequest {
        tail: Some(1),
        since,
        ..LogRequest::default()
    }
}

/// Whether the last line of a log is newer than the one that was seen last.
pub(super) async fn has_news(
    mut answer: BoxStream<'static, Result<LogLine, Error>>,
    newest: Option<Timestamp>,
) -> Result<bool, Error> {
    let last = tokio::time::timeout(PATIENCE, answer.next()).await;
    match last {
        Ok(Some(Ok(line))) => Ok(line.time > newest),
        Ok(Some(Err(error))) => Err(error),
        Ok(None) => Ok(false),
        Err(_) => Err(Error::new(
            crate::backend::ErrorKind::Unreachable,
            "ask whether a silent log has more",
            "no answer within 10 s",
        )),
    }
}

impl Lane {
    /// Whether the log has lines that did not come.
    pub(super) async fn second_look(&mut self) -> Result<bool, Abandoned> {
        let request = LogRequest {
            ago: self.ago(),
            ..request(self.since())
        };
        let answer = self.api.logs(&self.key, &self.source.container, &request);
        let found = has_news(answer, self.seam.newest()).await;
        self.silence.goes_on();
        match found {
            Ok(news) => {
                self.silence.failed = 0;
                Ok(news)
            }
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => {
                self.silence.failed += 1;
                // Nobody knows any more whether lines are missing; once may be a node that is busy.
                if self.silence.failed > 1 && !self.told {
                    self.clean = false;
                    self.problem(error).await?;
                }
                Ok(false)
            }
        }
    }
}
