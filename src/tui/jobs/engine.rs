//! The engine: found, observed, followed by its events, found again when it went away. And the kubeconfig's contexts.

use std::time::Duration;

use futures::StreamExt;

use super::{Context, Sink, back_off};
use crate::{
    backend::{Backends, docker::Tried},
    domain::Problem,
    ops,
    tui::msg::News,
};

/// Events come in bursts: starting one container makes five. They are looked at together after this long.
const GATHER: Duration = Duration::from_millis(60);
/// Kubeconfig files belong to other programs too, and nothing tells when they are written. Looking costs microseconds.
const CONTEXTS: Duration = Duration::from_secs(5);

/// A frozen engine ends no connection, so it is asked whether it is there after as long a silence.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// An engine on this machine answers within milliseconds, one behind a slow link within a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs until it is ended.
pub(super) async fn run(context: Context, sink: Sink) {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let tried = match (context.open)().await {
            Err(tried) => tried,
            Ok(backends) => {
                let mut endpoint = "the engine".to_owned();
                let why = follow(&backends, &sink, &mut attempt, &mut endpoint).await;
                vec![Tried {
                    endpoint,
                    source: "in use until now".to_owned(),
                    answer: why.why,
                }]
            }
        };
        let pause = back_off(attempt);
        if !sink
            .send(News::EngineDown {
                tried,
                retry_in: pause,
            })
            .await
        {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Observes the world whenever something happened, until the engine goes away.
async fn follow(
    backends: &Backends,
    sink: &Sink,
    attempt: &mut u32,
    endpoint: &mut String,
) -> Problem {
    // The stream first: what happens while the first list is on its way is not missed.
    let mut events = backends.runtime.events();
    loop {
        match ops::observe(backends).await {
            Ok(world) => {
                *attempt = 0;
                endpoint.clone_from(&world.engine.endpoint);
                sink.send(News::World(Box::new(world), backends.clone()))
                    .await;
            }
            Err(problem) => return problem,
        }
        let event = loop {
            match tokio::time::timeout(HEARTBEAT, events.next()).await {
                Ok(event) => break event,
                Err(_) => {
                    if let Err(problem) = alive(backends).await {
                        return problem;
                    }
                }
            }
        };
        match event {
            Some(Ok(_)) => {}
            Some(Err(error)) => return error.into(),
            None => {
                return Problem::unreachable(
                    "the engine's events ended",
                    "it closed the connection",
                );
            }
        }
        let end = tokio::time::sleep(GATHER);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                item = events.next() => match item {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return error.into(),
                    None => return Problem::unreachable("the engine's events ended", "it closed the connection"),
                },
            }
        }
    }
}

async fn alive(backends: &Backends) -> Result<(), Problem> {
    match tokio::time::timeout(PATIENCE, backends.runtime.info()).await {
        Ok(answer) => answer.map(drop).map_err(Problem::from),
        Err(_) => Err(Problem::unreachable(
            "the engine does not answer",
            format!("no answer within {} s", PATIENCE.as_secs()),
        )),
    }
}

/// Reads the kubeconfig files whenever one of them was written.
pub(super) async fn contexts(context: Context, sink: Sink) {
    let mut before = None;
    loop {
        let (read, files) = (context.contexts.clone(), context.read.clone());
        let known = before.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let now: Vec<_> = files.iter().map(|path| stamp(path)).collect();
            (Some(&now) != known.as_ref()).then(|| (now, read()))
        });
        let Ok(looked) = looked.await else { return };
        if let Some((now, (contexts, problems))) = looked {
            before = Some(now);
            if !sink.send(News::Contexts(contexts, problems)).await {
                return;
            }
        }
        tokio::time::sleep(CONTEXTS).await;
    }
}

/// What changes when a file is written: its length and time, or that it is not there.
fn stamp(path: &std::path::Path) -> Option<(u64, std::time::SystemTime)> {
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.len(), seen.modified().ok()?))
}
