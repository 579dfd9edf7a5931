//! The flags of `cluster create`: k3d's, and a few that k3d has not.

use std::path::PathBuf;

use clap::{ArgAction, builder::BoolishValueParser, value_parser};

use crate::cli::cluster::targets::{Manner, Wait};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The new cluster's name [default: k3s-default, or what the file says]
    pub name: Option<String>,
    /// Read what is wanted from a config file of k3d ("-" reads the standard input); flags come first
    #[arg(short, long, value_name = "FILE", env = "K3D_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
    /// How many servers (control plane nodes)
    #[arg(short, long, value_parser = value_parser!(u16).range(1..))]
    pub servers: Option<u16>,
    /// How many agents (worker nodes)
    #[arg(short, long)]
    pub agents: Option<u16>,
    /// The node image; latest, stable or +CHANNEL asks which one k3s's channel has
    #[arg(short, long)]
    pub image: Option<String>,
    /// The secret that nodes join with
    #[arg(long, hide_env_values = true)]
    pub token: Option<String>,
    /// No load balancer: the first server publishes the API itself
    #[arg(long)]
    pub no_lb: bool,
    /// Where the Kubernetes API is published
    #[arg(long, value_name = "[HOST:]PORT")]
    pub api_port: Option<String>,
    #[command(flatten)]
    pub nodes: Nodes,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub images: Images,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub kubeconfig: KubeconfigFlags,
    #[command(flatten)]
    pub wait: Wait,
    #[command(flatten)]
    pub manner: Manner,
}

/// What is for some nodes.
#[derive(Debug, clap::Args)]
#[command(
    next_help_heading = "For nodes (NODES: server:0, server:*, agent:0,2-3, loadbalancer, all)"
)]
pub struct Nodes {
    /// Publish a port; NODES can end in :direct
    #[arg(
        short,
        long,
        value_name = "[ADDRESS:][HOST_PORT:]PORT[/PROTOCOL][@NODES]"
    )]
    pub port: Vec<String>,
    /// Mount a path of this machine or a volume
    #[arg(short, long, value_name = "[SOURCE:]TARGET[:OPTIONS][@NODES]")]
    pub volume: Vec<String>,
    /// Set an environment variable
    #[arg(short, long, value_name = "NAME=VALUE[@NODES]")]
    pub env: Vec<String>,
    /// Pass an argument to k3s (--disable=traefik@server:*)
    #[arg(long, value_name = "ARG@NODES", allow_hyphen_values = true)]
    pub k3s_arg: Vec<String>,
    /// Label a Kubernetes node
    #[arg(long, value_name = "KEY=VALUE[@NODES]")]
    pub k3s_node_label: Vec<String>,
    /// Label a container
    #[arg(long, value_name = "KEY[=VALUE][@NODES]")]
    pub runtime_label: Vec<String>,
    /// Have k3s deploy a manifest, or all of a folder
    #[arg(long, value_name = "FILE|FOLDER")]
    pub manifest: Vec<PathBuf>,
}

/// Networks and names.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Network")]
pub struct Network {
    /// Use an existing network, which outlives the cluster, or the machine's own (host)
    #[arg(id = "network", value_name = "NAME", long = "network")]
    pub named: Option<String>,
    /// The addresses of the cluster's own network (172.28.0.0/16, or auto)
    #[arg(long, value_name = "CIDR", conflicts_with = "network")]
    pub subnet: Option<String>,
    /// Give the cluster's network IPv6 addresses too
    #[arg(long, conflicts_with = "network")]
    pub dual_stack: bool,
    /// Have names lead to an address, on nodes and in pods
    #[arg(long, value_name = "ADDRESS:NAME[,NAME]")]
    pub host_alias: Vec<String>,
    /// Set one of the load balancer's settings (settings.workerConnections=2048)
    #[arg(long, value_name = "KEY=VALUE")]
    pub lb_config_override: Vec<String>,
    /// Have pods use the engine's DNS [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub dns_fix: Option<bool>,
}

/// Registries and the volume for images.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Images")]
pub struct Images {
    /// Make a registry with the cluster
    #[arg(long, value_name = "NAME[:HOST][:PORT]")]
    pub registry_create: Option<String>,
    /// Use a registry that is there
    #[arg(long, value_name = "NAME")]
    pub registry_use: Vec<String>,
    /// A registries.yaml of k3s
    #[arg(long, value_name = "FILE")]
    pub registry_config: Option<PathBuf>,
    /// The registry has the same port inside as on this machine
    #[arg(long, alias = "enforce-port-match")]
    pub enforce_registry_port_match: bool,
    /// Hand images to nodes through this volume, which outlives the cluster
    #[arg(long, value_name = "VOLUME")]
    pub image_volume: Option<String>,
    /// No volume for images (k3d can then not start the cluster again)
    #[arg(long, conflicts_with = "image_volume")]
    pub no_image_volume: bool,
}

/// How much of the machine nodes may use.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// The memory of each server (1g)
    #[arg(long, value_name = "BYTES")]
    pub servers_memory: Option<String>,
    /// The memory of each agent
    #[arg(long, value_name = "BYTES")]
    pub agents_memory: Option<String>,
    /// The processors of each server (0.5)
    #[arg(long, value_name = "CORES")]
    pub servers_cpus: Option<String>,
    /// The processors of each agent
    #[arg(long, value_name = "CORES")]
    pub agents_cpus: Option<String>,
    /// The GPUs of every node (all, 2, "device=0,1")
    #[arg(long)]
    pub gpus: Option<String>,
    /// A limit of the kernel for processes (nofile=1024:2048)
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    pub runtime_ulimit: Vec<String>,
    /// Nodes see the processes of this machine
    #[arg(long)]
    pub host_pid_mode: bool,
}

/// What happens to the kubeconfig.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kubeconfig")]
pub struct KubeconfigFlags {
    /// Add the cluster to the kubeconfig [default: true]
    #[arg(
        id = "kubeconfig-update-default",
        long = "kubeconfig-update-default",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pub update: Option<bool>,
    /// Make it the kubeconfig's current context [default: true]
    #[arg(
        id = "kubeconfig-switch-context",
        long = "kubeconfig-switch-context",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pub switch: Option<bool>,
}
