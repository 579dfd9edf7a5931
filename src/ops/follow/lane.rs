//! Following one container of a pod: its past, then what it writes, through broken connections, to its end.
//!
//! A log is asked for by name, and the answer is of whichever run is the latest by then. So an answer has to prove
//! itself: it brings the last line that was seen before anything new. One that does not is of a later run, or its
//! beginning was rotated away; `runs.rs` finds out which and fetches what is left of the run before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{Abandoned, Pauses, second_look::Silence};
use crate::{
    backend::{Error, ErrorKind, KubeApi},
    domain::{MarkEvent, ObjectKey, Source, container::LogRequest, log::LogItem},
    ops::seam::{Seam, Sewn},
    resources::followed::{Container, Doing},
};

/// The log of a container that has ended, by all accounts, is over when it has been silent for so long.
const DRAIN: Duration = Duration::from_secs(5);

/// What a lane tells.
#[derive(Debug)]
pub(super) enum Told {
    Item(LogItem),
    /// What there was at the beginning has come; from here on it is news.
    Past,
}

/// What the watch of pods says of the container.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) container: Container,
    /// Whether the pod is over.
    pub(super) over: bool,
    /// Whether the pod does not exist any more.
    pub(super) gone: bool,
    /// Whether the watch itself is broken, which is told once for all.
    pub(super) broken: bool,
    /// How often the watch broke. Connections from before may be dead without a sign of it.
    pub(super) epoch: u64,
}

/// Which part of a log is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) follow: bool,
    pub(super) previous: bool,
    pub(super) tail: Option<u32>,
    pub(super) since: Option<Timestamp>,
    pub(super) ago: Option<Duration>,
    pub(super) whole: bool,
}

/// A container that is followed.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on one another"
)]
pub(super) struct Lane {
    pub(super) api: Arc<dyn KubeApi>,
    pub(super) key: ObjectKey,
    pub(super) source: Arc<Source>,
    pub(super) part: Part,
    /// When it was made, from which the part counts back.
    pub(super) made: Instant,
    pub(super) seen: watch::Receiver<Seen>,
    pub(super) out: mpsc::Sender<Told>,
    pub(super) seam: Seam,
    /// The run that is read, and when it began.
    pub(super) run: u64,
    pub(super) begun: Option<Timestamp>,
    /// Whether a line of that run was seen.
    pub(super) has_lines: bool,
    /// How often that run's log was followed, and when the last answer was asked for.
    opened: u32,
    pub(super) asked: Instant,
    /// Whether it is a later run than the one at the beginning.
    pub(super) later: bool,
    /// Whether it is known from where to go on.
    placed: bool,
    /// Whether the container was seen running.
    pub(super) lived: bool,
    /// Whether the last answer ended without an error.
    pub(super) clean: bool,
    /// Whether the run has ended and was read to its end.
    pub(super) settled: bool,
    /// Failures one after the other, and whether a person was told.
    pub(super) failures: u32,
    pub(super) told: bool,
    pub(super) pauses: Pauses,
    /// How long nothing has come.
    pub(super) silence: Silence,
    /// How many containers of the pod are followed.
    siblings: Arc<AtomicUsize>,
    /// What is said before the first line.
    opening: Vec<MarkEvent>,
    /// Why it has not started, as it was said last.
    pub(super) waits: Box<str>,
}

/// How an answer ended.
enum Poured {
    /// It is over; `apart` when nothing in it showed whether it went on where the last one had ended.
    End {
        apart: bool,
    },
    /// The log is to be asked for anew, at once.
    Again,
    Broke(Error),
}

impl Lane {
    pub(super) fn new(
        api: Arc<dyn KubeApi>,
        source: Source,
        part: Part,
        seen: watch::Receiver<Seen>,
        out: mpsc::Sender<Told>,
    ) -> Self {
        Self {
            api,
            key: ObjectKey::new(&*source.namespace, source.pod.clone()),
            source: Arc::new(source),
            seam: if part.tail.is_some() {
                Seam::after_tail()
            } else {
                Seam::default()
            },
            part,
            made: Instant::now(),
            seen,
            out,
            run: 0,
            begun: None,
            has_lines: false,
            opened: 0,
            asked: Instant::now(),
            later: false,
            placed: false,
            lived: false,
            clean: true,
            settled: false,
            failures: 0,
            told: false,
            pauses: Pauses::new(),
            silence: Silence::new(),
            siblings: Arc::default(),
            opening: Vec::new(),
            waits: Box::default(),
        }
    }

