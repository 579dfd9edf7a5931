//! k3d's names for what a cluster consists of. A node container's name is its host name and its Kubernetes name.

use crate::domain::{ClusterName, Role};

/// The network of a cluster that has one of its own.
#[must_use]
pub fn network(cluster: &ClusterName) -> String {
    format!("k3d-{cluster}")
}

/// The volume that images are handed to nodes through. k3d cannot start a cluster that has none.
#[must_use]
pub fn image_volume(cluster: &ClusterName) -> String {
    format!("k3d-{cluster}-images")
}

/// The volume whose labels are the mark of an operation that goes on, see [`super::mark`].
#[must_use]
pub fn mark_volume(cluster: &ClusterName) -> String {
    format!("k3d-{cluster}-unfinished")
}

/// The `number`th server, from 0.
#[must_use]
pub fn server(cluster: &ClusterName, number: u32) -> String {
    format!("k3d-{cluster}-server-{number}")
}

/// The `number`th agent, from 0.
#[must_use]
pub fn agent(cluster: &ClusterName, number: u32) -> String {
    format!("k3d-{cluster}-agent-{number}")
}

/// The load balancer before the servers.
#[must_use]
pub fn load_balancer(cluster: &ClusterName) -> String {
    format!("k3d-{cluster}-serverlb")
}

/// The container that k3d's own commands leave behind now and then; it does nothing for the cluster.
#[must_use]
pub fn tools(cluster: &ClusterName) -> String {
    format!("k3d-{cluster}-tools")
}

/// The name of a node of a role by number; only servers and agents are numbered.
#[must_use]
pub fn node(cluster: &ClusterName, role: Role, number: u32) -> String {
    match role {
        Role::Agent => agent(cluster, number),
        _ => server(cluster, number),
    }
}

/// The URL that nodes join a cluster with, given the host name of a server or of the load balancer.
#[must_use]
pub fn join_url(host: &str) -> String {
    format!("https://{host}:{}", super::API_PORT)
}
