//! The keys of k3d's config file as its newest version, `k3d.io/v1alpha5`, has them. What older versions had beside
//! them is read into fields that `older` empties again and nobody writes.
//!
//! A key that is not in the file is `None` or empty: what it means then is decided where flags, variables and settings
//! have been asked too.

use serde::{Deserialize, Serialize};

use super::older;
use crate::domain::Secret;

/// The version of the file's format that is written, and that older ones are read as.
pub const VERSION: &str = "k3d.io/v1alpha5";
/// The only kind of file that k3d makes clusters from.
pub const KIND: &str = "Simple";

/// One config file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Simple {
    /// The version of the format.
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// What the cluster is called.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: Metadata,
    #[serde(skip_serializing)]
    pub(super) name: Option<String>,
    /// How many servers.
    #[serde(skip_serializing_if = "is_default")]
    pub servers: Option<u16>,
    /// How many agents.
    #[serde(skip_serializing_if = "is_default")]
    pub agents: Option<u16>,
    /// Where the API is published.
    #[serde(rename = "kubeAPI", skip_serializing_if = "is_default")]
    pub kube_api: KubeApi,
    /// The node image.
    #[serde(skip_serializing_if = "is_default")]
    pub image: Option<String>,
    /// An existing network.
    #[serde(skip_serializing_if = "is_default")]
    pub network: Option<String>,
    /// The addresses of a new network: in CIDR notation, or `auto`.
    #[serde(skip_serializing_if = "is_default")]
    pub subnet: Option<String>,
    /// The secret that nodes join with.
    #[serde(with = "secret", skip_serializing_if = "is_default")]
    pub token: Option<Secret>,
    /// What is mounted.
    #[serde(skip_serializing_if = "is_default")]
    pub volumes: Vec<Volume>,
    /// What is published.
    #[serde(skip_serializing_if = "is_default")]
    pub ports: Vec<Port>,
    #[serde(skip_serializing)]
    pub(super) labels: Vec<Label>,
    /// Variables of nodes.
    #[serde(skip_serializing_if = "is_default")]
    pub env: Vec<EnvVar>,
    /// Files that are put into nodes before they start.
    #[serde(skip_serializing_if = "is_default")]
    pub files: Vec<File>,
    /// Names that nodes and pods resolve.
    #[serde(skip_serializing_if = "is_default")]
    pub host_aliases: Vec<HostAlias>,
    /// Image registries.
    #[serde(skip_serializing_if = "is_default")]
    pub registries: Registries,
    /// Everything else.
    #[serde(skip_serializing_if = "is_default")]
    pub options: Options,
}

/// `metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Metadata {
    /// The cluster's name.
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<String>,
}

/// `kubeAPI`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubeApi {
    /// The name or address that clients use.
    #[serde(skip_serializing_if = "is_default")]
    pub host: Option<String>,
    /// The host's address that the port is bound to.
    #[serde(rename = "hostIP", skip_serializing_if = "is_default")]
    pub host_ip: Option<String>,
    /// The host's port, or `random`.
    #[serde(rename = "hostPort", skip_serializing_if = "is_default")]
    pub host_port: Option<String>,
}

/// Values that are meant for some nodes only: each an object with the value and its filters.
macro_rules! for_nodes {
    ($($(#[doc = $doc:literal])* $name:ident $key:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The value, as the flag takes it before its `@`.
            #[serde(rename = $key)]
            pub value: String,
            /// For which nodes it is.
            #[serde(rename = "nodeFilters", default, skip_serializing_if = "is_default")]
            pub nodes: Vec<String>,
        }
    )*};
}

for_nodes! {
    /// `volumes[]`.
    Volume "volume";
    /// `ports[]`.
    Port "port";
    /// `env[]`.
    EnvVar "envVar";
    /// `options.k3s.extraArgs[]`.
    ExtraArg "arg";
    /// `options.k3s.nodeLabels[]` and `options.runtime.labels[]`.
    Label "label";
}

/// `files[]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// The contents where it has several lines; otherwise the path of a file, seen from the config file.
    pub source: String,
    /// Where in the node it goes.
    pub destination: String,
    /// For readers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: Option<String>,
    /// For which nodes it is.
    #[serde(rename = "nodeFilters", default, skip_serializing_if = "is_default")]
    pub nodes: Vec<String>,
}

/// `hostAliases[]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostAlias {
    /// The address.
    pub ip: String,
    /// Its names.
    pub hostnames: Vec<String>,
}

/// `registries`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registries {
    /// A registry that is made with the cluster.
    #[serde(
        deserialize_with = "older::registry_or_bool",
        skip_serializing_if = "is_default"
    )]
    pub create: Option<RegistryCreate>,
    /// Registries that are there.
    #[serde(rename = "use", skip_serializing_if = "is_default")]
    pub used: Vec<String>,
    /// The contents of k3s' `registries.yaml` where it has several lines; otherwise the path of such a file.
    #[serde(skip_serializing_if = "is_default")]
    pub config: Option<String>,
}

