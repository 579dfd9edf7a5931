//! What a person wants: the specification of a cluster, before anything exists.

use std::{fmt, net::IpAddr, time::Duration};

use super::{ClusterName, PublishedPort, Secret, Subnet};

/// Which kind of node containers a cluster is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Distribution {
    /// k3s in Docker, laid out as k3d lays it out.
    K3s,
    /// kind's node containers; read and shown, not made yet.
    Kind,
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::K3s => "k3s",
            Self::Kind => "kind",
        })
    }
}

/// Where the Kubernetes API of a cluster is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiEndpoint {
    /// The host's address that the port is bound to.
    pub host_ip: IpAddr,
    /// The name or address that clients use, as written into the kubeconfig.
    pub host: String,
    /// The host's port; `None` lets the planner choose a free one.
    pub port: Option<u16>,
}

impl Default for ApiEndpoint {
    /// Loopback only and a free port: nobody else's business unless asked otherwise.
    fn default() -> Self {
        Self {
            host_ip: IpAddr::from([127, 0, 0, 1]),
            host: "127.0.0.1".to_owned(),
            port: None,
        }
    }
}

/// How much of a cluster has to work before an operation calls itself done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaitFor {
    /// Nothing: the containers were started.
    Nothing,
    /// A person can use it: API, nodes Ready, default ServiceAccount, `host.k3d.internal`.
    #[default]
    Usable,
    /// Besides that, every pod of `kube-system` is ready.
    All,
}

/// A cluster as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// Its name.
    pub name: ClusterName,
    /// How many servers (control plane nodes); at least one.
    pub servers: u16,
    /// How many agents (worker nodes).
    pub agents: u16,
    /// The node image, as Docker names it.
    pub image: String,
    /// The load balancer's image.
    pub proxy_image: String,
    /// Whether a load balancer stands before the servers. Without one the first server publishes the API itself.
    pub load_balancer: bool,
    /// Where the API is published.
    pub api: ApiEndpoint,
    /// The secret that nodes join with; `None` generates one.
    pub token: Option<Secret>,
    /// The network's addresses; `None` chooses a free one.
    pub subnet: Option<Subnet>,
    /// Ports published on the load balancer and passed on to the same port of every node.
    pub ports: Vec<PublishedPort>,
    /// Additional arguments of every server, as `k3s server` takes them.
    pub server_args: Vec<String>,
    /// Additional arguments of every agent, as `k3s agent` takes them.
    pub agent_args: Vec<String>,
    /// Additional environment of every node, `NAME=value`.
    pub env: Vec<String>,
}

/// How an operation on a cluster is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// What "done" means.
    pub wait: WaitFor,
    /// The longest the whole operation may take.
    pub timeout: Duration,
    /// Whether what this run made is taken away again if it fails.
    pub rollback: bool,
}

impl Default for RunOptions {
    /// Ten minutes: the pull of a node image over a slow line takes most of them.
    fn default() -> Self {
        Self {
            wait: WaitFor::Usable,
            timeout: Duration::from_secs(600),
            rollback: true,
        }
    }
}