    /// Counts it among the followed containers of its pod; `opening` is said of the pod before the first line.
    pub(super) fn of_pod(mut self, siblings: Arc<AtomicUsize>, opening: Vec<MarkEvent>) -> Self {
        siblings.fetch_add(1, Ordering::Relaxed);
        self.siblings = siblings;
        self.opening = opening;
        self
    }

    /// Follows the container to its end.
    pub(super) async fn run(mut self) {
        for event in std::mem::take(&mut self.opening) {
            if self.of_whole_pod(event).await.is_err() {
                return;
            }
        }
        // It ends early only when nobody listens any more.
        let _ = self.follow().await;
        let last = self.siblings.fetch_sub(1, Ordering::Relaxed) == 1;
        if last && self.seen.borrow().gone {
            let _ = self.of_whole_pod(MarkEvent::Gone).await;
        }
    }

    async fn follow(&mut self) -> Result<(), Abandoned> {
        // Twice: what fails once may be a node that restarts.
        for _ in 0..2 {
            if self.place().await? {
                break;
            }
            self.pause().await;
        }
        self.send(Told::Past).await?;
        if !self.part.follow {
            return self.unstarted().await;
        }
        loop {
            let seen = self.seen.borrow_and_update().clone();
            let container = &seen.container;
            if seen.gone {
                return self.leave().await;
            }
            if !self.placed {
                if !self.place().await? {
                    self.pause().await;
                }
                continue;
            }
            self.lived |= container.runs();
            if container.run > self.run {
                self.next_run(&seen).await?;
                continue;
            }
            if !container.has_begun() {
                self.unstarted().await?;
            }
            if !container.has_begun() || (self.settled && !container.runs()) {
                if let Some(end) = container.ended_for_good(seen.over) {
                    return self.end(container, end).await;
                }
                if self.seen.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            let runs = container.runs();
            self.settled = false;
            match self.pour(runs).await? {
                Poured::End { apart } => {
                    // While it runs, by all accounts, the next answer may show more: a node that comes back has its logs
                    // before the API knows what it has started again.
                    self.clean |= !(apart && runs);
                    if apart && !runs && self.bridge(true).await? {
                        continue;
                    }
                    self.settled = !runs;
                    self.recovered().await?;
                }
                Poured::Again => continue,
                Poured::Broke(error) => {
                    if self.trouble(error).await? {
                        return Ok(());
                    }
                }
            }
            if !self.settled {
                self.pause().await;
            }
        }
    }

    /// Reads what there is already, so that it is known from where to follow; `false` where that failed for now.
    async fn place(&mut self) -> Result<bool, Abandoned> {
        let seen = self.seen.borrow().clone();
        self.enter(&seen.container);
        if !seen.container.has_begun() {
            // All of it will be new.
            self.placed = true;
            return Ok(true);
        }
        let request = LogRequest {
            follow: false,
            // Where nothing of the past is wanted, its last line says where the news begin.
            tail: self.part.tail.map(|tail| tail.max(1)),
            since: self.part.since,
            ago: self.ago(),
            whole: self.part.whole,
            previous: self.part.previous,
        };
        let mut stream = self.api.logs(&self.key, &self.source.container, &request);
        self.seam.begin();
        let outcome = loop {
            match stream.next().await {
                None => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok(line)) => {
                    if self.part.tail == Some(0) {
                        self.seam.keep(&line);
                        self.has_lines = true;
                    } else if self.seam.judge(&line) != Sewn::Known {
                        self.emit(line).await?;
                    }
                }
            }
        };
        match outcome {
            Ok(()) => self.placed = true,
            // What is missing follows from the last line on.
            Err(_) if self.has_lines && self.part.follow => {
                self.placed = true;
                self.clean = false;
            }
            // It has begun, but has no log: it was taken away, or the kubelet knows of a start that is not told yet.
            Err(error) if is_refusal(&error) => {
                if !self.part.follow {
                    self.problem(error).await?;
                }
                self.placed = true;
            }
            Err(error) => {
                self.failures += 1;
                if self.failures > 1 && !self.told {
                    self.problem(error).await?;
                }
            }
        }
        Ok(self.placed)
    }

    /// Begins with a run.
    pub(super) fn enter(&mut self, container: &Container) {
        self.run = container.run;
        self.begun = match container.state {
            Doing::Runs(since) => since,
            _ => None,
        };
        self.has_lines = false;
        self.opened = 0;
        self.settled = false;
    }

