//! Values that the tests of this folder and of the plans start from.

use crate::domain::{ApiEndpoint, ClusterName, ClusterSpec};

pub(crate) fn spec(name: &str, servers: u16, agents: u16) -> ClusterSpec {
    ClusterSpec {
        name: ClusterName::existing(name),
        servers,
        agents,
        image: "docker.io/rancher/k3s:v1.34.2-k3s1".to_owned(),
        proxy_image: "ghcr.io/k3d-io/k3d-proxy:5.9.0".to_owned(),
        load_balancer: true,
        api: ApiEndpoint::default(),
        token: None,
        subnet: None,
        ports: Vec::new(),
        server_args: Vec::new(),
        agent_args: Vec::new(),
        env: Vec::new(),
    }
}
