//! What a lane tells: lines with where they are from, and marks.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Abandoned, bytes,
    lane::{Lane, Told},
    send,
};
use crate::{
    backend::Error,
    domain::{LogLine, Mark, MarkEvent, Source, log::LogItem, log_mark::Ending},
    resources::followed::{Container, ContainerRole, Doing, End},
};

impl Lane {
    pub(super) async fn of_whole_pod(&self, event: MarkEvent) -> Result<(), Abandoned> {
        let source = Source {
            container: "".into(),
            ..(*self.source).clone()
        };
        let mark = Mark::of(Some(Arc::new(source)), event);
        self.send(Told::Item(LogItem::Mark(mark))).await
    }

    /// Says once why there is nothing to read, where that is so.
    pub(super) async fn unstarted(&mut self) -> Result<(), Abandoned> {
        let container = self.seen.borrow().container.clone();
        let Doing::Waits(reason) = &container.state else {
            return Ok(());
        };
        // Those two last for a moment on the way to every start.
        let passing = matches!(&**reason, "" | "ContainerCreating" | "PodInitializing");
        if container.has_begun() || (passing && self.part.follow) || self.waits == *reason {
            return Ok(());
        }
        self.waits.clone_from(reason);
        let words = format!("has not started: {reason}");
        self.mark(None, MarkEvent::Note(words.into())).await
    }

    /// The container ended for good.
    pub(super) async fn end(&self, container: &Container, end: &End) -> Result<(), Abandoned> {
        // That what prepares a pod is done is no news.
        let expected = container.role == ContainerRole::Init && end.code == 0;
        if self.lived && !expected {
            self.mark(None, MarkEvent::Ended(ending(Some(end)))).await?;
        }
        Ok(())
    }

    /// An answer came.
    pub(super) async fn recovered(&mut self) -> Result<(), Abandoned> {
        self.failures = 0;
        if std::mem::take(&mut self.told) {
            self.mark(None, MarkEvent::Reconnected).await?;
        }
        Ok(())
    }

    pub(super) async fn problem(&mut self, error: Error) -> Result<(), Abandoned> {
        self.told = true;
        self.mark(None, MarkEvent::Problem(error.into())).await
    }

    pub(super) async fn gap(&mut self, why: &str) -> Result<(), Abandoned> {
        // That it goes on needs no further word.
        self.told = false;
        self.mark(None, MarkEvent::Gap(why.into())).await
    }

    pub(super) async fn mark(
        &self,
        time: Option<Timestamp>,
        event: MarkEvent,
    ) -> Result<(), Abandoned> {
        let mark = Mark {
            time,
            source: Some(self.source.clone()),
            event,
        };
        self.send(Told::Item(LogItem::Mark(mark))).await
    }

    /// Hands a new line on.
    pub(super) async fn emit(&mut self, mut line: LogLine) -> Result<(), Abandoned> {
        self.seam.keep(&line);
        self.has_lines = true;
        self.pauses.reset();
        self.silence.ends();
        line.source = Some(self.source.clone());
        self.send(Told::Item(LogItem::Line(line))).await
    }

    pub(super) async fn send(&self, told: Told) -> Result<(), Abandoned> {
        let bytes = match &told {
            Told::Item(item) => bytes(item),
            Told::Past => 0,
        };
        send(&self.out, bytes, told).await
    }
}

/// The end of a run as a mark tells it.
pub(super) fn ending(end: Option<&End>) -> Ending {
    end.map_or_else(Ending::default, |end| Ending {
        code: Some(end.code),
        reason: end.reason.clone(),
    })
}
