//! A container made anew as it was, because an engine changes neither the ports nor the command of one that is there.
//!
//! Where coracle is killed in between, the old container bears the name of [`before`] and is found by it.

use std::net::IpAddr;

use crate::domain::{
    Cluster, Role,
    container::{ContainerDetail, ContainerSpec},
};

/// The name of a container whose place another one takes. k3d puts five letters behind it as well.
#[must_use]
pub fn before(name: &str) -> String {
    format!("{name}-prior")
}

/// The same container once more, under the name it has in its cluster.
#[must_use]
pub fn again(detail: &ContainerDetail, name: &str, network: &str) -> ContainerSpec {
    let mut places = detail.info.attachments.iter();
    let place = places.find(|place| place.network == network);
    ContainerSpec {
        name: name.to_owned(),
        image: detail.info.image.clone(),
        entrypoint: detail.entrypoint.clone(),
        command: detail.command.clone(),
        env: detail.env.clone(),
        labels: detail.info.labels.clone(),
        network_id_label: None,
        network: network.to_owned(),
        address: place.and_then(|place| place.fixed),
        address6: place.and_then(|place| place.fixed6),
        ports: detail.configured_ports.clone(),
        binds: detail.binds.clone(),
        volumes_from: None,
        // Every container of a cluster has these, k3d's too.
        tmpfs: vec!["/run".to_owned(), "/var/run".to_owned()],
        privileged: true,
        extra_hosts: detail.extra_hosts.clone(),
        resources: detail.resources.clone(),
        restart: detail.restart,
        more_networks: detail
            .info
            .attachments
            .iter()
            .map(|place| place.network.clone())
            .filter(|other| other != network)
            .collect(),
    }
}

/// The lines by which a load balancer finds the nodes of its cluster, whether they run or not: those whose address is
/// fixed. Lines that lead to no node are kept.
#[must_use]
pub fn hosts(cluster: &Cluster, known: &[String]) -> Vec<String> {
    let nodes = || {
        cluster
            .nodes
            .iter()
            .filter(|node| node.role.is_kubernetes())
    };
    let of = |line: &String| line.split(':').next().unwrap_or_default().to_owned();
    let foreign = known
        .iter()
        .filter(|line| !nodes().any(|node| node.name == of(line)))
        .cloned();
    let lines = nodes().filter_map(|node| {
        let address: IpAddr = node.fixed_address?;
        Some(format!("{}:{address}", node.name))
    });
    lines.chain(foreign).collect()
}

/// The nodes that a load balancer does not find while they do not run. The proxy refuses to start with one of them.
#[must_use]
pub fn unknown(cluster: &Cluster, hosts: &[String], name: &str) -> bool {
    let runs = cluster
        .nodes
        .iter()
        .any(|node| node.name == name && node.is_running() && node.role != Role::LoadBalancer);
    !lists(hosts, name) && !runs
}

/// Whether a line of a hosts file leads to a node.
#[must_use]
pub fn lists(hosts: &[String], name: &str) -> bool {
    hosts.iter().any(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([':', '=']))
    })
}
