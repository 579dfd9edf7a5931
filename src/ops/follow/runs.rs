//! From one run of a container to the next: what is left of the run before is fetched first, and where it is not there
//! any more, a mark says so.

use std::time::Duration;

use futures::StreamExt;

use super::{
    Abandoned,
    lane::{Lane, Seen, is_refusal},
    said::ending,
};
use crate::{
    backend::Error,
    domain::{MarkEvent, container::LogRequest},
    ops::seam::Sewn,
};

/// How far what the API says of a container may lag behind the kubelet, which gives out its log.
const LAG: Duration = Duration::from_secs(3);

/// How often the run before is asked for while the kubelet does not answer.
const TRIES: u32 = 4;

/// What was found of the run before.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on one another"
)]
struct Rest {
    /// Whether a line of the run that was read was seen, so that it is known by it.
    expected: bool,
    /// Whether there was such a run.
    found: bool,
    /// Whether it was the run that was read before: its last line was in it.
    joined: bool,
    /// Whether it had lines that were new.
    fresh: bool,
    /// Whether a gap was told.
    gap: bool,
}

impl Lane {
    /// The API says that the container was started again.
    pub(super) async fn next_run(&mut self, seen: &Seen) -> Result<(), Abandoned> {
        if self.settled && seen.container.run == self.run + 1 {
            return self.restarted(seen).await;
        }
        self.bridge(false).await?;
        Ok(())
    }

    /// Fetches what is left of the run that was read, as far as it is there, and goes over to the next one if there
    /// is one. `apart` says that an answer did not go on where the last one had ended. Whether lines came, or the run is another one now.
    pub(super) async fn bridge(&mut self, apart: bool) -> Result<bool, Abandoned> {
        let (before, expected) = (self.run, self.has_lines);
        let news = |lane: &Self| lane.seen.borrow().container.run > before;
        let known = news(self);
        let mut rest = Rest {
            expected,
            ..Rest::default()
        };
        self.rest(&mut rest).await?;
        // A run before that ended where the last line was is proof, where none was seen of this one.
        if !known && (expected || !rest.joined || !rest.found) {
            let changed = self
                .seen
                .wait_for(|seen| seen.container.run > before || seen.gone);
            // Where it does not come, this is the same run as far as anyone knows.
            let _ = tokio::time::timeout_at(self.asked + LAG, changed)
                .await
                .map(|news| news.is_ok());
            // It may have come about meanwhile: then the run that was read is the one before only now.
            if news(self) && !rest.joined {
                rest.found = false;
                self.rest(&mut rest).await?;
            }
        }
        let seen = self.seen.borrow().clone();
        let runs = seen.container.run.saturating_sub(before);
        let whole = self.settled || (self.clean && rest.found);
        if !rest.gap && runs > 1 {
            let missed = format!("{} runs came and went", runs - 1);
            self.gap(&missed).await?;
        } else if !rest.gap && runs == 1 && expected && !rest.joined && !self.settled {
            self.gap("the end of the run before is not kept").await?;
        } else if !rest.gap && runs == 1 && !expected && !rest.fresh && !whole {
            self.gap("the run before is not kept").await?;
        } else if !rest.gap && runs == 0 && apart && !rest.joined {
            self.gap("the node no longer has what came before").await?;
        }
        if runs > 0 {
            self.restarted(&seen).await?;
        } else if expected && rest.joined {
            // It is sure, although the API does not say so yet.
            self.enter(&seen.container);
            self.run = before + 1;
            self.begun = None;
            self.later = true;
            self.mark(None, MarkEvent::Restarted(ending(None))).await?;
        }
        Ok(rest.fresh || self.run != before)
    }

    async fn rest(&mut self, rest: &mut Rest) -> Result<(), Abandoned> {
        for attempt in 0..TRIES {
            match self.read_rest(rest).await? {
                // At once the first time: the run before may soon be another one.
                Err(error) if !is_refusal(&error) && attempt == 0 => {}
                Err(error) if !is_refusal(&error) => self.pause().await,
                // A server that loses the kubelet ends an answer as if it were whole.
                Ok(()) if attempt == 0 && !rest.joined && !rest.fresh => {}
                answer => {
                    rest.found |= answer.is_ok();
                    break;
                }
            }
        }
        Ok(())
    }

    async fn read_rest(&mut self, rest: &mut Rest) -> Result<Result<(), Error>, Abandoned> {
        // Of a run without a line it is known only when it began: what is older was not asked for.
        let since = self.since().or(self.begun);
        let request = LogRequest {
            since,
            ago: self.ago().filter(|_| since.is_none()),
            whole: self.part.whole,
            previous: true,
            ..LogRequest::default()
        };
        let newest = self.seam.newest();
        self.seam.begin();
        let mut stream = self.api.logs(&self.key, &self.source.container, &request);
        // Whether the answer may be of an earlier run than the one that was read, and whether it is of a later one.
        let (mut earlier, mut later) = (false, false);
        while let Some(item) = stream.next().await {
            let line = match item {
                Ok(line) => line,
                Err(error) => return Ok(Err(error)),
            };
            let joined = self.seam.is_joined() && !earlier;
            if self.seam.judge(&line) == Sewn::Known {
                continue;
            }
            if !joined && !later && newest > line.time {
                earlier = true;
                continue;
            }
            later |= !joined;
            // More than one run came since; the kubelet keeps the last one.
            let skipped = self.seen.borrow().container.run > self.run + 1;
            if !rest.gap && !rest.fresh && (skipped || (later && rest.expected)) {
                rest.gap = true;
                self.gap("the end of the run before is not kept").await?;
            }
            rest.fresh = true;
            self.emit(line).await?;
        }
        rest.joined |= !earlier && !later && self.seam.is_joined();
        Ok(Ok(()))
    }

    /// Goes over to the run that the API shows.
    async fn restarted(&mut self, seen: &Seen) -> Result<(), Abandoned> {
        self.enter(&seen.container);
        self.later = true;
        let last = ending(seen.container.last.as_ref());
        self.mark(self.begun, MarkEvent::Restarted(last)).await
    }
}
