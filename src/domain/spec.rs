//! What a person wants: the specification of a cluster, before anything exists.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ApiEndpoint, ClusterName, ForNodes, HostAlias, Limits, PortMapping, Problem, Registries,
    Secret, Subnet, container::FileEntry,
};

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

/// The volume through which images are handed to the nodes of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageVolume {
    /// One of the cluster's own, which goes with it.
    #[default]
    Own,
    /// None. k3d can neither start such a cluster again nor add nodes to it.
    None,
    /// A volume that outlives the cluster and can serve several.
    External(String),
}

/// The network that the nodes of a cluster are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterNetwork {
    /// One of the cluster's own, which goes with it.
    Own {
        /// Its addresses; `None` chooses free ones.
        subnet: Option<Subnet>,
        /// Whether it has IPv6 addresses besides.
        ipv6: bool,
    },
    /// One that is there and outlives the cluster.
    Existing(String),
    /// The machine's own, which has room for one node.
    Host,
}

impl Default for ClusterNetwork {
    fn default() -> Self {
        Self::own(None)
    }
}

impl ClusterNetwork {
    /// A network of the cluster's own with these IPv4 addresses.
    #[must_use]
    pub const fn own(subnet: Option<Subnet>) -> Self {
        Self::Own {
            subnet,
            ipv6: false,
        }
    }

    /// The network of that name, or the machine's own.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "host" => Self::Host,
            name => Self::Existing(name.to_owned()),
        }
    }

    /// The IPv4 addresses that were asked for.
    #[must_use]
    pub const fn subnet(&self) -> Option<Subnet> {
        match self {
            Self::Own { subnet, .. } => *subnet,
            Self::Existing(_) | Self::Host => None,
        }
    }
}

/// A cluster as it is wanted.
///
/// What has filters is for the nodes that they choose; [`super::node_filter::choose`] says which these are.
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
    /// The network of its nodes.
    pub network: ClusterNetwork,
    /// Ports published on the host, on the load balancer or on a node.
    pub ports: Vec<PortMapping>,
    /// Mounts, `[SOURCE:]TARGET[:OPTIONS]`: a path of the host or the name of a volume. Without a filter they are for
    /// every container, the load balancer too.
    pub volumes: Vec<ForNodes<String>>,
    /// Additional environment, `NAME=value`.
    pub env: Vec<ForNodes<String>>,
    /// Additional arguments of k3s. What is for the load balancer too is left out there.
    pub k3s_args: Vec<ForNodes<String>>,
    /// Labels of the Kubernetes nodes, `key=value`. What is for the load balancer too is left out there.
    pub node_labels: Vec<ForNodes<String>>,
    /// Labels of the containers, `key=value`.
    pub runtime_labels: Vec<ForNodes<String>>,
    /// Files that are put into containers before they start, manifests among them.
    pub files: Vec<ForNodes<FileEntry>>,
    /// The volume for images.
    pub image_volume: ImageVolume,
    /// Names that nodes and pods find besides those of DNS.
    pub host_aliases: Vec<HostAlias>,
    /// Where images come from besides their own registries.
    pub registries: Registries,
    /// How much of the machine nodes may use.
    pub limits: Limits,
    /// Settings of the load balancer that differ from its own, such as `workerConnections`.
    pub lb_settings: BTreeMap<String, Value>,
    /// Whether nodes are taught to let pods use the engine's DNS.
    pub dns_fix: bool,
}

impl ClusterSpec {
    /// A cluster of one server with a load balancer, and everything else as it is where nothing is asked for.
    pub fn new(
        name: ClusterName,
        image: impl Into<String>,
        proxy_image: impl Into<String>,
    ) -> Self {
        Self {
            name,
            servers: 1,
            agents: 0,
            image: image.into(),
            proxy_image: proxy_image.into(),
            load_balancer: true,
            api: ApiEndpoint::default(),
            token: None,
            network: ClusterNetwork::default(),
            ports: Vec::new(),
            volumes: Vec::new(),
            env: Vec::new(),
            k3s_args: Vec::new(),
            node_labels: Vec::new(),
            runtime_labels: Vec::new(),
            files: Vec::new(),
            image_volume: ImageVolume::default(),
            host_aliases: Vec::new(),
            registries: Registries::default(),
            limits: Limits::default(),
            lb_settings: BTreeMap::new(),
            dns_fix: true,
        }
    }
}

/// An environment variable of containers, `NAME=VALUE[@FILTER]`.
///
/// # Errors
/// Where it has no name or no value, or its filter cannot be read.
pub fn variable(text: &str) -> Result<ForNodes<String>, Problem> {
    let item = ForNodes::parse(text)?;
    check_variable(text)?;
    Ok(item)
}

/// Whether a text is an environment variable, `NAME=VALUE`.
///
/// # Errors
/// Where it has no name or no value.
pub fn check_variable(text: &str) -> Result<(), Problem> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(()),
        _ => Err(Problem::usage(
            format!("{text:?} is not an environment variable"),
            "write NAME=VALUE",
        )),
    }
}

/// An argument of k3s, `ARG@FILTER`. For a node that is `alone` the filter can be left out.
///
/// # Errors
/// Where the nodes are not named, or their filter cannot be read.
pub fn k3s_argument(text: &str, alone: bool) -> Result<ForNodes<String>, Problem> {
    let item = ForNodes::parse(text)?;
    if item.nodes.is_empty() && !alone {
        return Err(Problem::usage(
            format!("{text:?} does not say for which nodes it is"),
            "servers and agents take different arguments",
        )
        .with_hint(format!("write {text}@server:* or {text}@agent:*")));
    }
    Ok(item)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    #[test]
    fn variables_have_a_name_and_are_for_every_node() {
        assert_eq!(variable("A=b=c"), Ok(ForNodes::every("A=b=c".to_owned())));
        assert!(!variable("X=@agent:0").unwrap().is_for(Role::Server, 0));
        for text in ["A", "=b", "A=b@nobody", ""] {
            assert!(variable(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arguments_of_k3s_go_to_the_nodes_they_name() {
        let item = k3s_argument("--disable=traefik@server:*", false).unwrap();
        assert_eq!(item.value, "--disable=traefik");
        assert!(item.is_for(Role::Server, 2) && !item.is_for(Role::Agent, 0));
        assert!(k3s_argument("-v=2@all", false).is_ok());
        assert!(k3s_argument("--x", true).unwrap().nodes.is_empty());
        for (text, why) in [
            ("--disable=traefik", "different arguments"),
            ("--x@server", "which of them"),
            ("--x@server:*@agent:*", "more than one @"),
            ("--x@", "nothing after"),
        ] {
            let problem = k3s_argument(text, false).unwrap_err();
            assert!(problem.why.contains(why), "{text}: {problem}");
        }
    }
}
