//! `coracle config ...`: k3d's config files written and brought up to date.

pub mod file;
mod init;
mod migrate;

use super::context::Context;
use crate::domain::Problem;

/// What to do with config files.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Write a config file to begin with
    #[command(visible_alias = "create")]
    Init(init::Args),
    /// Write a config file of an older version in the newest one's words
    #[command(visible_alias = "update")]
    Migrate(migrate::Args),
}

/// Does it.
///
/// # Errors
/// What did not work.
pub fn run(cx: &Context, command: &Command) -> Result<(), Problem> {
    match command {
        Command::Init(args) => init::run(args, &cx.config.cluster),
        Command::Migrate(args) => migrate::run(args),
    }
}