    /// The moment from which lines are asked for.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let since = self.seam.since();
        // Before the first line nothing was wanted but what the part says.
        since.map_or(self.part.since, |since| self.part.since.max(Some(since)))
    }

    /// How far back the past goes, as long as no line has said where it ends. What was asked for a while ago is that
    /// much further away.
    pub(super) fn ago(&self) -> Option<Duration> {
        let unseen = self.seam.since().is_none();
        let ago = self.part.ago.filter(|_| unseen)?;
        Some(ago + self.made.elapsed())
    }

    /// Reads one answer: to its end, or, of a container that runs, for as long as the connection lasts.
    async fn pour(&mut self, follow: bool) -> Result<Poured, Abandoned> {
        let request = LogRequest {
            follow,
            tail: None,
            since: self.since(),
            ago: self.ago(),
            whole: self.part.whole,
            previous: false,
        };
        // The first answer that was followed is of the run that was read at the beginning.
        let again = self.later || self.opened > 0;
        self.opened += 1;
        self.asked = Instant::now();
        self.seam.begin();
        let epoch = self.seen.borrow().epoch;
        let mut stream = self.api.logs(&self.key, &self.source.container, &request);
        let mut proven = false;
        loop {
            let late = {
                let seen = self.seen.borrow();
                if follow && seen.epoch != epoch && !seen.broken {
                    return Ok(Poured::Again);
                }
                follow && (seen.gone || !seen.container.runs() || seen.container.run > self.run)
            };
            let item = tokio::select! {
                biased;
                item = stream.next() => item,
                changed = self.seen.changed(), if follow => match changed {
                    Ok(()) => continue,
                    // Nobody watches the pods any more: all of it is over.
                    Err(_) => return Err(Abandoned),
                },
                // What was seen last would have come by now.
                () = tokio::time::sleep(DRAIN), if !proven && self.has_lines && !self.seam.is_joined() => {
                    proven = true;
                    if self.bridge(true).await? {
                        return Ok(Poured::Again);
                    }
                    continue;
                }
                // It may be dead without a word.
                () = tokio::time::sleep_until(self.silence.until), if follow && !late => {
                    if self.second_look().await? {
                        return Ok(Poured::Again);
                    }
                    continue;
                }
                // It will bring nothing more, or is of another run than is said.
                () = tokio::time::sleep(DRAIN), if late => {
                    self.clean = false;
                    return Ok(Poured::Again);
                }
            };
            let line = match item {
                None => {
                    let apart = !proven && self.has_lines && !self.seam.is_joined();
                    return Ok(Poured::End { apart });
                }
                Some(Err(error)) => return Ok(Poured::Broke(error)),
                Some(Ok(line)) => line,
            };
            let sewn = self.seam.judge(&line);
            if sewn != Sewn::Known && !proven {
                let apart = sewn == Sewn::Apart && self.has_lines;
                // While it waits, the run before is the one that the answer is of.
                let waits = matches!(self.seen.borrow().container.state, Doing::Waits(_));
                let unproven = apart || (again && !self.has_lines && !waits);
                proven = true;
                if unproven && self.bridge(apart).await? {
                    // What was fetched meanwhile may be in this answer as well.
                    return Ok(Poured::Again);
                }
            }
            self.recovered().await?;
            if sewn != Sewn::Known {
                self.emit(line).await?;
            }
        }
    }

    /// The pod is gone, and its log with it.
    async fn leave(&mut self) -> Result<(), Abandoned> {
        if !self.clean && !self.settled {
            return self
                .gap("its pod is gone, and the end of its log with it")
                .await;
        }
        Ok(())
    }

    /// An answer failed; `true` where it is no use to ask again.
    async fn trouble(&mut self, error: Error) -> Result<bool, Abandoned> {
        if is_refusal(&error) {
            return Ok(false);
        }
        self.clean = false;
        self.failures += 1;
        let forbidden = error.kind == ErrorKind::Forbidden;
        // A connection that breaks and is back at once needs no words: no line is lost.
        let worth = self.failures > 1 && !self.seen.borrow().broken;
        if forbidden || (worth && !self.told) {
            self.problem(error).await?;
        }
        Ok(forbidden)
    }

    /// Waits a little, or until there is news of the container.
    pub(super) async fn pause(&mut self) {
        tokio::select! {
            () = self.pauses.pause() => {}
            // Where nobody watches any more, the next send says so.
            _ = self.seen.changed() => {}
        }
    }
}

/// Whether the kubelet has no such log, now.
pub(super) const fn is_refusal(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound)
}
