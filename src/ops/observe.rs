//! What is there, as plans are made from it: one list of containers, one of networks, one of volumes.

use crate::{
    backend::Backends,
    domain::{
        Cluster, Problem,
        container::{EngineInfo, NetworkInfo, VolumeSpec},
    },
};

/// What was found at the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Every cluster, whoever made it and whatever state it is in.
    pub clusters: Vec<Cluster>,
    /// The engine's networks, of whatever kind.
    pub networks: Vec<NetworkInfo>,
    /// The volumes that belong to clusters.
    pub volumes: Vec<VolumeSpec>,
    /// The engine.
    pub engine: EngineInfo,
}

/// Looks at the world.
///
/// # Errors
/// When the engine does not answer.
pub async fn observe(backends: &Backends) -> Result<World, Problem> {
    let runtime = &backends.runtime;
    let (_containers, networks, volumes, engine) = futures::try_join!(
        runtime.containers(&[]),
        runtime.networks(),
        runtime.volumes(crate::distro::k3s::mark::LIST),
        runtime.info(),
    )?;
    Ok(World {
        clusters: Vec::new(),
        networks,
        volumes,
        engine,
    })
}
