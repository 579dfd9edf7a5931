//! The engine's volumes and networks, with who uses them: what outlives clusters, and what belongs to one.

use futures::try_join;

use crate::{
    backend::Backends,
    distro::k3s::labels,
    domain::{
        Problem,
        container::{ContainerInfo, Labels, NetworkInfo, VolumeSpec, VolumeUse},
        log::sanitize,
    },
    plan::{Plan, lasting},
};

/// A volume and who uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Whether it was made by `volume create`.
    pub ours: bool,
    /// The cluster that it dies with, if there is one.
    pub cluster: Option<String>,
    /// Its size and age, as far as the engine tells.
    pub seen: VolumeUse,
    /// The containers that have it mounted.
    pub used_by: Vec<String>,
}

/// A network and who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// What the engine says of it.
    pub info: NetworkInfo,
    /// Whether it was made by `network create`.
    pub ours: bool,
    /// The containers that are attached to it.
    pub used_by: Vec<String>,
}

/// The volumes of ours, or those of clusters too; by name. Sizes take the engine a while, and are left out where it
/// does not tell them.
///
/// # Errors
/// When the engine does not answer.
pub async fn volumes(backends: &Backends, all: bool) -> Result<Vec<Volume>, Problem> {
    let runtime = &backends.runtime;
    let (volumes, containers, sizes) = tokio::join!(
        runtime.volumes(&[]),
        runtime.containers(&[]),
        runtime.disk_usage()
    );
    let (volumes, containers) = (volumes?, containers?);
    let sizes = sizes.unwrap_or_default();
    let wanted = volumes.iter().map(|volume| {
        let seen = sizes.volumes.get(&volume.name).copied();
        one(volume, seen.unwrap_or_default(), &containers)
    });
    let mut list: Vec<Volume> = wanted
        .filter(|volume| volume.ours || all && volume.cluster.is_some())
        .collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(list)
}

fn one(volume: &VolumeSpec, seen: VolumeUse, containers: &[ContainerInfo]) -> Volume {
    let uses = |container: &&ContainerInfo| container.volumes.contains(&volume.name);
    Volume {
        name: sanitize(volume.name.as_bytes()),
        ours: labels::is_kept(&volume.labels),
        cluster: of_k3d(&volume.labels)
            .then(|| volume.labels.get(labels::CLUSTER))
            .flatten()
            .map(|name| sanitize(name.as_bytes()))
            .filter(|name| !name.is_empty()),
        seen,
        used_by: names(containers.iter().filter(uses)),
    }
}

/// The networks of ours, or those of clusters too; by name.
///
/// # Errors
/// When the engine does not answer.
pub async fn networks(backends: &Backends, all: bool) -> Result<Vec<Network>, Problem> {
    let runtime = &backends.runtime;
    let (networks, containers) = try_join!(runtime.networks(), runtime.containers(&[]))?;
    let mut list: Vec<Network> = networks
        .into_iter()
        .map(|info| {
            let within = |container: &&ContainerInfo| lasting::is_in(container, &info.name);
            Network {
                ours: labels::is_kept(&info.labels),
                used_by: names(containers.iter().filter(within)),
                info,
            }
        })
        .filter(|network| network.ours || all && of_k3d(&network.info.labels))
        .collect();
    list.sort_by(|a, b| a.info.name.cmp(&b.info.name));
    Ok(list)
}

fn of_k3d(all: &Labels) -> bool {
    all.get(labels::APP).map(String::as_str) == Some(labels::APP_K3D)
}

fn names<'a>(containers: impl Iterator<Item = &'a ContainerInfo>) -> Vec<String> {
    let names = containers.map(|container| sanitize(container.name.as_bytes()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The plan of a change of such things.
pub(super) async fn prepare(
    backends: &Backends,
    wanted: &lasting::Lasting,
    containers: &[ContainerInfo],
    networks: &[NetworkInfo],
) -> Result<Plan, Problem> {
    lasting::plan(&lasting::Input {
        wanted,
        containers,
        networks,
        volumes: &backends.runtime.volumes(&[]).await?,
    })
}
