//! What is there: clusters as they were found, with the state of their nodes.

use std::{fmt, net::IpAddr};

use jiff::Timestamp;

use super::{
    ApiEndpoint, ClusterName, Distribution, HostAlias, PublishedPort, Secret,
    container::ContainerState,
};

/// What a container does for its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A control plane node.
    Server,
    /// A worker node.
    Agent,
    /// The proxy before the servers.
    LoadBalancer,
    /// An image registry.
    Registry,
    /// Anything else that carries the cluster's labels, such as k3d's tools container.
    Helper,
}

impl Role {
    /// Whether Kubernetes has a Node object for it.
    #[must_use]
    pub const fn is_kubernetes(self) -> bool {
        matches!(self, Self::Server | Self::Agent)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Agent => "agent",
            Self::LoadBalancer => "loadbalancer",
            Self::Registry => "registry",
            Self::Helper => "helper",
        })
    }
}

/// One container of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The container's name, which is the Kubernetes node's name.
    pub name: String,
    /// The container's ID.
    pub id: String,
    /// What it does.
    pub role: Role,
    /// What the container is doing.
    pub state: ContainerState,
    /// The engine's own sentence about that.
    pub status: String,
    /// Its image.
    pub image: String,
    /// Its address in the cluster's network, while it runs.
    pub address: Option<IpAddr>,
    /// The address that it was given for good.
    pub fixed_address: Option<IpAddr>,
    /// The ports it publishes on the host now.
    pub ports: Vec<PublishedPort>,
    /// When it was created.
    pub created: Timestamp,
}

impl Node {
    /// Whether its container runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == ContainerState::Running
    }

    /// The number at the end of its name, by which nodes of one role are ordered.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.name.rsplit('-').next()?.parse().ok()
    }
}

/// What a whole cluster is doing, judged from its containers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClusterState {
    /// Every container of it runs.
    Running,
    /// Some run, and none is known to have failed.
    Partial,
    /// None runs.
    Stopped,
    /// One fails over and over, or something that belongs to it is missing.
    Broken,
}

impl fmt::Display for ClusterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Partial => "partial",
            Self::Stopped => "stopped",
            Self::Broken => "broken",
        })
    }
}

/// An operation that never came to its end, found by the mark it left at the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// What was going on: `create`.
    pub verb: String,
    /// The mark's volume.
    pub volume: String,
    /// Which process was at it: `host:pid:start time`.
    pub owner: String,
    /// The specification it worked from, as JSON.
    pub spec: String,
    /// The process of this machine that is still at it, so that it is no interrupted one.
    pub at_work: Option<u32>,
}

/// A cluster as it was found at the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// What its nodes are.
    pub distribution: Distribution,
    /// What it is doing.
    pub state: ClusterState,
    /// Its containers: servers, agents, load balancer, the rest; each by number.
    pub nodes: Vec<Node>,
    /// Its network's name, where one is known.
    pub network: String,
    /// Whether the network outlives it.
    pub network_external: bool,
    /// Names that a person gave to addresses, on nodes and in pods.
    pub host_aliases: Vec<HostAlias>,
    /// Its volume for images, where it has one.
    pub image_volume: Option<String>,
    /// What its nodes join with.
    pub token: Option<Secret>,
    /// Where its API is published.
    pub api: ApiEndpoint,
    /// The load balancer it is meant to have; the container may be missing.
    pub load_balancer: Option<String>,
    /// When its first container was created.
    pub created: Timestamp,
    /// An operation on it that was interrupted, if one was.
    pub unfinished: Option<Unfinished>,
}

impl Cluster {
    /// The context it has in a kubeconfig.
    #[must_use]
    pub fn context(&self) -> String {
        match self.distribution {
            Distribution::K3s => format!("k3d-{}", self.name),
            Distribution::Kind => format!("kind-{}", self.name),
        }
    }

    /// Its nodes of one role.
    #[must_use]
    pub fn with_role(&self, role: Role) -> impl DoubleEndedIterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// Whether a server of it runs, without which nobody answers for its API.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.with_role(Role::Server).any(Node::is_running)
    }

    /// Running and all nodes of one role.
    #[must_use]
    pub fn count(&self, role: Role) -> (usize, usize) {
        let running = self
            .with_role(role)
            .filter(|node| node.is_running())
            .count();
        (running, self.with_role(role).count())
    }

    /// The Kubernetes version that the node image's tag names: `v1.34.2+k3s1`.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let image = &self
            .nodes
            .iter()
            .find(|node| node.role.is_kubernetes())?
            .image;
        let tag = image
            .rsplit_once(':')
            .filter(|(_, tag)| !tag.contains('/'))?
            .1;
        tag.starts_with('v')
            .then(|| tag.replacen("-k3s", "+k3s", 1))
    }
}
