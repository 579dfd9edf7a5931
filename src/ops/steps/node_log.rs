//! Following the log of a node's container: for the line that says that it is up, and for what it cannot recover from.
//!
//! The end of the log is the first sign that a container died, before any event; an inspection then says how.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;

use super::{Effect, Run};
use crate::{
    backend::ErrorKind,
    distro::k3s::readiness::{self, Verdict},
    domain::{
        Problem, Role,
        container::{ContainerDetail, ContainerState, LogRequest},
    },
    ops::seam::Seam,
    plan::StepId,
};

/// So often may a container start again while it is waited for: a server that finds another one not ready yet ends,
/// and the engine starts it again after 0.1, 0.2, 0.4, ... seconds.
const RESTARTS: u32 = 6;

/// After the end of a log the engine needs a moment before it says that the container ended, and a log that broke off
/// is not asked for again at once.
const PAUSE: Duration = Duration::from_millis(150);

/// What a container is followed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Until it is up.
    Ready,
    /// For as long as something else is waited for: only its troubles count.
    Trouble,
}

/// Waits until the container's log says that it is up.
pub(super) async fn until_ready(
    run: &Run<'_>,
    id: StepId,
    container: &str,
    role: Role,
) -> Result<Effect, Problem> {
    attend(run, id, container, role, Aim::Ready).await?;
    Ok(Effect::Changed)
}

/// Follows the container, through restarts, until its log says that it is up (where that is the aim), or that it cannot
/// come up, or it has ended.
pub(super) async fn attend(
    run: &Run<'_>,
    id: StepId,
    container: &str,
    role: Role,
    aim: Aim,
) -> Result<(), Problem> {
    let runtime = &run.backends.runtime;
    let mut life: Option<Timestamp> = None;
    let mut previous: Option<Timestamp> = None;
    let mut seam = Seam::default();
    let mut restarts = 0;
    loop {
        let detail = match runtime.inspect(container).await {
            Ok(detail) => detail,
            Err(error) if error.kind == ErrorKind::NotFound => return Err(error.into()),
            Err(error) => {
                run.message(id, &error.to_string());
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if life.is_some() && detail.started != life {
            restarts += 1;
        }
        if life != detail.started {
            life = detail.started;
            // Not the start: engines note that after the process runs, so that the first lines of a quick program, and
            // on a busy machine of any, are older than it.
            previous = detail.finished;
            seam = Seam::default();
        }
        if has_ended(&detail) || restarts > RESTARTS {
            return Err(ended(run, id, &detail, restarts, role).await);
        }
        let request = LogRequest {
            follow: true,
            since: seam.since().or(previous),
            ..LogRequest::default()
        };
        seam.begin();
        let mut lines = runtime.logs(container, &request);
        while let Some(Ok(line)) = lines.next().await {
            // The engine's `since` may be no finer than a second: lines of the previous run come as well.
            let before = line
                .time
                .is_some_and(|time| previous.is_some_and(|end| time <= end));
            if before || !seam.is_new(&line) {
                continue;
            }
            run.line(id, &line.text);
            match readiness::judge(role, &line.text) {
                Verdict::Ready if aim == Aim::Ready => return Ok(()),
                Verdict::Hopeless { hint } => return Err(hopeless(run, id, container, hint)),
                _ => {}
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether nobody will start it again.
const fn has_ended(detail: &ContainerDetail) -> bool {
    matches!(
        detail.info.state,
        ContainerState::Exited | ContainerState::Dead | ContainerState::Removing
    )
}

fn hopeless(run: &Run<'_>, id: StepId, container: &str, hint: &str) -> Problem {
    let mut why = "its log says what it cannot recover from by itself:".to_owned();
    run.add_last_words(id, &mut why);
    Problem::failed(format!("{container} does not come up"), why).with_hint(hint)
}

/// The problem of a container that ended, with the end of its log.
async fn ended(
    run: &Run<'_>,
    id: StepId,
    detail: &ContainerDetail,
    restarts: u32,
    role: Role,
) -> Problem {
    let name = &detail.info.name;
    if !run.has_lines(id) {
        let request = LogRequest {
            tail: Some(20),
            ..LogRequest::default()
        };
        let mut lines = run.backends.runtime.logs(name, &request);
        while let Some(Ok(line)) = lines.next().await {
            run.line(id, &line.text);
            if let Verdict::Hopeless { hint } = readiness::judge(role, &line.text) {
                return hopeless(run, id, name, hint);
            }
        }
    }
    let code = detail
        .exit_code
        .map(|code| format!(" with exit code {code}"))
        .unwrap_or_default();
    let memory = if detail.oom_killed {
        ", killed for its memory"
    } else {
        ""
    };
    let mut why = if restarts > RESTARTS {
        format!("it ended{code}{memory} again and again, {restarts} times:")
    } else {
        format!("it ended{code}{memory}:")
    };
    run.add_last_words(id, &mut why);
    Problem::failed(format!("{name} does not come up"), why)
}
