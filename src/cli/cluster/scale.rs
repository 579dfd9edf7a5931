//! `coracle cluster scale`.

use clap::value_parser;

use super::targets::{self, DEFAULT_NAME, Manner, Wait};
use crate::{
    cli::context::Context,
    domain::{ClusterName, Problem},
    ops::Wish,
};

/// The flags.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("numbers").required(true).multiple(true))]
pub struct Args {
    /// The cluster
    #[arg(default_value = DEFAULT_NAME)]
    name: String,
    /// How many servers there are to be
    #[arg(short, long, group = "numbers", value_parser = value_parser!(u16).range(1..))]
    servers: Option<u16>,
    /// How many agents there are to be
    #[arg(short, long, group = "numbers")]
    agents: Option<u16>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// Adds nodes, or drains and removes them.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let wish = Wish::Scale {
        cluster: ClusterName::existing(&args.name),
        servers: args.servers,
        agents: args.agents,
    };
    let request = args.manner.request(cx, &backends, wish, args.wait.wanted());
    targets::one(cx, &backends, &args.manner, request, |about| {
        format!("{about} has its new size")
    })
    .await
}
