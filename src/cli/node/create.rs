//! `coracle node create`.

use std::collections::BTreeMap;

use clap::{ValueEnum, value_parser};

use crate::{
    cli::{
        cluster::targets::{self, DEFAULT_NAME, Manner, Wait},
        context::Context,
    },
    distro::k3s::labels,
    domain::{
        ClusterName, Problem, Role, Secret,
        container::Resources,
        limits::{self, Ulimit},
    },
    ops::Wish,
    plan::node::NewNodes,
};

/// What a node can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum RoleWord {
    /// A control plane node
    Server,
    /// A worker node
    #[default]
    Agent,
}

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name of the new nodes; they are called k3d-NAME-0, k3d-NAME-1, ...
    name: String,
    /// The cluster, or the URL of one that is elsewhere
    #[arg(short, long, default_value = DEFAULT_NAME, value_name = "CLUSTER|URL")]
    cluster: String,
    /// What they are
    #[arg(long, value_enum, default_value_t)]
    role: RoleWord,
    /// How many
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..))]
    replicas: u16,
    /// Their image [default: that of the nodes that are there]
    #[arg(short, long)]
    image: Option<String>,
    /// The memory that each may use (1g, 512m)
    #[arg(long, value_name = "AMOUNT")]
    memory: Option<String>,
    /// The processors that each may use (2, 0.5)
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<String>,
    /// Limit the processes in each (nofile=1024:2048)
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    runtime_ulimit: Vec<String>,
    /// Label the containers
    #[arg(long, value_name = "KEY=VALUE")]
    runtime_label: Vec<String>,
    /// Label the Kubernetes nodes
    #[arg(long, value_name = "KEY=VALUE")]
    k3s_node_label: Vec<String>,
    /// Pass an argument to k3s
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    k3s_arg: Vec<String>,
    /// Put them into another network too; for a cluster elsewhere, the first is where they live
    #[arg(short, long, value_name = "NETWORK")]
    network: Vec<String>,
    /// What they join with [default: the cluster's token]
    #[arg(short, long, hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// Adds the nodes.
///
/// # Errors
/// What did not work, after it was taken back.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let mut nodes = wanted(args)?;
    if args.cluster.starts_with("https://") && nodes.image.is_none() {
        nodes.image = Some(cx.config.cluster.image.clone());
    }
    let wish = Wish::AddNodes {
        cluster: ClusterName::existing(&args.cluster),
        nodes: Box::new(nodes),
    };
    let backends = cx.backends().await?;
    let request = args.manner.request(cx, &backends, wish, args.wait.wanted());
    targets::one(cx, &backends, &args.manner, request, |about| {
        format!("{about} has its new nodes")
    })
    .await
}

fn wanted(args: &Args) -> Result<NewNodes, Problem> {
    // The name is part of host names, as a cluster's is.
    let name = ClusterName::parse(args.name.strip_prefix("k3d-").unwrap_or(&args.name))?;
    let ulimits: Result<Vec<Ulimit>, Problem> = args
        .runtime_ulimit
        .iter()
        .map(|text| text.parse())
        .collect();
    let own: Result<BTreeMap<String, String>, Problem> = args
        .runtime_label
        .iter()
        .map(|text| labels::custom(text))
        .collect();
    Ok(NewNodes {
        name: name.as_str().to_owned(),
        role: match args.role {
            RoleWord::Server => Role::Server,
            RoleWord::Agent => Role::Agent,
        },
        count: args.replicas,
        image: args.image.clone(),
        resources: Resources {
            memory: args.memory.as_deref().map(limits::memory).transpose()?,
            nano_cpus: args.cpus.as_deref().map(limits::cpus).transpose()?,
            ulimits: ulimits?,
            ..Resources::default()
        },
        node_labels: args.k3s_node_label.clone(),
        labels: own?,
        networks: args.network.clone(),
        k3s_args: args.k3s_arg.clone(),
        token: args.token.clone().map(Secret::new),
    })
}
