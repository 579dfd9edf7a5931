//! Containers: made, filled, started, stopped, removed.

use super::{Effect, Run, paths};
use crate::{
    backend::ErrorKind,
    domain::{
        Problem,
        container::{ContainerSpec, ContainerState, FileEntry, STOP_GRACE},
    },
    plan::StepId,
};

pub(super) async fn create(run: &Run<'_>, spec: &ContainerSpec) -> Result<Effect, Problem> {
    run.backends.runtime.create_container(spec).await?;
    Ok(Effect::Changed)
}

pub(super) async fn put_files(
    run: &Run<'_>,
    container: &str,
    files: &[FileEntry],
) -> Result<Effect, Problem> {
    run.backends.runtime.put_files(container, files).await?;
    Ok(Effect::Changed)
}

pub(super) async fn start(run: &Run<'_>, container: &str) -> Result<Effect, Problem> {
    let runtime = &run.backends.runtime;
    if runtime.inspect(container).await?.info.state == ContainerState::Running {
        return Ok(Effect::Nothing);
    }
    runtime.start(container).await?;
    Ok(Effect::Changed)
}

pub(super) async fn stop(run: &Run<'_>, container: &str) -> Result<Effect, Problem> {
    let runtime = &run.backends.runtime;
    let state = match runtime.inspect(container).await {
        Ok(detail) => detail.info.state,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(Effect::Nothing),
        Err(error) => return Err(error.into()),
    };
    if matches!(
        state,
        ContainerState::Created | ContainerState::Exited | ContainerState::Dead
    ) {
        return Ok(Effect::Nothing);
    }
    runtime.stop(container, STOP_GRACE).await?;
    Ok(Effect::Changed)
}

pub(super) async fn rename(run: &Run<'_>, container: &str, to: &str) -> Result<Effect, Problem> {
    let runtime = &run.backends.runtime;
    match runtime.rename(container, to).await {
        Ok(()) => Ok(Effect::Changed),
        Err(error) if error.kind == ErrorKind::NotFound && runtime.inspect(to).await.is_ok() => {
            Ok(Effect::Nothing)
        }
        Err(error) => Err(error.into()),
    }
}

/// Stops one and starts the other; what the first one served is away in between, and for ever if nobody took care.
pub(super) async fn exchange(
    run: &Run<'_>,
    id: StepId,
    old: &str,
    new: &str,
) -> Result<Effect, Problem> {
    stop(run, old).await?;
    let Err(problem) = start(run, new).await else {
        return Ok(Effect::Changed);
    };
    run.message(id, &format!("{new} did not start, so {old} runs again"));
    // A start that failed half-way may have left ports bound to it.
    stop(run, new).await?;
    start(run, old).await?;
    Err(problem)
}

pub(super) async fn remove(run: &Run<'_>, container: &str) -> Result<Effect, Problem> {
    match run.backends.runtime.remove_container(container).await {
        Ok(()) => {
            if !run.backends.simulated {
                paths::forget_node(run.files, container).await;
            }
            Ok(Effect::Changed)
        }
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Effect::Nothing),
        Err(error) => Err(error.into()),
    }
}
