//! Networks and volumes: made and removed; and whether something whose making was never confirmed is this run's own.

use std::time::Duration;

use super::{Effect, Run};
use crate::{
    backend::{Error, ErrorKind},
    distro::k3s::mark,
    domain::{
        Problem, ProblemKind,
        container::{NetworkSpec, VolumeSpec},
    },
    plan::Step,
};

/// An engine refuses to remove what a container uses that it is still removing. There is no event for the moment at
/// which it would not, so it is asked again after these pauses.
const IN_USE_PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

pub(super) async fn create(run: &Run<'_>, spec: &NetworkSpec) -> Result<Effect, Problem> {
    run.backends.runtime.create_network(spec).await?;
    Ok(Effect::Changed)
}

pub(super) async fn remove(run: &Run<'_>, network: &str) -> Result<Effect, Problem> {
    let mut pauses = IN_USE_PAUSES.iter();
    loop {
        match gone(run.backends.runtime.remove_network(network).await) {
            Err(error) if error.kind == ErrorKind::Conflict => match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(error.into()),
            },
            result => return Ok(result?),
        }
    }
}

pub(super) async fn connect(
    run: &Run<'_>,
    network: &str,
    container: &str,
) -> Result<Effect, Problem> {
    let runtime = &run.backends.runtime;
    let there = runtime.inspect(container).await?.info.attachments;
    if there.iter().any(|place| place.network == network) {
        return Ok(Effect::Nothing);
    }
    runtime.connect(network, container).await?;
    Ok(Effect::Changed)
}

pub(super) async fn disconnect(
    run: &Run<'_>,
    network: &str,
    container: &str,
) -> Result<Effect, Problem> {
    Ok(gone(
        run.backends.runtime.disconnect(network, container).await,
    )?)
}

pub(super) async fn create_volume(run: &Run<'_>, spec: &VolumeSpec) -> Result<Effect, Problem> {
    // The engine takes the making of a volume that exists for a success and changes nothing, so what was there before
    // has to be known; and of two marks that are made at the same moment one is the other's.
    if let Some(existing) = find_volume(run, spec).await? {
        return match mark::read(&existing) {
            Some(_) if existing.labels != spec.labels => Err(taken(&existing)),
            _ => Ok(Effect::Nothing),
        };
    }
    run.backends.runtime.create_volume(spec).await?;
    if mark::read(spec).is_some() {
        // Without this answer it is not known whether the mark is this run's own.
        let found = find_volume(run, spec).await.map_err(|problem| Problem {
            kind: ProblemKind::Unreachable,
            ..problem
        })?;
        match found {
            Some(made) if made.labels != spec.labels => return Err(taken(&made)),
            _ => {}
        }
    }
    Ok(Effect::Changed)
}

/// The problem of an operation that another one came before.
fn taken(mark: &VolumeSpec) -> Problem {
    let (verb, owner) = mark::read(mark).map_or_else(
        || ("operation".to_owned(), String::new()),
        |(_, _, unfinished)| (unfinished.verb, unfinished.owner),
    );
    Problem::refused(
        format!("volume {} cannot be made", mark.name),
        format!("another {verb} of the same cluster has begun (by {owner})"),
    )
    .with_hint("wait for it, or remove what it left if it was interrupted")
}

pub(super) async fn remove_volume(run: &Run<'_>, volume: &str) -> Result<Effect, Problem> {
    let mut pauses = IN_USE_PAUSES.iter();
    loop {
        match gone(run.backends.runtime.remove_volume(volume).await) {
            Err(error) if error.kind == ErrorKind::Conflict => match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(error.into()),
            },
            result => return Ok(result?),
        }
    }
}

/// What is not there counts as removed.
fn gone(result: Result<(), Error>) -> Result<Effect, Error> {
    match result {
        Ok(()) => Ok(Effect::Changed),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Effect::Nothing),
        Err(error) => Err(error),
    }
}

async fn find_volume(run: &Run<'_>, spec: &VolumeSpec) -> Result<Option<VolumeSpec>, Problem> {
    let volumes = run.backends.runtime.volumes(&[]).await?;
    Ok(volumes.into_iter().find(|volume| volume.name == spec.name))
}

/// Whether the object of a step whose answer was lost is there and is what the step would have made. What does not
/// bear this run's own values belongs to somebody else and is not touched.
pub(in crate::ops) async fn is_ours(run: &Run<'_>, step: &Step) -> Result<bool, Problem> {
    let runtime = &run.backends.runtime;
    Ok(match step {
        Step::CreateContainer(spec) => match runtime.inspect(&spec.name).await {
            Ok(detail) => spec
                .labels
                .iter()
                .all(|(key, value)| detail.info.labels.get(key) == Some(value)),
            Err(error) if error.kind == ErrorKind::NotFound => false,
            Err(error) => return Err(error.into()),
        },
        Step::CreateNetwork(spec) => runtime.networks().await?.iter().any(|network| {
            network.name == spec.name
                && network.subnets.contains(&spec.subnet)
                && network.labels == spec.labels
        }),
        Step::CreateVolume(spec) => find_volume(run, spec)
            .await?
            .is_some_and(|volume| volume.labels == spec.labels),
        _ => true,
    })
}
