//! A specification written down as JSON, in the mark of an operation that goes on: everything that is needed to finish
//! it, without what is secret.

use std::{collections::BTreeMap, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::domain::{
    ApiEndpoint, ClusterName, ClusterNetwork, ClusterSpec, ForNodes, HostAlias, ImageVolume,
    Limits, NodeFilter, PortMapping, Problem, Protocol, PublishedPort, Registries, RegistrySpec,
    Secret, container::FileEntry, mask::mask, registry::RegistryProxy,
};

/// Plain values, no token. Fields that came later may be missing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    name: String,
    servers: u16,
    agents: u16,
    image: String,
    proxy_image: String,
    load_balancer: bool,
    api_host_ip: IpAddr,
    api_host: String,
    api_port: Option<u16>,
    subnet: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ipv6: bool,
    /// Another network than the cluster's own; empty is the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    ports: Vec<Port>,
    env: Vec<Text>,
    // Before nodes could be chosen.
    #[serde(default, skip_serializing)]
    server_args: Vec<String>,
    #[serde(default, skip_serializing)]
    agent_args: Vec<String>,
    #[serde(flatten)]
    more: More,
}

/// What the first version did not write.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct More {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    k3s_args: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    node_labels: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runtime_labels: Vec<Text>,
    // Earlier versions wrote their contents.
    #[serde(skip_serializing)]
    files: Vec<ForNodes<File>>,
    #[serde(skip_serializing_if = "is_default")]
    image_volume: ImageVolume,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    host_aliases: Vec<HostAlias>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    registries: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<Registry>,
    #[serde(skip_serializing_if = "is_default")]
    limits: Limits,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lb_settings: BTreeMap<String, serde_json::Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_dns_fix: bool,
    /// What was wanted and is not written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A value for every node, or one with filters.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Every(String),
    Some(ForNodes<String>),
}

impl From<&ForNodes<String>> for Text {
    fn from(item: &ForNodes<String>) -> Self {
        if item.nodes.is_empty() {
            Self::Every(item.value.clone())
        } else {
            Self::Some(item.clone())
        }
    }
}

