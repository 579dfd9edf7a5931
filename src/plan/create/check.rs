//! What a new cluster is refused for before anything is touched.

use super::network;
use crate::{
    distro::k3s::{
        labels,
        volumes::{self, Mount},
    },
    domain::{
        Cluster, ClusterSpec, ImageVolume, NodeFilter, PortMapping, Problem, Protocol, Role,
        container::NetworkInfo, limits::DeviceRequest, node_filter,
    },
};

/// What can be said about a specification without looking at the world.
pub(in crate::plan) fn spec(spec: &ClusterSpec) -> Result<(), Problem> {
    let refuse = |why: &str, hint: &str| Err(refusal(spec, why).with_hint(hint));
    if spec.servers == 0 {
        return refuse(
            "it has no server, and agents cannot run without one",
            "ask for at least one server",
        );
    }
    if spec.image.is_empty() {
        return refuse(
            "its image has no name",
            "name one, such as rancher/k3s:v1.34.2-k3s1",
        );
    }
    nodes_are_there(spec)?;
    for mapping in &spec.ports {
        mapped(spec, mapping)?;
    }
    values(spec)?;
    network::check(spec)
}

/// Whether the values of their own kind can be read.
fn values(spec: &ClusterSpec) -> Result<(), Problem> {
    for item in &spec.volumes {
        let mount = Mount::parse(&item.value)?;
        if let Some(odd) = mount.volume().filter(|name| !is_volume(name)) {
            let why = format!("{odd:?} is neither an absolute path nor the name of a volume");
            return Err(refusal(spec, why));
        }
    }
    if let ImageVolume::External(name) = &spec.image_volume
        && !is_volume(name)
    {
        let why = format!("{name:?} is not the name of a volume");
        return Err(refusal(spec, why));
    }
    for item in &spec.runtime_labels {
        labels::custom(&item.value)?;
    }
    for item in &spec.files {
        let path = volumes::path(&item.value.path);
        if !path.starts_with('/') || path.ends_with('/') {
            let why = format!("{path:?} is no absolute path of a file inside the container");
            return Err(refusal(spec, why));
        }
    }
    for item in &spec.node_labels {
        let key = item.value.split('=').next().unwrap_or_default();
        if key.is_empty() {
            let why = format!("{:?} is no label of a node", item.value);
            return Err(refusal(spec, why).with_hint("write KEY=VALUE"));
        }
    }
    if let Some(gpus) = &spec.limits.gpus {
        DeviceRequest::parse(gpus)?;
    }
    Ok(())
}

/// Whether an engine takes it as the name of a volume.
fn is_volume(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric();
    name.len() > 1
        && name.starts_with(letter)
        && name
            .chars()
            .all(|c| letter(c) || matches!(c, '_' | '.' | '-'))
}

fn refusal(spec: &ClusterSpec, why: impl Into<String>) -> Problem {
    Problem::usage(
        format!("cluster \"{}\" cannot be made like that", spec.name),
        why,
    )
}

/// The nodes that filters choose, servers, agents and load balancer.
fn choose(spec: &ClusterSpec, filters: &[NodeFilter]) -> Result<Vec<(Role, u32)>, Problem> {
    let own = |filter: &&NodeFilter| {
        filter
            .cluster()
            .is_some_and(|cluster| cluster != spec.name.as_str())
    };
    if let Some(foreign) = filters.iter().find(own) {
        return Err(refusal(
            spec,
            format!("\"{foreign}\" is a node of another cluster"),
        ));
    }
    let with_nodes: Vec<NodeFilter> = filters
        .iter()
        .filter(|filter| !filter.is_for_nobody(spec.agents, spec.load_balancer))
        .cloned()
        .collect();
    if with_nodes.is_empty() && !filters.is_empty() {
        return Ok(Vec::new());
    }
    node_filter::choose(&with_nodes, spec.servers, spec.agents, spec.load_balancer)
}

/// Every number in a filter has to be that of a node, and every port has to lead to one.
fn nodes_are_there(spec: &ClusterSpec) -> Result<(), Problem> {
    let texts = [
        &spec.volumes,
        &spec.env,
        &spec.k3s_args,
        &spec.node_labels,
        &spec.runtime_labels,
    ];
    let filters = texts
        .into_iter()
        .flatten()
        .map(|item| &item.nodes)
        .chain(spec.files.iter().map(|item| &item.nodes));
    for nodes in filters {
        choose(spec, nodes)?;
    }
    for mapping in &spec.ports {
        choose(spec, &mapping.nodes)?;
        node_filter::choose(
            &mapping.nodes,
            spec.servers,
            spec.agents,
            spec.load_balancer,
        )?;
    }
    Ok(())
}

/// What is said of values that no node gets. k3d takes them, and files with them are in use.
pub(super) fn for_nobody(spec: &ClusterSpec) -> Vec<String> {
    let has_node = |nodes: &[NodeFilter], of: fn(Role) -> bool| {
        choose(spec, nodes).is_ok_and(|chosen| chosen.iter().any(|(role, _)| of(*role)))
    };
    let k3s = spec.k3s_args.iter().chain(&spec.node_labels);
    let lost = k3s.filter(|item| !has_node(&item.nodes, Role::is_kubernetes));
    let others = spec
        .volumes
        .iter()
        .chain(&spec.env)
        .chain(&spec.runtime_labels);
    let lost = lost.chain(others.filter(|item| !has_node(&item.nodes, |_| true)));
    lost.map(|item| {
        let filters: Vec<String> = item.nodes.iter().map(ToString::to_string).collect();
        format!(
            "{:?} is for {}, and no node of that kind takes it, so it has no effect",
            item.value,
            filters.join(";")
        )
    })
    .collect()
}

