//! `coracle node start`, `stop` and `delete`.

use crate::{
    cli::{
        cluster::targets::{self, Manner, Wait},
        context::Context,
    },
    domain::{Problem, Role, spec::WaitFor},
    ops::{
        self, NodeVerb, Wish,
        nodes::{self, Listed},
    },
};

/// The flags of start and stop.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The nodes
    #[arg(value_name = "NODE", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// The flags of delete.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// The nodes
    #[arg(value_name = "NODE", required_unless_present = "all")]
    names: Vec<String>,
    /// All nodes of all clusters
    #[arg(short, long, conflicts_with = "names")]
    all: bool,
    /// With --all: registries too
    #[arg(short, long)]
    registries: bool,
    #[command(flatten)]
    manner: Manner,
}

/// Starts or stops nodes.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args, verb: NodeVerb) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let all = nodes::all(&world);
    let mut chosen: Vec<&Listed> = Vec::new();
    for name in &args.names {
        chosen.push(nodes::find(&all, name)?);
    }
    let requests = nodes::wishes(verb, &chosen)
        .into_iter()
        .map(|wish| args.manner.request(cx, &backends, wish, args.wait.wanted()))
        .collect();
    let end = if verb == NodeVerb::Stop {
        "stopped"
    } else {
        "started"
    };
    let count = chosen.len();
    targets::each(cx, &backends, &args.manner, requests, |about| {
        format!("{about}: {}", said(count, end))
    })
    .await
}

/// Deletes nodes. Unlike a cluster, one that is not there is a failure, as with k3d.
///
/// # Errors
/// What did not work.
pub async fn delete(cx: &Context, args: &Delete) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let all = nodes::all(&world);
    let mut chosen: Vec<&Listed> = Vec::new();
    if args.all {
        let wanted = |listed: &&Listed| args.registries || listed.node.role != Role::Registry;
        chosen.extend(all.iter().filter(wanted));
    }
    for name in &args.names {
        chosen.push(nodes::find(&all, name)?);
    }
    let wishes: Vec<Wish> = nodes::wishes(NodeVerb::Delete, &chosen);
    let requests = wishes
        .into_iter()
        .map(|wish| args.manner.request(cx, &backends, wish, WaitFor::Usable))
        .collect();
    let count = chosen.len();
    targets::each(cx, &backends, &args.manner, requests, |about| {
        format!("{about}: {}", said(count, "deleted"))
    })
    .await
}

fn said(count: usize, end: &str) -> String {
    match count {
        1 => format!("the node is {end}"),
        _ => format!("its nodes are {end}"),
    }
}
