//! Containers: made, filled, started, stopped, removed.

use super::{Effect, Run};
use crate::{
    backend::ErrorKind,
    domain::{
        Problem,
        container::{ContainerSpec, ContainerState, FileEntry, STOP_GRACE},
    },
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

pub(super) async fn remove(run: &Run<'_>, container: &str) -> Result<Effect, Problem> {
    match run.backends.runtime.remove_container(container).await {
        Ok(()) => Ok(Effect::Changed),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Effect::Nothing),
        Err(error) => Err(error.into()),
    }
}