impl From<Text> for ForNodes<String> {
    fn from(text: Text) -> Self {
        match text {
            Text::Every(value) => Self::every(value),
            Text::Some(item) => item,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Port {
    container: u16,
    protocol: String,
    host_ip: IpAddr,
    host: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<NodeFilter>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    direct: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Registry {
    name: String,
    image: String,
    host: Option<IpAddr>,
    port: Option<u16>,
    /// URL and account.
    proxy: Option<(String, String)>,
    volumes: Vec<String>,
    delete_enabled: bool,
    same_port: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    path: String,
    mode: u32,
    base64: String,
}

fn texts(all: &[ForNodes<String>]) -> Vec<Text> {
    all.iter().map(Text::from).collect()
}

fn items(all: Vec<Text>) -> Vec<ForNodes<String>> {
    all.into_iter().map(ForNodes::from).collect()
}

/// Leaves out what the masker takes for a secret, and says what it was.
fn harmless(
    all: &[ForNodes<String>],
    what: &'static str,
    left_out: &mut Vec<String>,
) -> Vec<ForNodes<String>> {
    let (kept, secret): (Vec<_>, Vec<_>) = all
        .iter()
        .cloned()
        .partition(|item| mask(&item.value) == item.value.as_str());
    left_out.extend(secret.iter().map(|item| {
        let name = item.value.split(['=', ' ']).next().unwrap_or_default();
        // What has no name before its value may be the secret itself.
        if name.len() < item.value.len() && mask(name) == name {
            format!("{what} {name}")
        } else {
            what.to_owned()
        }
    }));
    kept
}

/// The specification as JSON, for a label that everybody reads who reaches the engine. Its token, what else is secret
/// and what files hold is not in it, and it says so.
///
/// # Errors
/// When it cannot be written as JSON, which no value of its type causes.
pub fn to_json(spec: &ClusterSpec) -> Result<String, Problem> {
    let mut left_out = Vec::new();
    if !spec.files.is_empty() {
        left_out.push("files".to_owned());
    }
    if holds_secrets(&spec.registries) {
        left_out.push("registries' credentials".to_owned());
    }
    let env = harmless(&spec.env, "variable", &mut left_out);
    let k3s_args = harmless(&spec.k3s_args, "k3s argument", &mut left_out);
    let volumes = harmless(&spec.volumes, "volume", &mut left_out);
    let node_labels = harmless(&spec.node_labels, "node label", &mut left_out);
    let runtime_labels = harmless(&spec.runtime_labels, "container label", &mut left_out);
    let (network, ipv6) = match &spec.network {
        ClusterNetwork::Own { ipv6, .. } => (None, *ipv6),
        ClusterNetwork::Existing(name) => (Some(name.clone()), false),
        ClusterNetwork::Host => (Some(String::new()), false),
    };
    let record = Record {
        name: spec.name.to_string(),
        servers: spec.servers,
        agents: spec.agents,
        image: spec.image.clone(),
        proxy_image: spec.proxy_image.clone(),
        load_balancer: spec.load_balancer,
        api_host_ip: spec.api.host_ip,
        api_host: spec.api.host.clone(),
        api_port: spec.api.port,
        subnet: spec.network.subnet().map(|subnet| subnet.to_string()),
        ipv6,
        network,
        ports: spec.ports.iter().map(port_to_record).collect(),
        env: texts(&env),
        server_args: Vec::new(),
        agent_args: Vec::new(),
        more: More {
            k3s_args: texts(&k3s_args),
            volumes: texts(&volumes),
            node_labels: texts(&node_labels),
            runtime_labels: texts(&runtime_labels),
            files: Vec::new(),
            image_volume: spec.image_volume.clone(),
            host_aliases: spec.host_aliases.clone(),
            registries: spec.registries.used.clone(),
            registry: spec.registries.create.as_ref().map(registry_to_record),
            limits: spec.limits.clone(),
            lb_settings: spec.lb_settings.clone(),
            no_dns_fix: !spec.dns_fix,
            left_out: (!left_out.is_empty()).then(|| left_out.join(", ")),
        },
    };
    serde_json::to_string(&record).map_err(|error| {
        Problem::failed("the specification was not written down", error.to_string())
    })
}

/// Whether a person's credentials are in them.
fn holds_secrets(registries: &Registries) -> bool {
    let proxy = registries
        .create
        .as_ref()
        .and_then(|create| create.proxy.as_ref());
    registries.config.is_some()
        || proxy.is_some_and(|proxy| {
            !proxy.password.reveal().is_empty() || mask(&proxy.url) != proxy.url.as_str()
        })
}

fn registry_to_record(spec: &RegistrySpec) -> Registry {
    let proxy = spec.proxy.as_ref();
    Registry {
        name: spec.name.clone(),
        image: spec.image.clone(),
        host: spec.host,
        port: spec.port,
        proxy: proxy.map(|proxy| (mask(&proxy.url).into_owned(), proxy.username.clone())),
        volumes: spec.volumes.clone(),
        delete_enabled: spec.delete_enabled,
        same_port: spec.same_port,
    }
}

fn registry_from_record(record: Registry) -> RegistrySpec {
    RegistrySpec {
        name: record.name,
        image: record.image,
        host: record.host,
        port: record.port,
        proxy: record.proxy.map(|(url, username)| RegistryProxy {
            url,
            username,
            password: Secret::default(),
        }),
        volumes: record.volumes,
        // Only one that is made on its own can have them.
        env: Vec::new(),
        delete_enabled: record.delete_enabled,
        same_port: record.same_port,
    }
}

fn port_to_record(mapping: &PortMapping) -> Port {
    Port {
        container: mapping.port.container_port,
        protocol: mapping.port.protocol.to_string(),
        host_ip: mapping.port.host_ip,
        host: mapping.port.host_port,
        nodes: mapping.nodes.clone(),
        direct: mapping.direct,
    }
}

/// A specification from what [`to_json`] wrote, now or in an earlier version.
///
/// # Errors
/// When the text was written by something else, was changed, or does not have everything.
pub fn from_json(text: &str) -> Result<ClusterSpec, Problem> {
    let record: Record = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let more = record.more;
    if let Some(what) = more.left_out {
        return Err(broken(format!(
            "what may be secret is not written there: {what}"
        )));
    }
    let ports: Result<Vec<PortMapping>, Problem> =
        record.ports.into_iter().map(port_from_record).collect();
    let files: Result<Vec<ForNodes<FileEntry>>, Problem> =
        more.files.into_iter().map(file_from_record).collect();
    let old = |args: Vec<String>, role| {
        args.into_iter().map(move |value| ForNodes {
            value,
            nodes: vec![NodeFilter::role(role)],
        })
    };
    Ok(ClusterSpec {
        name: ClusterName::parse(&record.name)?,
        servers: record.servers,
        agents: record.agents,
        image: record.image,
        proxy_image: record.proxy_image,
        load_balancer: record.load_balancer,
        api: ApiEndpoint {
            host_ip: record.api_host_ip,
            host: record.api_host,
            port: record.api_port,
        },
        token: None,
        network: match record.network {
            None => ClusterNetwork::Own {
                subnet: record.subnet.map(|text| text.parse()).transpose()?,
                ipv6: record.ipv6,
            },
            Some(name) if name.is_empty() => ClusterNetwork::Host,
            Some(name) => ClusterNetwork::Existing(name),
        },
        ports: ports?,
        volumes: items(more.volumes),
        env: items(record.env),
        k3s_args: items(more.k3s_args)
            .into_iter()
            .chain(old(record.server_args, crate::domain::Role::Server))
            .chain(old(record.agent_args, crate::domain::Role::Agent))
            .collect(),
        node_labels: items(more.node_labels),
        runtime_labels: items(more.runtime_labels),
        files: files?,
        image_volume: more.image_volume,
        host_aliases: more.host_aliases,
        registries: Registries {
            create: more.registry.map(registry_from_record),
            used: more.registries,
            config: None,
        },
        limits: more.limits,
        lb_settings: more.lb_settings,
        dns_fix: !more.no_dns_fix,
    })
}

fn broken(why: String) -> Problem {
    Problem::failed(
        "the interrupted operation's specification cannot be read",
        why,
    )
    .with_hint("remove the rest and create the cluster again")
}

fn port_from_record(port: Port) -> Result<PortMapping, Problem> {
    Ok(PortMapping {
        port: PublishedPort {
            container_port: port.container,
            protocol: match port.protocol.as_str() {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                "sctp" => Protocol::Sctp,
                other => return Err(broken(format!("{other:?} is not a protocol"))),
            },
            host_ip: port.host_ip,
            host_port: port.host,
        },
        nodes: port.nodes,
        direct: port.direct,
    })
}

fn file_from_record(item: ForNodes<File>) -> Result<ForNodes<FileEntry>, Problem> {
    let contents = STANDARD
        .decode(&item.value.base64)
        .map_err(|error| broken(error.to_string()))?;
    Ok(ForNodes {
        value: FileEntry {
            path: item.value.path,
            mode: item.value.mode,
            contents,
        },
        nodes: item.nodes,
    })
}

#[cfg(test)]
mod tests;
