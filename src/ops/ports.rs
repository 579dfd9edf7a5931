//! Ports of clusters that are there: which nodes are meant, who has a port that is wanted.

use super::{World, observe::details, prepare::read, surroundings};
use crate::{
    backend::Backends,
    distro::k3s::load_balancer::{self, Routes},
    domain::{
        Cluster, Node, PortMapping, Problem, PublishedPort, Role, container::ContainerInfo,
        node_filter, spec::WaitFor,
    },
    plan::{
        Plan,
        edit::{self, Edit, Mapping},
    },
};

pub(super) async fn edit(
    backends: &Backends,
    world: &World,
    cluster: &Cluster,
    (add, delete): (&[PortMapping], &[PortMapping]),
    wait: WaitFor,
) -> Result<Plan, Problem> {
    let local = surroundings::is_local(backends, &world.engine);
    check(cluster, add, &world.containers, local)?;
    edit::plan(&Edit {
        cluster,
        details: &details(backends, cluster).await,
        routes: routes(backends, cluster).await?.as_ref(),
        add: &resolve(cluster, add)?,
        delete: &resolve(cluster, delete)?,
        wait,
    })
}

/// The mappings with the names of the nodes that they lead to.
///
/// # Errors
/// When a filter chooses no node, or a port is not for the load balancer.
fn resolve(cluster: &Cluster, all: &[PortMapping]) -> Result<Vec<Mapping>, Problem> {
    all.iter()
        .map(|mapping| {
            if mapping.direct {
                return Err(Problem::usage(
                    format!("{mapping} cannot be changed"),
                    "a port that is published on a node itself is as the node was made",
                )
                .with_hint("leave :direct out; the load balancer passes it on to the node"));
            }
            Ok(Mapping {
                port: mapping.port,
                nodes: nodes(cluster, mapping)?,
            })
        })
        .collect()
}

/// The names of the nodes that a mapping leads to. Numbers are places in the list of a role's nodes, as with k3d,
/// because not every node has one in its name.
fn nodes(cluster: &Cluster, mapping: &PortMapping) -> Result<Vec<String>, Problem> {
    let of = |role: Role| -> Vec<&Node> { cluster.with_role(role).collect() };
    let (servers, agents) = (of(Role::Server), of(Role::Agent));
    let count = |nodes: &[&Node]| u16::try_from(nodes.len()).unwrap_or(u16::MAX);
    let (single, filters): (Vec<_>, Vec<_>) = mapping.nodes.iter().cloned().partition(|filter| {
        let name = filter.to_string();
        cluster.nodes.iter().any(|node| node.name == name)
    });
    let mut names: Vec<String> = single.iter().map(ToString::to_string).collect();
    if single.is_empty() || !filters.is_empty() {
        let chosen = node_filter::choose(&filters, count(&servers), count(&agents), false)?;
        names.extend(chosen.into_iter().filter_map(|(role, place)| {
            let list = if role == Role::Server {
                &servers
            } else {
                &agents
            };
            Some(list.get(usize::try_from(place).ok()?)?.name.clone())
        }));
    }
    names.dedup();
    Ok(names)
}

/// Refuses ports that somebody else has, and says who. Those that the load balancer publishes now are its own matter.
fn check(
    cluster: &Cluster,
    wanted: &[PortMapping],
    containers: &[ContainerInfo],
    local: bool,
) -> Result<(), Problem> {
    let own = |port: &PublishedPort| {
        cluster
            .with_role(Role::LoadBalancer)
            .flat_map(|node| &node.ports)
            .any(|there| (there.host_port, there.protocol) == (port.host_port, port.protocol))
    };
    let ports = wanted.iter().map(|mapping| mapping.port);
    free(
        &ports.filter(|port| !own(port)).collect::<Vec<_>>(),
        containers,
        local,
    )
}

/// Refuses ports that a container has, or, where they can be tried, another program.
pub(super) fn free(
    ports: &[PublishedPort],
    containers: &[ContainerInfo],
    local: bool,
) -> Result<(), Problem> {
    for port in ports.iter().filter(|port| port.host_port != 0) {
        let overlaps = |there: &&PublishedPort| {
            (there.host_port, there.protocol) == (port.host_port, port.protocol)
                && (there.host_ip == port.host_ip
                    || there.host_ip.is_unspecified()
                    || port.host_ip.is_unspecified())
        };
        let holder = containers
            .iter()
            .find(|container| container.ports.iter().any(|there| overlaps(&there)));
        if let Some(holder) = holder {
            return Err(Problem::failed(
                format!(
                    "port {}/{} of {} cannot be published",
                    port.host_port, port.protocol, port.host_ip
                ),
                format!("it is in use by container {}", holder.name),
            )
            .with_hint("choose another port, or stop that container"));
        }
        if local && let Some(problem) = surroundings::busy(port) {
            return Err(problem);
        }
    }
    Ok(())
}

/// What a cluster's load balancer passes on to whom, as it is configured. `None` where there is no load balancer, or no
/// configuration in it.
///
/// # Errors
/// When the engine does not answer, or the configuration cannot be read.
pub async fn routes(backends: &Backends, cluster: &Cluster) -> Result<Option<Routes>, Problem> {
    let Some(balancer) = cluster.with_role(Role::LoadBalancer).next() else {
        return Ok(None);
    };
    let file = read(backends, &balancer.name, load_balancer::PATH).await?;
    file.map(|bytes| Routes::parse(&String::from_utf8_lossy(&bytes)))
        .transpose()
}
