//! Nodes one by one: which there are, and what is wanted of them.

use super::{
    Wish, World,
    observe::address,
    observe::details,
    ports,
    prepare::{free, read},
};
use crate::{
    backend::Backends,
    distro::{
        self,
        k3s::{join, labels, scripts},
    },
    domain::{
        Cluster, ClusterName, Distribution, Node, Problem, Role,
        container::{ContainerDetail, FileEntry},
        spec::WaitFor,
    },
    plan::{
        Plan, Subject, Upstreams,
        node::{self, NewNodes, Remote},
        scale::{self, Scale},
    },
};

/// Where k3s reads what a person configured for registries.
const REGISTRIES: &str = "/etc/rancher/k3s/registries.yaml";

/// What a server's container has in none of its volumes, with its permissions. Without its password k3s refuses the
/// node; the rest is what a person may have put there.
const KEPT: &[(&str, u32)] = &[
    ("/etc/rancher/node/password", 0o600),
    (REGISTRIES, 0o644),
    ("/etc/rancher/k3s/config.yaml", 0o644),
];

/// What can be done with nodes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeVerb {
    /// Start them.
    Start,
    /// Stop them, with all that is in them kept.
    Stop,
    /// Remove them: emptied of their pods first, and forgotten by Kubernetes.
    Delete,
}

/// A container that belongs to a cluster or is a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it is.
    pub node: Node,
    /// Its cluster's name; empty for a registry of no cluster.
    pub cluster: String,
}

/// All nodes, with those that are no Kubernetes nodes and those whose cluster is elsewhere: by cluster, role and number.
#[must_use]
pub fn all(world: &World) -> Vec<Listed> {
    let mut all: Vec<Listed> = world
        .clusters
        .iter()
        .flat_map(|cluster| {
            cluster.nodes.iter().map(|node| Listed {
                node: node.clone(),
                cluster: address(&world.clusters, cluster).to_string(),
            })
        })
        .collect();
    // Whatever has no server, agent or load balancer is no cluster: registries that serve several are such.
    for container in &world.containers {
        let label = |key: &str| container.labels.get(key).map(String::as_str);
        let known = all.iter().any(|listed| listed.node.id == container.id);
        if !known && label(labels::APP) == Some(labels::APP_K3D) {
            let role = labels::role_of(&container.labels);
            let network = label(labels::NETWORK).unwrap_or_default();
            all.push(Listed {
                node: distro::node(container, role, network),
                cluster: label(labels::CLUSTER).unwrap_or_default().to_owned(),
            });
        }
    }
    all
}

/// The node of a name, with or without k3d's prefix.
///
/// # Errors
/// When there is none; those that are there are in the hint.
pub fn find<'a>(all: &'a [Listed], name: &str) -> Result<&'a Listed, Problem> {
    let prefixed = format!("k3d-{name}");
    let of = |name: &str| all.iter().find(|listed| listed.node.name == name);
    of(name).or_else(|| of(&prefixed)).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|listed| listed.node.name.as_str()).collect();
        Problem::not_found(
            format!("there is no node {name:?}"),
            "no container of that name at the engine belongs to a cluster",
        )
        .with_hint(if names.is_empty() {
            "there are no nodes at all".to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        })
    })
}

/// The wishes for nodes: one for each cluster that they belong to, and one for each registry of no cluster.
#[must_use]
pub fn wishes(verb: NodeVerb, nodes: &[&Listed]) -> Vec<Wish> {
    let mut groups: Vec<(Subject, Vec<String>)> = Vec::new();
    for listed in nodes {
        let name = listed.node.name.clone();
        let about = if listed.cluster.is_empty() {
            Subject::Registry(name.clone())
        } else {
            ClusterName::existing(&listed.cluster).into()
        };
        match groups.iter_mut().find(|(other, _)| *other == about) {
            Some((_, names)) if !names.contains(&name) => names.push(name),
            Some(_) => {}
            None => groups.push((about, vec![name])),
        }
    }
    groups
        .into_iter()
        .map(|(about, names)| Wish::Nodes { about, verb, names })
        .collect()
}

/// Another size of a cluster; `None` leaves the number of a role as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size<'a> {
    pub(super) servers: Option<u16>,
    pub(super) agents: Option<u16>,
    pub(super) leaving: &'a [String],
    pub(super) joining: Option<&'a NewNodes>,
}

pub(super) async fn scale(
    backends: &Backends,
    world: &World,
    cluster: &Cluster,
    size: &Size<'_>,
    wait: WaitFor,
) -> Result<Plan, Problem> {
    let there = |role: Role| u16::try_from(cluster.count(role).1).unwrap_or(u16::MAX);
    scale::plan(&Scale {
        cluster,
        details: &details(backends, cluster).await,
        networks: &world.networks,
        containers: &world.containers,
        engine: &world.engine,
        routes: ports::routes(backends, cluster).await?.as_ref(),
        registries: registries(backends, cluster).await?.as_deref(),
        dns_fix: dns_fix(backends, cluster).await?,
        kept: &kept(backends, cluster).await?,
        servers: size.servers.unwrap_or_else(|| there(Role::Server)),
        agents: size.agents.unwrap_or_else(|| there(Role::Agent)),
        leaving: size.leaving,
        joining: size.joining,
        wait,
    })
}

