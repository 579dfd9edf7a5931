//! `coracle cluster ...`: one file a verb, with k3d's words, aliases and flags.

mod create;
mod delete;
pub mod edit;
mod finish;
mod from_file;
mod info;
pub mod k3d_fields;
mod list;
mod logs;
mod manifests;
mod scale;
pub mod shape;
mod start;
mod stop;
pub mod targets;

use super::context::Context;
use crate::{domain::Problem, ops::Wish};

/// What to do with clusters.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a cluster
    Create(Box<create::Args>),
    /// List the clusters
    #[command(visible_aliases = ["ls", "get"])]
    List(list::Args),
    /// Show one cluster with its nodes
    Info(info::Args),
    /// Print or follow the logs of pods of a cluster
    Logs(Box<logs::Args>),
    /// List the manifests and charts that k3s keeps deployed, with how far each is
    Manifests(manifests::Args),
    /// Start clusters that are stopped
    Start(start::Args),
    /// Stop clusters and keep everything of them
    Stop(stop::Args),
    /// Stop clusters and start them again
    Restart(start::Args),
    /// Change the number of nodes of a running cluster
    Scale(scale::Args),
    /// Publish ports of a cluster that is there, or no longer; only its load balancer is touched
    #[command(visible_alias = "update")]
    Edit(edit::Args),
    /// Delete clusters and everything in them, without asking
    #[command(visible_aliases = ["rm", "del"])]
    Delete(delete::Args),
    /// Finish an interrupted operation, or remove what it left
    Finish(finish::Args),
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    match command {
        Command::Create(args) => create::run(cx, &args).await,
        Command::List(args) => list::run(cx, &args).await,
        Command::Info(args) => info::run(cx, &args).await,
        Command::Logs(args) => logs::run(cx, &args).await,
        Command::Manifests(args) => manifests::run(cx, &args).await,
        Command::Start(args) => start::run(cx, &args, Wish::Start).await,
        Command::Stop(args) => stop::run(cx, &args).await,
        Command::Restart(args) => start::run(cx, &args, Wish::Restart).await,
        Command::Scale(args) => scale::run(cx, &args).await,
        Command::Edit(args) => edit::run(cx, &args).await,
        Command::Delete(args) => delete::run(cx, &args).await,
        Command::Finish(args) => finish::run(cx, &args).await,
    }
}