/// Whether a port can get to the nodes that it is for.
fn mapped(spec: &ClusterSpec, mapping: &PortMapping) -> Result<(), Problem> {
    let refuse = |why: &str, hint: String| {
        Err(Problem::usage(format!("port {mapping} cannot be published"), why).with_hint(hint))
    };
    if mapping.direct {
        let chosen = choose(spec, &mapping.nodes)?;
        return match chosen.as_slice() {
            [(role, _)] if role.is_kubernetes() => Ok(()),
            _ => refuse(
                "a port of the host can lead to one node directly",
                "choose one node, such as agent:0:direct".to_owned(),
            ),
        };
    }
    if !spec.load_balancer {
        return refuse(
            "there is no load balancer that could pass it on",
            format!(
                "write {}@server:0:direct, or leave --no-lb out",
                mapping.port
            ),
        );
    }
    if mapping.port.protocol == Protocol::Sctp {
        return refuse(
            "the load balancer cannot pass on SCTP",
            format!("write {}@server:0:direct", mapping.port),
        );
    }
    Ok(())
}

/// What is said of ports of the load balancer that are to lead to different nodes and cannot: it listens at each of its
/// ports once, so that whoever comes by one of them gets to the nodes of all.
pub(super) fn shared_ports(spec: &ClusterSpec) -> Vec<String> {
    let proxied: Vec<&PortMapping> = spec.ports.iter().filter(|one| !one.direct).collect();
    let key = |one: &PortMapping| (one.port.container_port, one.port.protocol);
    let mut told = Vec::new();
    for (place, one) in proxied.iter().enumerate() {
        let other = proxied[..place]
            .iter()
            .find(|other| key(other) == key(one) && other.nodes != one.nodes);
        if let Some(other) = other {
            told.push(format!(
                "{other} and {one} share port {}/{} of the load balancer, so both lead to the nodes of both",
                one.port.container_port, one.port.protocol
            ));
        }
    }
    told
}

pub(super) fn name(spec: &ClusterSpec, clusters: &[Cluster]) -> Result<(), Problem> {
    let what = format!("cluster \"{}\" was not created", spec.name);
    let Some(existing) = clusters.iter().find(|cluster| cluster.name == spec.name) else {
        return Ok(());
    };
    Err(if existing.unfinished.is_some() {
        Problem::refused(what, "an earlier operation on it was interrupted")
            .with_hint("finish it or delete what is left of it")
    } else {
        Problem::refused(what, format!("there is one, {}", existing.state))
            .with_hint("choose another name, or delete that cluster first")
    })
}

/// Refuses ports that another cluster publishes, naming it.
pub(in crate::plan) fn ports(
    spec: &ClusterSpec,
    api: u16,
    clusters: &[Cluster],
) -> Result<(), Problem> {
    let mut wanted: Vec<(u16, Protocol)> = vec![(api, Protocol::Tcp)];
    let own = spec.ports.iter().map(|mapping| &mapping.port);
    for port in own.filter(|port| port.host_port != 0) {
        let key = (port.host_port, port.protocol);
        if wanted.contains(&key) {
            return Err(Problem::usage(
                format!("port {}/{} is asked for twice", key.0, key.1),
                "a port of the host can lead to one place only",
            ));
        }
        wanted.push(key);
    }
    for cluster in clusters {
        let api = cluster
            .api
            .port
            .map(|port| (port, Protocol::Tcp, "the API of"));
        let others = cluster
            .nodes
            .iter()
            .flat_map(|node| &node.ports)
            .map(|port| (port.host_port, port.protocol, "a port of"));
        for (port, protocol, whose) in api.into_iter().chain(others) {
            if wanted.contains(&(port, protocol)) {
                return Err(Problem::failed(
                    format!("port {port}/{protocol} cannot be published"),
                    format!("it is {whose} cluster \"{}\"", cluster.name),
                )
                .with_hint("choose another port, or leave the choice to coracle"));
            }
        }
    }
    Ok(())
}

/// A network of the cluster's name without the cluster: what is left of one that was not removed in full.
pub(super) fn leftover(
    spec: &ClusterSpec,
    network: &NetworkInfo,
    clusters: &[Cluster],
) -> Result<(), Problem> {
    let ours = network.labels.get(labels::APP).map(String::as_str) == Some(labels::APP_K3D);
    let user = clusters
        .iter()
        .find(|cluster| cluster.network == network.name);
    let why = match user {
        Some(cluster) => format!("cluster \"{}\" uses a network of its name", cluster.name),
        None if ours => return Ok(()),
        None => format!("a network \"{}\" exists that no cluster made", network.name),
    };
    Err(
        Problem::refused(format!("cluster \"{}\" was not created", spec.name), why)
            .with_hint("choose another name, or remove that network"),
    )
}
