//! `coracle cluster info`: one cluster as the engine sees it and as Kubernetes does.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{shape, targets::DEFAULT_NAME};
use crate::{
    cli::{
        context::Context,
        output::{Format, data, print},
    },
    domain::{ClusterName, Problem, kube::NodeStatus},
    ops::{self, reach},
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    #[arg(default_value = DEFAULT_NAME)]
    name: String,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Show the token that nodes join with
    #[arg(long)]
    token: bool,
}

/// Shows the cluster.
///
/// # Errors
/// Where there is no such cluster, or the engine does not answer. That Kubernetes does not answer is shown.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let cluster = world.cluster(&ClusterName::existing(&args.name))?;
    if args.output == Format::Name {
        return print(&format!("{}\n", cluster.name));
    }
    let kubernetes = reach::node_statuses(&backends, cluster).await;
    if matches!(args.output, Format::Table | Format::Wide) {
        return print(&shape::details(cluster, &kubernetes, Timestamp::now()));
    }
    let mut value = shape::cluster(cluster, args.token);
    value["kubernetes"] = match &kubernetes {
        Ok(statuses) => json!({"nodes": statuses.iter().map(status).collect::<Vec<Value>>()}),
        Err(problem) => json!({"problem": problem.to_string()}),
    };
    print(&data(&value, args.output)?)
}

fn status(status: &NodeStatus) -> Value {
    json!({
        "name": status.name,
        "ready": status.ready,
        "message": status.message,
        "cordoned": status.cordoned,
        "version": status.version,
        "address": status.address,
    })
}
