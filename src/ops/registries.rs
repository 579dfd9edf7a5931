//! Registries: which are there, what is in them, and the plans that make them known to clusters.

use std::{collections::BTreeMap, net::IpAddr};

use futures::{TryStreamExt, future::join_all, stream::FuturesOrdered};
use serde::{Deserialize, de::DeserializeOwned};

use super::{World, observe::observe, surroundings};
use crate::{
    backend::{Backends, ErrorKind},
    distro::k3s::{registries, registry_files},
    domain::{Cluster, Problem, Protocol, PublishedPort, Registry, Role, registry::RegistrySpec},
    plan::{
        Plan,
        registry::{self, Input, Wanted},
    },
};

/// A catalogue comes in pages of so many; a registry on a developer's machine has one or two of them.
const PAGE: usize = 500;
/// So many pages are read; a registry that has more of them is nobody's local one.
const PAGES: usize = 40;
/// So many repositories are asked for their tags at the same time.
const AT_ONCE: usize = 8;

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name: `shop/web`.
    pub name: String,
    /// Its tags, in order.
    pub tags: Vec<String>,
}

/// The registries at the engine, by name.
///
/// # Errors
/// When the engine does not answer.
pub async fn list(backends: &Backends) -> Result<Vec<Registry>, Problem> {
    Ok(registries::registries(&observe(backends).await?.containers))
}

/// What is in a registry: every repository with its tags, by name. One that keeps copies lists what it has copied.
///
/// # Errors
/// When it does not run, publishes no port, or does not answer.
pub async fn catalogue(
    backends: &Backends,
    registry: &Registry,
) -> Result<Vec<Repository>, Problem> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        repositories: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Tags {
        #[serde(default)]
        tags: Option<Vec<String>>,
    }
    let port = port(registry)?;
    let mut names: Vec<String> = Vec::new();
    let mut path = Some(format!("/v2/_catalog?n={PAGE}"));
    for _ in 0..PAGES {
        let Some(wanted) = path.take() else { break };
        let (page, next) = get::<Page>(backends, &port, &wanted).await?;
        names.extend(page.repositories);
        path = next;
    }
    let mut all: Vec<Repository> = Vec::new();
    for some in names.chunks(AT_ONCE) {
        let asked: FuturesOrdered<_> = some
            .iter()
            .map(|name| {
                let port = &port;
                async move {
                    let path = format!("/v2/{name}/tags/list");
                    let mut tags = match get::<Tags>(backends, port, &path).await {
                        Ok((answer, _)) => answer.tags.unwrap_or_default(),
                        // All of its images were deleted.
                        Err(problem) if problem.kind == crate::domain::ProblemKind::NotFound => {
                            Vec::new()
                        }
                        Err(problem) => return Err(problem),
                    };
                    tags.sort();
                    Ok(Repository {
                        name: name.clone(),
                        tags,
                    })
                }
            })
            .collect();
        all.extend(asked.try_collect::<Vec<_>>().await?);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn port(registry: &Registry) -> Result<PublishedPort, Problem> {
    let host_port = registry.host_port.ok_or_else(|| {
        Problem::failed(
            format!("{} cannot be asked what is in it", registry.name),
            "it publishes no port on this machine",
        )
    })?;
    Ok(PublishedPort {
        container_port: registry.port,
        protocol: Protocol::Tcp,
        host_ip: registry.host_ip,
        host_port,
    })
}

async fn get<T: DeserializeOwned>(
    backends: &Backends,
    port: &PublishedPort,
    path: &str,
) -> Result<(T, Option<String>), Problem> {
    let answer = backends.runtime.fetch(port, path).await?;
    let value = serde_json::from_slice(&answer.body).map_err(|error| {
        Problem::failed(
            format!("the answer to {path} is no registry's"),
            error.to_string(),
        )
    })?;
    Ok((value, answer.next))
}

/// Has what is wanted of a registry planned.
pub(super) async fn prepare(
    backends: &Backends,
    world: &World,
    wanted: &Wanted,
) -> Result<Plan, Problem> {
    let all = registries::registries(&world.containers);
    let mut clusters: Vec<Cluster> = Vec::new();
    for name in wanted.clusters() {
        clusters.push(world.cluster(name)?.clone());
    }
    let deleted = match wanted {
        Wanted::Delete(name) => Some(registry::find(&all, name)?),
        _ => None,
    };
    if let Some(deleted) = deleted {
        let uses = |cluster: &&Cluster| deleted.networks.contains(&cluster.network);
        clusters.extend(world.clusters.iter().filter(uses).cloned());
    }
    let (mut files, mut silent) = (BTreeMap::new(), Vec::new());
    for cluster in &clusters {
        for (node, present) in present(backends, cluster).await {
            match present {
                Ok(Some(text)) => {
                    files.insert(node, text);
                }
                Ok(None) => {}
                // What is broken does not keep a registry from going.
                Err(problem) if deleted.is_some() => {
                    silent.push(format!("{node} may go on asking it: {problem}"));
                }
                Err(problem) => return Err(problem),
            }
        }
    }
    let port = match wanted {
        Wanted::Create { spec, .. } => chosen_port(backends, world, spec)?,
        _ => 0,
    };
    let mut plan = registry::plan(&Input {
        wanted,
        registries: &all,
        clusters: &clusters,
        files: &files,
        port,
    })?;
    plan.warnings.extend(silent);
    Ok(plan)
}

/// A free port for a registry; one that was asked for has to be free.
pub(super) fn chosen_port(
    backends: &Backends,
    world: &World,
    spec: &RegistrySpec,
) -> Result<u16, Problem> {
    let address = spec.host.unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let Some(host_port) = spec.port else {
        return surroundings::free_port(address);
    };
    let wanted = PublishedPort {
        container_port: registries::PORT,
        protocol: Protocol::Tcp,
        host_ip: address,
        host_port,
    };
    let local = surroundings::is_local(backends, &world.engine);
    super::ports::free(&[wanted], &world.containers, local)?;
    Ok(host_port)
}

/// What the nodes of a cluster have of `registries.yaml`, if they have one.
async fn present(
    backends: &Backends,
    cluster: &Cluster,
) -> Vec<(String, Result<Option<String>, Problem>)> {
    let nodes = cluster
        .nodes
        .iter()
        .filter(|node| matches!(node.role, Role::Server | Role::Agent));
    let asked = nodes.map(|node| async {
        let read = backends.runtime.read_file(&node.name, registry_files::PATH);
        let text = match read.await {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        };
        (node.name.clone(), text)
    });
    join_all(asked).await
}