/// `registries.create`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RegistryCreate {
    /// The container's name.
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// The host's address that it is published at.
    #[serde(skip_serializing_if = "is_default")]
    pub host: Option<String>,
    /// The host's port, or `random`.
    #[serde(skip_serializing_if = "is_default")]
    pub host_port: Option<String>,
    /// Its image.
    #[serde(skip_serializing_if = "is_default")]
    pub image: Option<String>,
    /// What it is a cache of.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy: RegistryProxy,
    /// What is mounted into it.
    #[serde(skip_serializing_if = "is_default")]
    pub volumes: Vec<String>,
    /// Whether its port inside is the host's.
    #[serde(skip_serializing_if = "is_default")]
    pub enforce_port_match: Option<bool>,
}

/// `registries.create.proxy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryProxy {
    /// The registry whose images are kept.
    #[serde(rename = "remoteURL", skip_serializing_if = "is_default")]
    pub remote_url: Option<String>,
    /// Who asks for them.
    #[serde(skip_serializing_if = "is_default")]
    pub username: Option<String>,
    /// And how that is proven.
    #[serde(with = "secret", skip_serializing_if = "is_default")]
    pub password: Option<Secret>,
}

/// `options`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How it is made.
    #[serde(skip_serializing_if = "is_default")]
    pub k3d: K3dOptions,
    /// What k3s is told.
    #[serde(skip_serializing_if = "is_default")]
    pub k3s: K3sOptions,
    /// What becomes of the kubeconfig.
    #[serde(skip_serializing_if = "is_default")]
    pub kubeconfig: KubeconfigOptions,
    /// What the engine is told.
    #[serde(skip_serializing_if = "is_default")]
    pub runtime: RuntimeOptions,
}

/// `options.k3d`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct K3dOptions {
    /// Whether to wait until the cluster can be used.
    #[serde(skip_serializing_if = "is_default")]
    pub wait: Option<bool>,
    /// How long at most, as Go writes durations: `1m30s`.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Option<String>,
    /// No load balancer.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_loadbalancer: Option<bool>,
    /// No volume that images are imported through.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_image_volume: Option<bool>,
    /// Keep what was made where it fails.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_rollback: Option<bool>,
    #[serde(rename = "disableHostIPInjection", skip_serializing)]
    pub(super) disable_host_ip_injection: Option<bool>,
    /// The load balancer.
    #[serde(skip_serializing_if = "is_default")]
    pub loadbalancer: LoadBalancer,
}

/// `options.k3d.loadbalancer`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// Settings of the proxy, such as `settings.workerConnections=2048`.
    #[serde(skip_serializing_if = "is_default")]
    pub config_overrides: Vec<String>,
}

/// `options.k3s`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct K3sOptions {
    /// Additional arguments.
    #[serde(skip_serializing_if = "is_default")]
    pub extra_args: Vec<ExtraArg>,
    /// Labels of the nodes in Kubernetes.
    #[serde(skip_serializing_if = "is_default")]
    pub node_labels: Vec<Label>,
    #[serde(skip_serializing)]
    pub(super) extra_server_args: Vec<String>,
    #[serde(skip_serializing)]
    pub(super) extra_agent_args: Vec<String>,
}

/// `options.kubeconfig`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubeconfigOptions {
    /// Whether the cluster is put into it.
    #[serde(skip_serializing_if = "is_default")]
    pub update_default_kubeconfig: Option<bool>,
    /// Whether its context becomes the current one.
    #[serde(skip_serializing_if = "is_default")]
    pub switch_current_context: Option<bool>,
}

/// `options.runtime`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RuntimeOptions {
    /// Which of the machine's GPUs nodes get, as Docker writes it.
    #[serde(skip_serializing_if = "is_default")]
    pub gpu_request: Option<String>,
    /// The memory of each server, as Docker writes it: `1.5g`.
    #[serde(skip_serializing_if = "is_default")]
    pub servers_memory: Option<String>,
    /// The memory of each agent.
    #[serde(skip_serializing_if = "is_default")]
    pub agents_memory: Option<String>,
    /// Whether nodes see the machine's processes.
    #[serde(skip_serializing_if = "is_default")]
    pub host_pid_mode: Option<bool>,
    /// Labels of the containers.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Vec<Label>,
    /// Limits of the containers' processes.
    #[serde(skip_serializing_if = "is_default")]
    pub ulimits: Vec<Ulimit>,
}

/// `options.runtime.ulimits[]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ulimit {
    /// Which limit: `nofile`.
    pub name: String,
    /// What a process starts with.
    #[serde(default)]
    pub soft: i64,
    /// What it may raise it to.
    #[serde(default)]
    pub hard: i64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A secret in a file that is written for its owner.
mod secret {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::Secret;

    #[expect(
        clippy::ref_option,
        reason = "serde's `with` hands the field itself in"
    )]
    pub fn serialize<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::reveal).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
    }
}
