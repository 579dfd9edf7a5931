//! `coracle cluster list`.

use jiff::Timestamp;

use super::shape::{self, Shown};
use crate::{
    cli::{
        context::Context,
        output::{Format, print},
    },
    domain::{Cluster, ClusterName, Problem},
    ops,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these clusters
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Leave the headers out
    #[arg(long)]
    no_headers: bool,
    /// Show the tokens that nodes join with
    #[arg(long)]
    token: bool,
}

/// Lists the clusters.
///
/// # Errors
/// Where the engine does not answer, or a named cluster is not there.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let mut clusters: Vec<Cluster> = Vec::new();
    for name in &args.names {
        clusters.push(world.cluster(&ClusterName::existing(name))?.clone());
    }
    if args.names.is_empty() {
        clusters = world.clusters;
    }
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    clusters.dedup_by(|a, b| a.name == b.name);
    let shown = Shown {
        headers: !args.no_headers,
        token: args.token,
    };
    print(&shape::clusters(
        &clusters,
        args.output,
        shown,
        Timestamp::now(),
    )?)
}
