//! `coracle cluster list`.

use jiff::Timestamp;

use super::shape::{self, Shown};
use crate::{
    cli::{
        context::Context,
        output::{Format, print},
    },
    domain::{Cluster, Problem},
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
    let mut clusters = ops::observe(&backends).await?.clusters;
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    if !args.names.is_empty() {
        clusters = only(clusters, &args.names)?;
    }
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

fn only(clusters: Vec<Cluster>, names: &[String]) -> Result<Vec<Cluster>, Problem> {
    for name in names {
        find(&clusters, name)?;
    }
    let wanted = |cluster: &Cluster| names.iter().any(|name| name == cluster.name.as_str());
    Ok(clusters.into_iter().filter(wanted).collect())
}

/// The cluster of that name.
///
/// # Errors
/// Says which there are instead.
pub(super) fn find<'a>(clusters: &'a [Cluster], name: &str) -> Result<&'a Cluster, Problem> {
    clusters
        .iter()
        .find(|cluster| cluster.name.as_str() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = clusters.iter().map(|c| c.name.as_str()).collect();
            let why = if names.is_empty() {
                "there are no clusters".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            };
            Problem::not_found(format!("there is no cluster \"{name}\""), why)
        })
}
