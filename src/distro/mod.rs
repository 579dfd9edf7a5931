//! How clusters look in an engine, translated both ways: what is wanted becomes containers, networks, volumes and
//! files; what an engine lists becomes [`Cluster`]s.
//!
//! Everything in here is pure. One folder a distribution, so that another one touches nothing else.

pub mod k3s;
pub mod kind;

use crate::domain::{
    Cluster, ClusterState, Node, Role,
    container::{ContainerInfo, ContainerState, VolumeSpec},
    log::sanitize,
};

/// All clusters among the engine's containers and volumes, running or not, whoever made them, by name.
///
/// Containers and volumes of anything else may be among them; they are passed over.
#[must_use]
pub fn clusters(containers: &[ContainerInfo], volumes: &[VolumeSpec]) -> Vec<Cluster> {
    let mut all = k3s::read::clusters(containers, volumes);
    all.extend(kind::read::clusters(containers));
    all.sort_by(|a, b| (&a.name, a.distribution).cmp(&(&b.name, b.distribution)));
    all
}

/// A container as a node of the cluster whose network is named. Labels and names come from strangers and are shown, so
/// they are made harmless here.
#[must_use]
pub fn node(container: &ContainerInfo, role: Role, network: &str) -> Node {
    let place = container
        .attachments
        .iter()
        .find(|attachment| attachment.network == network);
    Node {
        name: sanitize(container.name.as_bytes()),
        id: container.id.clone(),
        role,
        state: container.state,
        status: sanitize(container.status.as_bytes()),
        image: sanitize(container.image.as_bytes()),
        address: place.and_then(|place| place.address),
        fixed_address: place.and_then(|place| place.fixed),
        ports: container.ports.clone(),
        created: container.created,
    }
}

/// Servers, agents, load balancer, the rest; each by number, then by name.
fn sort(nodes: &mut [Node]) {
    nodes.sort_by(|a, b| {
        let key = |node: &Node| (node.role, node.number().unwrap_or(u32::MAX));
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
}

/// What a cluster is doing, judged by the containers that carry it; `complete` says whether all that it is meant to
/// have are there. One that ended counts as stopped, whatever its exit code: the restart policy of nodes brings back
/// those that nobody stopped.
fn state(nodes: &[Node], complete: bool) -> ClusterState {
    let carrying: Vec<&Node> = nodes
        .iter()
        .filter(|node| node.role.is_kubernetes() || node.role == Role::LoadBalancer)
        .collect();
    let fails = |node: &&Node| {
        matches!(
            node.state,
            ContainerState::Restarting | ContainerState::Dead
        )
    };
    let running = carrying.iter().filter(|node| node.is_running()).count();
    if !complete || carrying.is_empty() || carrying.iter().any(fails) {
        ClusterState::Broken
    } else if running == carrying.len() {
        ClusterState::Running
    } else if running == 0 {
        ClusterState::Stopped
    } else {
        ClusterState::Partial
    }
}
