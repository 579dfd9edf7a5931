//! What goes on in the world's containers: logs, events, use.

use std::time::Duration;

use futures::{StreamExt, stream, stream::BoxStream};
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use super::{World, behaviour, clock::Clock, not_found};
use crate::{
    backend::{Error, ErrorKind},
    domain::{
        LogLine,
        container::{ContainerSpec, EngineEvent, LogRequest, PullProgress, Usage},
    },
};

/// How often use is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// The size of every image, and how long a pull of one takes.
const IMAGE: u64 = 180 << 20;
const PULL_STEPS: u64 = 20;
const PULL_STEP: Duration = Duration::from_millis(150);

impl World {
    pub(super) fn pull_stream(
        &self,
        image: &str,
    ) -> BoxStream<'static, Result<PullProgress, Error>> {
        let (world, image) = (self.clone(), image.to_owned());
        let steps = stream::iter(1..=PULL_STEPS).then(move |step| {
            let (world, image) = (world.clone(), image.clone());
            async move {
                tokio::time::sleep(PULL_STEP).await;
                world
                    .call(format!("pull image {image}"), move |state| {
                        if image.contains(".invalid/") {
                            return Err(Error::new(
                                ErrorKind::NotFound,
                                format!("pull {image}"),
                                "no such host",
                            ));
                        }
                        if step == PULL_STEPS {
                            state.images.insert(image);
                        }
                        Ok(PullProgress {
                            done: IMAGE * step / PULL_STEPS,
                            total: IMAGE,
                        })
                    })
                    .await
            }
        });
        // After an error there is nothing more.
        let mut failed = false;
        steps
            .take_while(move |item| {
                std::future::ready(!std::mem::replace(&mut failed, item.is_err()))
            })
            .boxed()
    }

    pub(super) fn container_log(
        &self,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let found = self.lock().containers.get(container).cloned();
        let Some(held) = found else {
            return stream::iter([Err(not_found("read the log", container))]).boxed();
        };
        let Some(started) = held.started else {
            return stream::empty().boxed();
        };
        let (clock, now) = (self.0.clock, Instant::now());
        let behaviour = behaviour::of(&held.spec);
        let end = behaviour.end.map(|(after, _)| after);
        // The engine keeps one log for all runs.
        let last = (started, held.stopped.unwrap_or(now));
        let mut past: Vec<LogLine> = Vec::new();
        let mut next = 0;
        for (begun, until) in held.before.iter().copied().chain([last]) {
            let until = end.map_or(until, |after| until.min(begun + after));
            let run = (0..)
                .map_while(|n| behaviour.line(n))
                .map(|(after, text)| (begun + after, text))
                .take_while(|(at, _)| *at <= until);
            let from = past.len();
            past.extend(run.map(|(at, text)| said(clock, at, &text)));
            next = past.len() - from;
        }
        let ago = |ago| clock.at(now).checked_sub(ago).ok();
        let since = request.since.or_else(|| request.ago.and_then(ago));
        past.retain(|line| since.is_none_or(|since| line.time >= Some(since)));
        if let Some(tail) = request.tail {
            past.drain(..past.len().saturating_sub(tail as usize));
        }
        let past = stream::iter(past.into_iter().map(Ok));
        if !request.follow || !held.is_running(now) {
            return past.boxed();
        }
        let (world, name) = (self.clone(), container.to_owned());
        let live = stream::unfold(next, move |n| {
            let line = behaviour
                .line(n)
                .map(|(after, text)| (started + after, text));
            let (world, name) = (world.clone(), name.clone());
            async move {
                let ended = async {
                    // A followed log ends with its container.
                    loop {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        let state = world.lock();
                        let same = state.containers.get(&name).is_some_and(|held| {
                            held.started == Some(started) && held.is_running(Instant::now())
                        });
                        if !same {
                            return;
                        }
                    }
                };
                let Some((at, text)) =
                    line.filter(|(at, _)| end.is_none_or(|after| *at <= started + after))
                else {
                    ended.await;
                    return None;
                };
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at) => Some((Ok(said(clock, at, &text)), n + 1)),
                    () = ended => None,
                }
            }
        });
        past.chain(live).boxed()
    }

    pub(super) fn event_stream(&self) -> BoxStream<'static, Result<EngineEvent, Error>> {
        let events = self.0.events.subscribe();
        stream::unfold(events, |mut events| async move {
            loop {
                match events.recv().await {
                    Ok(event) => return Some((Ok(event), events)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    pub(super) fn usage_stream(&self, container: &str) -> BoxStream<'static, Result<Usage, Error>> {
        if !self.lock().containers.contains_key(container) {
            return stream::iter([Err(not_found("measure", container))]).boxed();
        }
        let (world, name) = (self.clone(), container.to_owned());
        stream::unfold(0_u32, move |n| {
            let (world, name) = (world.clone(), name.clone());
            async move {
                tokio::time::sleep(MEASURE).await;
                let state = world.lock();
                let held = state
                    .containers
                    .get(&name)
                    .filter(|held| held.is_running(Instant::now()))?;
                Some((Ok(wave(&held.spec, n)), n + 1))
            }
        })
        .boxed()
    }
}

fn said(clock: Clock, at: Instant, text: &str) -> LogLine {
    LogLine::whole(Some(clock.at(at)), text.as_bytes(), 0)
}

/// A use that rises and falls, each container in its own step.
fn wave(spec: &ContainerSpec, n: u32) -> Usage {
    let phase = u32::try_from(spec.name.len()).unwrap_or(0) * 7;
    let step = (n + phase) % 20;
    let rise = f64::from(if step < 10 { step } else { 20 - step }) / 10.0;
    let (cores, memory) = match spec.labels.get("k3d.role").map(String::as_str) {
        Some("server") => (0.35, 430),
        Some("agent") => (0.18, 160),
        _ => (0.01, 8),
    };
    Usage {
        cpu_cores: cores * (0.4 + rise),
        memory: memory << 20,
        memory_limit: 16 << 30,
    }
}
