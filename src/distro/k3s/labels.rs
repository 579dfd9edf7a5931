//! k3d's labels: the database of its clusters. Written by [`super::nodes`], read by [`super::read`].

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::domain::{
    ApiEndpoint, ClusterName, ClusterSpec, HostAlias, Problem, Role, Secret,
    container::{ContainerInfo, Labels},
};

/// Marks everything that k3d looks at; its value is [`APP_K3D`].
pub const APP: &str = "app";
/// The value of [`APP`].
pub const APP_K3D: &str = "k3d";
/// The cluster that a container or volume belongs to. A volume with it dies with the cluster.
pub const CLUSTER: &str = "k3d.cluster";
/// The version of the tool that made the object. k3d never reads it.
pub const VERSION: &str = "k3d.version";
/// What we write into [`VERSION`]: the k3d whose layout this is.
pub const VERSION_VALUE: &str = "v5.9.0";
/// `server`, `agent`, `loadbalancer`, `registry`; anything else is a helper.
pub const ROLE: &str = "k3d.role";
/// The network's name.
pub const NETWORK: &str = "k3d.cluster.network";
/// The network's ID.
pub const NETWORK_ID: &str = "k3d.cluster.network.id";
/// The network's addresses, as CIDR.
pub const NETWORK_RANGE: &str = "k3d.cluster.network.iprange";
/// `true` when the network is not the cluster's own and outlives it.
pub const NETWORK_EXTERNAL: &str = "k3d.cluster.network.external";
/// A person's own names for addresses, as JSON; absent without any.
pub const HOST_ALIASES: &str = "k3d.cluster.start.hostaliases";
/// The volume for images.
pub const IMAGE_VOLUME: &str = "k3d.cluster.imageVolume";
/// What nodes join with, in clear text.
pub const TOKEN: &str = "k3d.cluster.token";
/// Where nodes join.
pub const URL: &str = "k3d.cluster.url";
/// `true` on agents of a cluster that does not run in this engine.
pub const EXTERNAL: &str = "k3d.cluster.external";
/// The load balancer's container; empty when there is to be none.
pub const LOAD_BALANCER: &str = "k3d.server.loadbalancer";
/// The host's address that the API's port is bound to.
pub const API_HOST_IP: &str = "k3d.server.api.hostIP";
/// The host that clients use.
pub const API_HOST: &str = "k3d.server.api.host";
/// The host's port.
pub const API_PORT: &str = "k3d.server.api.port";
/// `true` on the server that began the etcd cluster, `false` on the others; absent with a single server.
pub const INIT: &str = "k3d.server.init";
/// A node's fixed address, written by k3d for clusters with `--subnet`.
///
/// We never write it although our addresses are fixed: what k3d copies from a node when it makes another one is this
/// label's address, so the copy would ask for an address that is taken.
pub const STATIC_IP: &str = "k3d.node.staticIP";

/// The host of a registry's port, as clients are told.
pub const REGISTRY_HOST: &str = "k3d.registry.host";
/// The host's address that a registry's port is bound to.
pub const REGISTRY_HOST_IP: &str = "k3d.registry.hostIP";
/// The host's port of a registry. The prefix is k3d's slip of the pen.
pub const REGISTRY_PORT: &str = "k3s.registry.port.external";
/// The port that a registry listens on inside.
pub const REGISTRY_INNER_PORT: &str = "k3s.registry.port.internal";
/// The URL of the registry that a registry keeps copies of; ours, k3d has it in the environment alone.
pub const REGISTRY_PROXY: &str = "coracle.registry.proxy";

/// The labels by which the containers of all clusters are listed.
pub const LIST: &[&str] = &["app=k3d"];

/// Marks a volume or network of ours that outlives clusters; its value is `true`.
pub const KEPT: &str = "coracle.kept";

/// Labels of what outlives clusters. None of k3d's is among them.
#[must_use]
pub fn kept() -> Labels {
    labels([(KEPT, "true".to_owned())])
}

/// Whether something was made to outlive clusters.
#[must_use]
pub fn is_kept(all: &Labels) -> bool {
    all.get(KEPT).map(String::as_str) == Some("true")
}

/// Labels of a volume that dies with the cluster.
#[must_use]
pub fn volume(cluster: &ClusterName) -> Labels {
    labels([
        (APP, APP_K3D.to_owned()),
        (CLUSTER, cluster.to_string()),
        (VERSION, VERSION_VALUE.to_owned()),
    ])
}

/// Labels of a network that is the cluster's own. k3d writes no cluster's name there.
#[must_use]
pub fn network() -> Labels {
    labels([(APP, APP_K3D.to_owned())])
}

/// What all containers of a cluster carry, besides their role.
pub(super) fn common(spec: &ClusterSpec, layout: &super::nodes::Layout) -> Labels {
    let name = &spec.name;
    let balancer = if spec.load_balancer {
        super::names::load_balancer(name)
    } else {
        String::new()
    };
    let mut all = volume(name);
    all.extend(labels([
        (NETWORK, layout.network.clone()),
        (
            NETWORK_RANGE,
            // k3d's words for a network without addresses.
            layout
                .subnet
                .map_or_else(|| "invalid Prefix".to_owned(), |subnet| subnet.to_string()),
        ),
        (NETWORK_EXTERNAL, layout.external.to_string()),
        (TOKEN, layout.token.reveal().to_owned()),
        (URL, super::names::join_url(&super::names::server(name, 0))),
        (LOAD_BALANCER, balancer),
    ]));
    // Strings and addresses can always be written as JSON.
    let aliases = (!spec.host_aliases.is_empty()).then(|| json!(spec.host_aliases).to_string());
    all.extend(aliases.map(|aliases| (HOST_ALIASES.to_owned(), aliases)));
    all.extend(super::volumes::images(spec).map(|volume| (IMAGE_VOLUME.to_owned(), volume)));
    all
}

