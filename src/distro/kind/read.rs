//! From the engine's list of containers to kind's clusters.

use std::collections::BTreeMap;

use crate::{
    distro,
    domain::{
        ApiEndpoint, Cluster, ClusterName, Distribution, Node, Role, container::ContainerInfo,
        log::sanitize,
    },
};

/// The cluster that a container belongs to.
pub const CLUSTER: &str = "io.x-k8s.kind.cluster";
/// `control-plane`, `worker` or `external-load-balancer`.
pub const ROLE: &str = "io.x-k8s.kind.role";
/// The labels by which the containers of all clusters are listed.
pub const LIST: &[&str] = &[CLUSTER];
/// The network that all of kind's clusters share unless told otherwise. It outlives each of them.
const NETWORK: &str = "kind";
const API_PORT: u16 = 6443;

/// The clusters among the containers, by name.
#[must_use]
pub fn clusters(containers: &[ContainerInfo]) -> Vec<Cluster> {
    let mut groups: BTreeMap<ClusterName, Vec<&ContainerInfo>> = BTreeMap::new();
    for container in containers {
        let name = container.labels.get(CLUSTER).map(String::as_bytes);
        let name = name.map(sanitize).filter(|name| !name.is_empty());
        if let Some(name) = name {
            groups
                .entry(ClusterName::existing(name))
                .or_default()
                .push(container);
        }
    }
    groups
        .into_iter()
        .map(|(name, members)| cluster(name, &members))
        .collect()
}

fn role(container: &ContainerInfo) -> Role {
    match container.labels.get(ROLE).map(String::as_str) {
        Some("control-plane") => Role::Server,
        Some("worker") => Role::Agent,
        Some("external-load-balancer") => Role::LoadBalancer,
        _ => Role::Helper,
    }
}

fn cluster(name: ClusterName, members: &[&ContainerInfo]) -> Cluster {
    let network = members
        .iter()
        .flat_map(|container| &container.attachments)
        .map(|attachment| sanitize(attachment.network.as_bytes()))
        .next()
        .unwrap_or_else(|| NETWORK.to_owned());
    let mut nodes: Vec<Node> = members
        .iter()
        .map(|container| distro::node(container, role(container), &network))
        .collect();
    distro::sort(&mut nodes);
    let of = |role: Role| nodes.iter().filter(move |node| node.role == role);
    // Several control planes need the load balancer that kind puts before them.
    let load_balancer = of(Role::LoadBalancer).next().map(|node| node.name.clone());
    let complete = match of(Role::Server).count() {
        0 => false,
        1 => true,
        _ => load_balancer.is_some(),
    };
    let api = of(Role::LoadBalancer)
        .chain(of(Role::Server))
        .flat_map(|node| &node.ports)
        .find(|port| port.container_port == API_PORT)
        .map_or_else(ApiEndpoint::default, |port| ApiEndpoint {
            host_ip: port.host_ip,
            host: port.host_ip.to_string(),
            port: Some(port.host_port),
        });
    Cluster {
        distribution: Distribution::Kind,
        state: distro::state(&nodes, complete),
        network_external: true,
        host_aliases: Vec::new(),
        image_volume: None,
        token: None,
        load_balancer,
        created: nodes
            .iter()
            .map(|node| node.created)
            .min()
            .unwrap_or_default(),
        unfinished: None,
        api,
        network,
        nodes,
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{distro::k3s::fixtures::container, domain::ClusterState};

    fn node(name: &str, role: &str) -> ContainerInfo {
        let mut node = container(name);
        node.labels = [
            (CLUSTER.to_owned(), "dev".to_owned()),
            (ROLE.to_owned(), role.to_owned()),
        ]
        .into();
        node
    }

    #[test]
    fn a_cluster_of_kind_is_listed_with_its_roles() {
        let mut all = vec![
            node("dev-worker", "worker"),
            node("dev-control-plane", "control-plane"),
        ];
        let found = clusters(&all);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].context(), "kind-dev");
        assert_eq!(found[0].state, ClusterState::Running);
        assert_eq!(found[0].nodes[0].role, Role::Server);
        all.push(node("dev-control-plane2", "control-plane"));
        assert_eq!(clusters(&all)[0].state, ClusterState::Broken);
    }
}