pub(super) async fn add(
    backends: &Backends,
    world: &World,
    name: &ClusterName,
    new: &NewNodes,
    wait: WaitFor,
) -> Result<Plan, Problem> {
    if name.as_str().starts_with("https://") {
        return node::join_remote(&Remote {
            url: name.as_str(),
            new,
            containers: &world.containers,
            networks: &world.networks,
            engine: &world.engine,
            wait,
        });
    }
    let cluster = free(world, name, "changed")?;
    let more = |role: Role| {
        let there = u16::try_from(cluster.count(role).1).unwrap_or(u16::MAX);
        (new.role == role).then(|| there.saturating_add(new.count))
    };
    let size = Size {
        servers: more(Role::Server),
        agents: more(Role::Agent),
        joining: Some(new),
        ..Size::default()
    };
    scale(backends, world, cluster, &size, wait).await
}

pub(super) async fn change(
    backends: &Backends,
    world: &World,
    about: &Subject,
    verb: NodeVerb,
    names: &[String],
    wait: WaitFor,
) -> Result<Plan, Problem> {
    let cluster = match about.cluster() {
        Some(name) if world.named(name).next().is_some() => Some(free(world, name, "changed")?),
        _ => None,
    };
    let all = all(world);
    let mut nodes: Vec<&Node> = Vec::new();
    for name in names {
        nodes.push(&find(&all, name)?.node);
    }
    match verb {
        NodeVerb::Start | NodeVerb::Stop => {
            let Some(cluster) = cluster else {
                return Ok(turn(about, verb, &nodes, None, wait));
            };
            let details = details(backends, cluster).await;
            // Nodes start and stop whatever is in it.
            let routes = ports::routes(backends, cluster).await.unwrap_or_default();
            let upstreams = Upstreams {
                cluster,
                details: &details,
                routes: routes.as_ref(),
            };
            Ok(turn(about, verb, &nodes, Some(upstreams), wait))
        }
        NodeVerb::Delete => match cluster {
            Some(cluster) => remove(backends, world, cluster, &nodes, wait).await,
            None => Ok(node::remove_registry(about, &nodes)),
        },
    }
}

fn turn(
    about: &Subject,
    verb: NodeVerb,
    nodes: &[&Node],
    upstreams: Option<Upstreams<'_>>,
    wait: WaitFor,
) -> Plan {
    if verb == NodeVerb::Stop {
        node::stop(about, nodes, upstreams)
    } else {
        node::start(about, nodes, upstreams, wait)
    }
}

async fn remove(
    backends: &Backends,
    world: &World,
    cluster: &Cluster,
    nodes: &[&Node],
    wait: WaitFor,
) -> Result<Plan, Problem> {
    if cluster.distribution == Distribution::Kind {
        return Err(Problem::refused(
            format!("nodes of cluster \"{}\" were not removed", cluster.name),
            "it is kind's, whose clusters keep the nodes that they were made with",
        )
        .with_hint("delete the cluster"));
    }
    let (members, others): (Vec<&Node>, Vec<&Node>) = nodes
        .iter()
        .copied()
        .partition(|node| node.role.is_kubernetes());
    let goes = |node: &Node| members.iter().any(|gone| gone.id == node.id);
    let stays = cluster.with_role(Role::Server).any(|node| !goes(node));
    let details = details(backends, cluster).await;
    if members.is_empty() || !stays || !answers(cluster, &details) {
        return node::remove(cluster, nodes);
    }
    let leaving: Vec<String> = members.iter().map(|node| node.name.clone()).collect();
    let left = |role: Role| {
        let left = cluster.with_role(role).filter(|node| !goes(node)).count();
        u16::try_from(left).ok()
    };
    let size = Size {
        servers: left(Role::Server),
        agents: left(Role::Agent),
        leaving: &leaving,
        joining: None,
    };
    let mut plan = scale(backends, world, cluster, &size, wait).await?;
    node::discard(&mut plan, &others);
    Ok(plan)
}

/// Whether enough servers run for the API to answer: a majority of those with etcd, any where the data are elsewhere.
fn answers(cluster: &Cluster, details: &[ContainerDetail]) -> bool {
    let (running, servers) = cluster.count(Role::Server);
    let servers_alone = cluster.with_role(Role::Server);
    let elsewhere = servers_alone
        .filter_map(|node| details.iter().find(|detail| detail.info.id == node.id))
        .any(join::has_own_datastore);
    running > if elsewhere { 0 } else { servers / 2 }
}

/// What a person configured for registries, from the first node that tells.
async fn registries(backends: &Backends, cluster: &Cluster) -> Result<Option<Vec<u8>>, Problem> {
    match cluster.with_role(Role::Server).next() {
        Some(server) => read(backends, &server.name, REGISTRIES).await,
        None => Ok(None),
    }
}

/// Whether the nodes of a cluster were taught to let pods use the engine's name server.
async fn dns_fix(backends: &Backends, cluster: &Cluster) -> Result<bool, Problem> {
    match cluster.with_role(Role::Server).next() {
        Some(server) => Ok(read(backends, &server.name, scripts::DNS).await?.is_some()),
        None => Ok(true),
    }
}

/// Files that k3s keeps outside of its volumes, of a lone server, which may have to be made anew.
async fn kept(backends: &Backends, cluster: &Cluster) -> Result<Vec<FileEntry>, Problem> {
    let servers: Vec<_> = cluster.with_role(Role::Server).collect();
    let [server] = servers.as_slice() else {
        return Ok(Vec::new());
    };
    let mut kept = Vec::new();
    for (path, mode) in KEPT {
        let contents = read(backends, &server.name, path).await?;
        kept.extend(contents.map(|contents| FileEntry {
            path: (*path).to_owned(),
            mode: *mode,
            contents,
        }));
    }
    Ok(kept)
}
