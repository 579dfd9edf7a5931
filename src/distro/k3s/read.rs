//! From the engine's list of containers to clusters: one list, no inspection of each.
//!
//! k3d's rule is followed: a container is part of a cluster because of its labels, never because of its name, and
//! a cluster is whatever at least one server, agent or load balancer says it belongs to. A mark alone makes one too: it
//! is all that an interrupted create may have left.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{labels::Parsed, mark, names};
use crate::{
    distro,
    domain::{
        ApiEndpoint, Cluster, ClusterName, Distribution, Node, Role,
        cluster::Unfinished,
        container::{ContainerInfo, VolumeSpec},
    },
};

/// The clusters among the containers and volumes, by name.
#[must_use]
pub fn clusters(containers: &[ContainerInfo], volumes: &[VolumeSpec]) -> Vec<Cluster> {
    let mut marks: BTreeMap<ClusterName, (Timestamp, Unfinished)> = volumes
        .iter()
        .filter_map(mark::read)
        .map(|(name, begun, unfinished)| (name, (begun, unfinished)))
        .collect();
    let mut groups: BTreeMap<ClusterName, Vec<(Parsed, &ContainerInfo)>> = BTreeMap::new();
    for container in containers {
        if let Some(parsed) = Parsed::from_container(container) {
            groups
                .entry(parsed.cluster.clone())
                .or_default()
                .push((parsed, container));
        }
    }
    let carrying = |role: Role| role.is_kubernetes() || role == Role::LoadBalancer;
    let mut all: Vec<Cluster> = groups
        .into_iter()
        .filter_map(|(name, members)| {
            let mark = marks.remove(&name);
            let real = members.iter().any(|(parsed, _)| carrying(parsed.role));
            (real || mark.is_some()).then(|| cluster(name, members, mark))
        })
        .collect();
    let alone = marks
        .into_iter()
        .map(|(name, mark)| cluster(name, Vec::new(), Some(mark)));
    all.extend(alone);
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn cluster(
    name: ClusterName,
    mut members: Vec<(Parsed, &ContainerInfo)>,
    mark: Option<(Timestamp, Unfinished)>,
) -> Cluster {
    // The engine lists the newest first; what several containers say is taken from the oldest that says it.
    members.sort_by(|a, b| {
        let key = |member: &(Parsed, &ContainerInfo)| (member.1.created, member.1.name.clone());
        key(a).cmp(&key(b))
    });
    let said = |members: &[(Parsed, &ContainerInfo)], what: fn(&Parsed) -> Option<String>| {
        members.iter().find_map(|(parsed, _)| what(parsed))
    };
    let network =
        said(&members, |parsed| parsed.network.clone()).unwrap_or_else(|| names::network(&name));
    let mut nodes: Vec<Node> = members
        .iter()
        .map(|(parsed, container)| distro::node(container, parsed.role, &network))
        .collect();
    distro::sort(&mut nodes);

    let external = members.iter().any(|(parsed, _)| parsed.external);
    let load_balancer = said(&members, |parsed| parsed.load_balancer.clone());
    let has = |role: Role| nodes.iter().any(|node| node.role == role);
    let balanced = load_balancer.is_none() || has(Role::LoadBalancer);
    let complete = external || (has(Role::Server) && balanced);
    let created = members.iter().map(|(_, container)| container.created).min();
    let (begun, unfinished) = mark.unzip();
    Cluster {
        distribution: Distribution::K3s,
        state: distro::state(&nodes, complete),
        network_external: members.iter().any(|(parsed, _)| parsed.network_external),
        host_aliases: members
            .iter()
            .map(|(parsed, _)| &parsed.host_aliases)
            .find(|aliases| !aliases.is_empty())
            .cloned()
            .unwrap_or_default(),
        image_volume: said(&members, |parsed| parsed.image_volume.clone()),
        token: members.iter().find_map(|(parsed, _)| parsed.token.clone()),
        api: members
            .iter()
            .find_map(|(parsed, _)| parsed.api.clone())
            .unwrap_or_else(ApiEndpoint::default),
        load_balancer,
        created: created.or(begun).unwrap_or_default(),
        unfinished,
        network,
        nodes,
        name,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        distro::k3s::fixtures::{container, demo, spec},
        domain::{ClusterState, container::ContainerState},
    };

    fn only(containers: &[ContainerInfo]) -> Cluster {
        let mut all = clusters(containers, &[]);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn a_cluster_is_read_back_from_what_create_makes() {
        let cluster = only(&demo(2, 2));
        assert_eq!(cluster.name.as_str(), "demo");
        assert_eq!(cluster.state, ClusterState::Running);
        let names: Vec<&str> = cluster
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "k3d-demo-server-0",
                "k3d-demo-server-1",
                "k3d-demo-agent-0",
                "k3d-demo-agent-1",
                "k3d-demo-serverlb"
            ]
        );
        assert_eq!(cluster.network, "k3d-demo");
        assert_eq!(cluster.api.port, Some(6550));
        assert_eq!(cluster.token.unwrap().reveal(), "hunter2");
        assert_eq!(cluster.image_volume.as_deref(), Some("k3d-demo-images"));
        assert_eq!(cluster.load_balancer.as_deref(), Some("k3d-demo-serverlb"));
        assert_eq!(cluster.nodes[0].fixed_address, Some([172, 18, 0, 3].into()));
    }

    #[test]
    fn the_state_follows_the_containers() {
        let mut containers = demo(1, 1);
        containers[0].state = ContainerState::Exited;
        assert_eq!(only(&containers).state, ClusterState::Partial);
        for container in &mut containers {
            container.state = ContainerState::Exited;
        }
        assert_eq!(only(&containers).state, ClusterState::Stopped);
        containers[1].state = ContainerState::Restarting;
        assert_eq!(only(&containers).state, ClusterState::Broken);
    }

    #[test]
    fn what_is_missing_breaks_a_cluster() {
        let without = |role: &str| {
            let mut containers = demo(1, 1);
            containers.retain(|container| container.labels["k3d.role"] != role);
            only(&containers).state
        };
        assert_eq!(without("loadbalancer"), ClusterState::Broken);
        assert_eq!(without("server"), ClusterState::Broken);
        assert_eq!(without("agent"), ClusterState::Running);
    }

    #[test]
    fn registries_and_helpers_make_no_cluster_of_their_own() {
        let mut containers = demo(1, 0);
        for container in &mut containers {
            container
                .labels
                .insert("k3d.role".to_owned(), "registry".to_owned());
        }
        assert!(clusters(&containers, &[]).is_empty());
        containers[0]
            .labels
            .insert("k3d.cluster".to_owned(), String::new());
        assert!(clusters(&containers, &[]).is_empty());
    }

    #[test]
    fn a_mark_alone_is_a_broken_cluster_and_one_beside_containers_is_told() {
        let mark =
            mark::of_create(&spec("demo", 1, 0), "host:7:99", Timestamp::UNIX_EPOCH).unwrap();
        let alone = clusters(&[], std::slice::from_ref(&mark));
        assert_eq!(alone[0].state, ClusterState::Broken);
        assert!(alone[0].nodes.is_empty() && alone[0].unfinished.is_some());
        let beside = clusters(&demo(1, 0), &[mark]);
        assert_eq!(beside.len(), 1);
        assert_eq!(beside[0].unfinished.as_ref().unwrap().verb, "create");
    }

    const KEYS: &[&str] = &[
        "app",
        "k3d.cluster",
        "k3d.role",
        "k3d.cluster.network",
        "k3d.cluster.network.external",
        "k3d.cluster.external",
        "k3d.server.api.port",
        "k3d.server.api.hostIP",
        "k3d.server.loadbalancer",
        "io.x-k8s.kind.cluster",
        "io.x-k8s.kind.role",
        "coracle.verb",
        "coracle.begun",
    ];

    fn any_labels() -> impl Strategy<Value = BTreeMap<String, String>> {
        let value = prop_oneof![
            Just("k3d".to_owned()),
            Just("demo".to_owned()),
            Just("server".to_owned()),
            Just("true".to_owned()),
            ".*",
        ];
        let key = prop_oneof![
            (0..KEYS.len()).prop_map(|place| KEYS[place].to_owned()),
            ".*"
        ];
        prop::collection::btree_map(key, value, 0..12)
    }

    proptest! {
        #[test]
        fn whatever_labels_there_are_no_container_is_lost_or_counted_twice(
            all in prop::collection::vec((any_labels(), ".*"), 0..8),
            volumes in prop::collection::vec((any_labels(), ".*"), 0..3),
        ) {
            let containers: Vec<ContainerInfo> = all
                .into_iter()
                .map(|(labels, name)| ContainerInfo { labels, ..container(&name) })
                .collect();
            let volumes: Vec<VolumeSpec> = volumes
                .into_iter()
                .map(|(labels, name)| VolumeSpec { name, labels })
                .collect();
            let found = distro::clusters(&containers, &volumes);
            let nodes: usize = found.iter().map(|cluster| cluster.nodes.len()).sum();
            prop_assert!(nodes <= containers.len() * 2);
            for cluster in &found {
                prop_assert!(!cluster.name.as_str().is_empty());
                prop_assert!(!cluster.name.as_str().chars().any(char::is_control));
                prop_assert!(!cluster.nodes.is_empty() || cluster.unfinished.is_some());
            }
            prop_assert!(found.is_sorted_by(|a, b| a.name <= b.name));
        }
    }
}