/// What servers carry besides: where the API is published.
pub(super) fn api(spec: &ClusterSpec, port: u16) -> Labels {
    labels([
        (API_HOST, spec.api.host.clone()),
        (API_HOST_IP, spec.api.host_ip.to_string()),
        (API_PORT, port.to_string()),
    ])
}

/// Labels of a node that joins a cluster elsewhere; its token is added by whoever has it.
#[must_use]
pub fn remote(url: &str, role: Role) -> Labels {
    labels([
        (APP, APP_K3D.to_owned()),
        (VERSION, VERSION_VALUE.to_owned()),
        (ROLE, role_word(role).to_owned()),
        (CLUSTER, url.to_owned()),
        (URL, url.to_owned()),
        (EXTERNAL, true.to_string()),
    ])
}

pub(super) fn labels<const N: usize>(pairs: [(&str, String); N]) -> Labels {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// A label of a person's own, `key=value` or `key`, without a value empty.
///
/// # Errors
/// Where it has no key, or one that clusters are recognised by.
pub fn custom(text: &str) -> Result<(String, String), Problem> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let why = if key.is_empty() {
        "it has no key".to_owned()
    } else if key == APP
        || ["k3d.", "k3s.", "coracle."]
            .iter()
            .any(|own| key.starts_with(own))
    {
        format!("clusters are recognised by {key:?}")
    } else {
        return Ok((key.to_owned(), value.to_owned()));
    };
    Err(Problem::usage(
        format!("{text:?} cannot be a label of a container"),
        why,
    ))
}

/// The word for a role.
#[must_use]
pub const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Server => "server",
        Role::Agent => "agent",
        Role::LoadBalancer => "loadbalancer",
        Role::Registry => "registry",
        Role::Helper => "noRole",
    }
}

/// The role that labels name; whatever is not known is a helper.
#[must_use]
pub fn role_of(all: &Labels) -> Role {
    match all.get(ROLE).map(String::as_str) {
        Some("server") => Role::Server,
        Some("agent") => Role::Agent,
        Some("loadbalancer") => Role::LoadBalancer,
        Some("registry") => Role::Registry,
        _ => Role::Helper,
    }
}

/// The aliases of a label that anybody can have written: what cannot be one is left out.
fn aliases(text: &str) -> Vec<HostAlias> {
    let all: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    all.iter()
        .filter_map(|alias| {
            let names = alias["hostnames"].as_array()?.iter();
            HostAlias::new(alias["ip"].as_str()?, names.filter_map(Value::as_str)).ok()
        })
        .collect()
}

/// What the labels of one container say about it and its cluster. Missing and empty labels are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The cluster.
    pub cluster: ClusterName,
    /// What the container does for it.
    pub role: Role,
    /// The network's name.
    pub network: Option<String>,
    /// Whether the network outlives the cluster.
    pub network_external: bool,
    /// A person's own names for addresses.
    pub host_aliases: Vec<HostAlias>,
    /// The volume for images.
    pub image_volume: Option<String>,
    /// What nodes join with.
    pub token: Option<Secret>,
    /// The load balancer that the cluster is meant to have.
    pub load_balancer: Option<String>,
    /// Where the API is published, on servers.
    pub api: Option<ApiEndpoint>,
    /// Whether the control plane runs elsewhere.
    pub external: bool,
}

impl Parsed {
    /// Reads the labels of a container; `None` for one that belongs to no cluster of k3d's kind.
    #[must_use]
    pub fn from_container(container: &ContainerInfo) -> Option<Self> {
        let text = |key: &str| {
            let value = crate::domain::log::sanitize(container.labels.get(key)?.as_bytes());
            (!value.is_empty()).then_some(value)
        };
        if text(APP)? != APP_K3D {
            return None;
        }
        let truth = |key: &str| text(key).is_some_and(|value| value == "true");
        Some(Self {
            cluster: ClusterName::existing(text(CLUSTER)?),
            role: role_of(&container.labels),
            network: text(NETWORK),
            network_external: truth(NETWORK_EXTERNAL),
            host_aliases: text(HOST_ALIASES).map_or_else(Vec::new, |text| aliases(&text)),
            image_volume: text(IMAGE_VOLUME),
            token: text(TOKEN).map(Secret::new),
            load_balancer: text(LOAD_BALANCER),
            api: text(API_PORT)
                .and_then(|port| port.parse().ok())
                .map(|port| {
                    // k3d's own defaults, for labels that an old version did not write.
                    let host_ip = text(API_HOST_IP)
                        .and_then(|ip| ip.parse().ok())
                        .unwrap_or(IpAddr::from([0, 0, 0, 0]));
                    ApiEndpoint {
                        host_ip,
                        host: text(API_HOST).unwrap_or_else(|| host_ip.to_string()),
                        port: Some(port),
                    }
                }),
            external: truth(EXTERNAL),
        })
    }
}
