//! What goes on in the world's containers: logs, events, use.

use std::time::Duration;

use futures::{StreamExt, stream, stream::BoxStream};
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use super::{World, behaviour, not_found};
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
        let clock = self.0.clock;
        let behaviour = behaviour::of(&held.spec);
        let fixed = behaviour.lines.len();
        let lines = behaviour.lines.clone();
        let line = move |n: usize| {
            let (after, text) = match lines.get(n) {
                Some(line) => line.clone(),
                None if behaviour.talks => behaviour::chatter((n - fixed) as u64),
                None => return None,
            };
            Some((started + after, text))
        };
        // What is there already, up to now or to the end of the run.
        let until = held.stopped.unwrap_or_else(Instant::now);
        let mut past = (0..)
            .map_while(&line)
            .take_while(|(at, _)| *at <= until)
            .count();
        let first = request
            .tail
            .map_or(0, |tail| past.saturating_sub(tail as usize));
        let follow = request.follow && held.is_running(Instant::now());
        if let Some((after, _)) = behaviour::of(&held.spec).end
            && follow
        {
            past = (0..)
                .map_while(&line)
                .take_while(|(at, _)| *at <= started + after)
                .count();
        }
        let since = request.since;
        let (world, name) = (self.clone(), container.to_owned());
        stream::unfold(first, move |n| {
            let next = line(n);
            let (world, name) = (world.clone(), name.clone());
            async move {
                if !follow && n >= past {
                    return None;
                }
                let end = async {
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
                let Some((at, text)) = next else {
                    end.await;
                    return None;
                };
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at) => {}
                    () = end => return None,
                }
                let line = LogLine::from_raw(Some(clock.at(at)), text.as_bytes(), 0);
                Some((Ok(line), n + 1))
            }
        })
        .filter(move |line| {
            std::future::ready(
                line.as_ref()
                    .is_ok_and(|line| since.is_none_or(|since| line.time >= Some(since))),
            )
        })
        .boxed()
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
