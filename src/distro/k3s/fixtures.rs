//! Values that the tests of this folder and of the plans start from.

use jiff::Timestamp;

use super::nodes::{self, Layout};
use crate::domain::{
    ClusterName, ClusterSpec, Secret,
    container::{
        Attachment, ContainerDetail, ContainerInfo, ContainerSpec, ContainerState, Labels,
    },
};

pub(crate) fn spec(name: &str, servers: u16, agents: u16) -> ClusterSpec {
    ClusterSpec {
        servers,
        agents,
        ..ClusterSpec::new(
            ClusterName::existing(name),
            "docker.io/rancher/k3s:v1.34.2-k3s1",
            "ghcr.io/k3d-io/k3d-proxy:5.9.0",
        )
    }
}

/// A running container without labels.
pub(crate) fn container(name: &str) -> ContainerInfo {
    ContainerInfo {
        id: format!("{:0>64}", name.len()),
        name: name.to_owned(),
        image: "busybox".to_owned(),
        labels: Labels::new(),
        state: ContainerState::Running,
        status: "Up 3 minutes".to_owned(),
        created: Timestamp::UNIX_EPOCH,
        attachments: Vec::new(),
        ports: Vec::new(),
        volumes: Vec::new(),
    }
}

fn specs(servers: u16, agents: u16) -> Vec<ContainerSpec> {
    let subnet = "172.18.0.0/16".parse().ok();
    let layout = Layout::new("k3d-demo".to_owned(), subnet, Secret::new("hunter2"), 6550);
    nodes::containers(&spec("demo", servers, agents), &layout).unwrap()
}

fn running(spec: &ContainerSpec) -> ContainerInfo {
    ContainerInfo {
        image: spec.image.clone(),
        labels: spec.labels.clone(),
        attachments: vec![Attachment {
            network: spec.network.clone(),
            address: spec.address,
            fixed: spec.address,
            fixed6: None,
        }],
        ports: spec.ports.clone(),
        ..container(&spec.name)
    }
}

/// The running containers of a cluster `demo` as create makes it, newest first as an engine lists them.
pub(crate) fn demo(servers: u16, agents: u16) -> Vec<ContainerInfo> {
    specs(servers, agents).iter().rev().map(running).collect()
}

/// The same, inspected.
pub(crate) fn demo_details(servers: u16, agents: u16) -> Vec<ContainerDetail> {
    specs(servers, agents)
        .iter()
        .map(|spec| ContainerDetail {
            info: running(spec),
            entrypoint: spec.entrypoint.clone(),
            command: spec.command.clone(),
            env: spec.env.clone(),
            binds: spec.binds.clone(),
            extra_hosts: spec.extra_hosts.clone(),
            resources: spec.resources.clone(),
            restart: spec.restart,
            configured_ports: spec.ports.clone(),
            image_id: "sha256:1".to_owned(),
            started: None,
            finished: None,
            exit_code: None,
            oom_killed: false,
            restarts: 0,
        })
        .collect()
}
