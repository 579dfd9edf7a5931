//! What is there, as plans are made from it: one list of containers, one of networks, one of volumes.

use futures::{StreamExt, stream::FuturesUnordered};

use super::recover::{self, Owner};
use crate::{
    backend::Backends,
    distro::{self, k3s::mark},
    domain::{
        Cluster, ClusterName, Problem,
        container::{ContainerDetail, ContainerInfo, EngineInfo, NetworkInfo, VolumeSpec},
    },
};

/// What was found at the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Every cluster, whoever made it and whatever state it is in.
    pub clusters: Vec<Cluster>,
    /// The engine's containers, of whatever kind.
    pub containers: Vec<ContainerInfo>,
    /// The engine's networks, of whatever kind.
    pub networks: Vec<NetworkInfo>,
    /// The volumes that belong to clusters.
    pub volumes: Vec<VolumeSpec>,
    /// The engine.
    pub engine: EngineInfo,
}

impl World {
    /// The cluster of a name.
    ///
    /// # Errors
    /// When there is none; the names that are there are in the hint.
    pub fn cluster(&self, name: &ClusterName) -> Result<&Cluster, Problem> {
        self.clusters
            .iter()
            .find(|cluster| cluster.name == *name)
            .ok_or_else(|| {
                let names: Vec<&str> = self
                    .clusters
                    .iter()
                    .map(|cluster| cluster.name.as_str())
                    .collect();
                Problem::not_found(
                    format!("there is no cluster {:?}", name.as_str()),
                    "no container at the engine belongs to one of that name",
                )
                .with_hint(if names.is_empty() {
                    "there are no clusters at all; create one first".to_owned()
                } else {
                    format!("there are: {}", names.join(", "))
                })
            })
    }
}

/// Looks at the world.
///
/// # Errors
/// When the engine does not answer.
pub async fn observe(backends: &Backends) -> Result<World, Problem> {
    let runtime = &backends.runtime;
    let (containers, networks, volumes, engine) = futures::try_join!(
        runtime.containers(&[]),
        runtime.networks(),
        runtime.volumes(mark::LIST),
        runtime.info(),
    )?;
    let mut clusters = distro::clusters(&containers, &volumes);
    let unfinished = clusters
        .iter_mut()
        .filter_map(|cluster| cluster.unfinished.as_mut());
    for unfinished in unfinished {
        if let Owner::AtWork { process } = recover::owner(unfinished) {
            unfinished.at_work = Some(process);
        }
    }
    Ok(World {
        clusters,
        containers,
        networks,
        volumes,
        engine,
    })
}

/// Inspects the containers of a cluster; one that vanished meanwhile is left out.
pub async fn details(backends: &Backends, cluster: &Cluster) -> Vec<ContainerDetail> {
    cluster
        .nodes
        .iter()
        .map(|node| backends.runtime.inspect(&node.name))
        .collect::<FuturesUnordered<_>>()
        .filter_map(|detail| async { detail.ok() })
        .collect()
        .await
}
