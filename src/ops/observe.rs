//! What is there, as plans are made from it: one list of containers, one of networks, one of volumes.

use futures::{StreamExt, stream::FuturesUnordered};

use super::recover::{self, Owner};
use crate::{
    backend::Backends,
    distro::{self, k3s::mark},
    domain::{
        Cluster, ClusterName, Distribution, Problem,
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
    /// The clusters of a name. One before which a distribution stands, `kind/demo`, is that one's alone.
    pub fn named(&self, name: &ClusterName) -> impl Iterator<Item = &Cluster> {
        let bare = bare(name).to_owned();
        let distribution = name.as_str().strip_suffix(&bare).unwrap_or_default();
        let distribution = distribution.trim_end_matches('/').to_owned();
        self.clusters.iter().filter(move |cluster| {
            cluster.name.as_str() == bare
                && (distribution.is_empty() || cluster.distribution.to_string() == distribution)
        })
    }

    /// The cluster of a name, before which its distribution may stand.
    ///
    /// # Errors
    /// When there is none, with the names that are there in the hint; when there are two, with what to say instead.
    pub fn cluster(&self, name: &ClusterName) -> Result<&Cluster, Problem> {
        let mut found = self.named(name);
        let first = found.next();
        if let (Some(one), Some(other)) = (first, found.next()) {
            let (one, other) = (one.distribution, other.distribution);
            return Err(Problem::refused(
                format!("it is not clear which cluster {:?} is", name.as_str()),
                format!("there are two of that name: {one}/{name} and {other}/{name}"),
            )
            .with_hint(format!("name it with its distribution: {one}/{name}")));
        }
        first.ok_or_else(|| {
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

/// A cluster's name without the distribution that may stand before it.
#[must_use]
pub fn bare(name: &ClusterName) -> &str {
    let words = [Distribution::K3s, Distribution::Kind].map(|it| format!("{it}/"));
    words
        .iter()
        .find_map(|word| name.as_str().strip_prefix(word.as_str()))
        .unwrap_or(name.as_str())
}

/// What names a cluster among these: its name, with its distribution before it where another one has that name.
#[must_use]
pub fn address(clusters: &[Cluster], cluster: &Cluster) -> ClusterName {
    let many = clusters.iter().filter(|it| it.name == cluster.name).count() > 1;
    if many {
        ClusterName::existing(format!("{}/{}", cluster.distribution, cluster.name))
    } else {
        cluster.name.clone()
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
