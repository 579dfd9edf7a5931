//! `coracle node ...`: nodes one by one, with k3d's words, aliases and flags.

mod change;
mod create;
mod edit;
mod list;

use super::context::Context;
use crate::{domain::Problem, ops::NodeVerb};

/// What to do with nodes.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add nodes to a cluster that is there, or to one elsewhere by its URL and token
    Create(Box<create::Args>),
    /// List the nodes
    #[command(visible_aliases = ["ls", "get"])]
    List(list::Args),
    /// Start nodes that are stopped
    Start(change::Args),
    /// Stop nodes and keep everything in them
    Stop(change::Args),
    /// Publish ports of a load balancer, or no longer
    #[command(visible_alias = "update")]
    Edit(edit::Args),
    /// Empty nodes of their pods, take them out of Kubernetes and remove them, without asking
    #[command(visible_aliases = ["rm", "del"])]
    Delete(change::Delete),
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    match command {
        Command::Create(args) => create::run(cx, &args).await,
        Command::List(args) => list::run(cx, &args).await,
        Command::Start(args) => change::run(cx, &args, NodeVerb::Start).await,
        Command::Stop(args) => change::run(cx, &args, NodeVerb::Stop).await,
        Command::Edit(args) => edit::run(cx, &args).await,
        Command::Delete(args) => change::delete(cx, &args).await,
    }
}
