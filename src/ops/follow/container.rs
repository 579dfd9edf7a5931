//! Following one container at the engine.

use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    Abandoned, Pauses, hand_on, mark,
    second_look::{self, Silence},
};
use crate::{
    backend::{ContainerRuntime, Error, ErrorKind},
    domain::{
        Mark, MarkEvent,
        container::{ContainerDetail, ContainerState, EngineEvent, LogRequest},
        log::LogItem,
    },
    ops::seam::{Seam, Sewn},
};

pub(super) async fn follow(
    runtime: &dyn ContainerRuntime,
    container: &str,
    tail: u32,
    lines: &mpsc::Sender<LogItem>,
) -> Result<(), Abandoned> {
    let mut seam = Seam::after_tail();
    let mut begun: Option<Timestamp> = None;
    let mut told = String::new();
    let mut pauses = Pauses::new();
    let mut first = true;
    let mut silence = Silence::new();
    loop {
        // Subscribed before the look, so that a start between the two is not missed.
        let mut events = runtime.events();
        let detail = match runtime.inspect(container).await {
            Ok(detail) => detail,
            Err(error) if error.kind == ErrorKind::NotFound => {
                // Another one may take its place: a load balancer with other ports, a server whose data moved to etcd.
                tell(lines, &mut told, format!("{container} is gone")).await?;
                seam = Seam::default();
                if next_start(container, &mut events).await.is_err() {
                    pauses.pause().await;
                }
                continue;
            }
            Err(error) => {
                tell(lines, &mut told, error.to_string()).await?;
                pauses.pause().await;
                continue;
            }
        };
        if !first && begun != detail.started && detail.started.is_some() {
            tell(lines, &mut told, format!("{container} was started again")).await?;
        }
        begun = detail.started;
        if !first && !runs(&detail) {
            tell(lines, &mut told, ending(&detail)).await?;
            if next_start(container, &mut events).await.is_err() {
                pauses.pause().await;
            }
            continue;
        }
        drop(events);
        let request = LogRequest {
            follow: true,
            tail: first.then_some(tail),
            since: seam.since(),
            ..LogRequest::default()
        };
        first = false;
        seam.begin();
        let mut stream = runtime.logs(container, &request);
        let mut broke = None;
        loop {
            let item = tokio::select! {
                biased;
                item = stream.next() => item,
                // The connection may be dead without a word.
                () = tokio::time::sleep_until(silence.until) => {
                    let last = runtime.logs(container, &second_look::request(seam.since()));
                    let news = second_look::has_news(last, seam.newest()).await;
                    silence.goes_on();
                    // An engine that does not answer is told by whoever watches it.
                    if matches!(news, Ok(true)) {
                        break;
                    }
                    continue;
                }
            };
            let Some(item) = item else { break };
            match item {
                Ok(line) => {
                    let sewn = seam.judge(&line);
                    if sewn == Sewn::Apart {
                        let why = "the engine no longer has what came before".into();
                        let gap = Mark::of(None, MarkEvent::Gap(why));
                        hand_on(lines, LogItem::Mark(gap)).await?;
                    }
                    if sewn != Sewn::Known {
                        seam.keep(&line);
                        told.clear();
                        pauses.reset();
                        silence.ends();
                        hand_on(lines, LogItem::Line(line)).await?;
                    }
                }
                Err(error) => {
                    broke = Some(error);
                    break;
                }
            }
        }
        if let Some(error) = broke {
            tell(
                lines,
                &mut told,
                format!("the log broke off: {}", error.why),
            )
            .await?;
        }
        pauses.pause().await;
    }
}

/// Tells something once, however often it is found to be so.
async fn tell(
    lines: &mpsc::Sender<LogItem>,
    told: &mut String,
    text: String,
) -> Result<(), Abandoned> {
    if *told != text {
        mark(lines, text.clone()).await?;
        *told = text;
    }
    Ok(())
}

const fn runs(detail: &ContainerDetail) -> bool {
    matches!(
        detail.info.state,
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
    )
}

fn ending(detail: &ContainerDetail) -> String {
    let name = &detail.info.name;
    match detail.exit_code {
        _ if detail.oom_killed => format!("{name} was killed for its memory"),
        Some(code) => format!("{name} ended with exit code {code}"),
        None => format!("{name} does not run"),
    }
}

/// Waits for the container's next start, or its removal; fails when the engine's events end.
async fn next_start(
    container: &str,
    events: &mut BoxStream<'static, Result<EngineEvent, Error>>,
) -> Result<(), ()> {
    while let Some(Ok(event)) = events.next().await {
        let awaited = matches!(event.action.as_str(), "start" | "destroy" | "rename");
        if event.object == "container" && event.name == container && awaited {
            return Ok(());
        }
    }
    Err(())
}
