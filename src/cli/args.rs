//! The command line: what is understood before anything is looked at. Subcommands are in the files of their names.

#![expect(
    clippy::doc_markdown,
    reason = "the comments on flags are the help texts, which are plain"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{
    cluster, completion, config, debug, forward, image, kubeconfig, logs, network, node, prune,
    registry, runtime_info, version, volume,
};

/// A full-screen terminal manager for Kubernetes clusters that run in containers.
///
/// Without a command it opens the screen.
#[derive(Debug, Parser)]
#[command(name = "coracle", version, max_term_width = 100)]
#[command(
    after_help = "The first k3d's short forms are understood too: create, list, start, stop, delete, import-images, \
    get-kubeconfig.\n\n\
    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, 4 refused or \
    cancelled, 5 engine or API not reached."
)]
pub struct CommandLine {
    /// Read the settings from this file alone
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What all commands take.
    #[command(flatten)]
    pub global: Global,
    /// What to do; nothing opens the screen.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What all commands take.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Work on a simulated world instead of a real engine
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub simulate: Option<String>,
    /// The engine: unix:///path, tcp://host:port (default: as the docker command, then the usual sockets)
    #[arg(long, global = true, value_name = "ENDPOINT")]
    pub docker_host: Option<String>,
    /// The kubeconfig file, in place of KUBECONFIG or ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The Kubernetes context, in place of the current one
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Write the program's own log to this file; RUST_LOG says how much
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Tell on stderr what is done in detail (as RUST_LOG=coracle=debug)
    #[arg(long, global = true)]
    pub verbose: bool,
    /// Tell even more than that
    #[arg(long, global = true)]
    pub trace: bool,
    /// Begin those lines with the time
    #[arg(long, global = true)]
    pub timestamps: bool,
    /// Draw with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// No colours (as with NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create, list, start, stop, scale and delete clusters
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Write k3d's config files, and bring them up to date
    #[command(subcommand)]
    Config(config::Command),
    /// Send images to the nodes of clusters, list and remove them
    #[command(subcommand, visible_alias = "images")]
    Image(image::Command),
    /// Add, list, start, stop and delete single nodes
    #[command(subcommand)]
    Node(node::Command),
    /// Create, list and delete registries, and have clusters use them
    #[command(subcommand, visible_alias = "registries")]
    Registry(registry::Command),
    /// Print, merge and remove the clusters' kubeconfigs
    #[command(subcommand)]
    Kubeconfig(kubeconfig::Command),
    /// Print or follow the logs of pods, merged in time order
    Logs(Box<logs::Args>),
    /// Forward local ports to pods, through restarts and rollouts
    Forward(forward::Args),
    /// Create, list and delete volumes that outlive clusters
    #[command(subcommand)]
    Volume(volume::Command),
    /// Create, list and delete networks that outlive clusters
    #[command(subcommand)]
    Network(network::Command),
    /// List and remove what crashes and other tools left behind
    Prune(prune::Args),
    /// Print a script that completes this command line in a shell
    Completion(completion::Args),
    /// Look into what a cluster is made of
    #[command(subcommand, hide = true)]
    Debug(debug::Command),
    /// Print what is known of the engine
    #[command(hide = true)]
    RuntimeInfo(runtime_info::Args),
    /// Print the version
    Version(version::Args),
}
