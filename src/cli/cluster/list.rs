//! `coracle cluster list`.

use jiff::Timestamp;

use super::{
    k3d_fields::{self, Facts},
    shape::{self, Shown},
};
use crate::{
    cli::{
        context::Context,
        output::{Writing, data, print},
    },
    domain::{Cluster, ClusterName, Problem},
    ops,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these clusters, and in full with -o json and yaml
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    writing: Writing,
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
        clusters.clone_from(&world.clusters);
    }
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    clusters.dedup_by(|a, b| a.name == b.name);
    if args.writing.is_data() {
        let facts = if args.names.is_empty() {
            Facts::listed(&world, args.token)
        } else {
            Facts::asked(&backends, &world, &clusters, args.token).await
        };
        let all = clusters.iter().map(|cluster| {
            let mut value = shape::cluster(cluster, args.token);
            k3d_fields::add(&mut value, cluster, &facts);
            value
        });
        return print(&data(&all.collect(), args.writing.output)?);
    }
    let shown = Shown {
        headers: !args.writing.no_headers,
        token: args.token,
    };
    let now = Timestamp::now();
    print(&shape::clusters(&clusters, args.writing.output, shown, now))
}
