//! `coracle node list`.

use crate::{
    cli::{
        cluster::{
            k3d_fields::{self, Facts},
            shape,
        },
        context::Context,
        output::{Writing, print},
    },
    domain::Problem,
    ops::{
        self,
        nodes::{self, Listed},
    },
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these nodes
    #[arg(value_name = "NODE")]
    names: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

/// Lists the nodes of all clusters, and registries.
///
/// # Errors
/// Where the engine does not answer, or a named node is not there.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let all = nodes::all(&world);
    let mut chosen: Vec<&Listed> = Vec::new();
    for name in &args.names {
        chosen.push(nodes::find(&all, name)?);
    }
    if args.names.is_empty() {
        chosen.extend(&all);
    }
    let mut facts = Facts::listed(&world, false);
    if !args.names.is_empty() && args.writing.is_data() {
        for listed in &chosen {
            let detail = backends.runtime.inspect(&listed.node.name).await?;
            facts.details.push(detail);
        }
    }
    print(&shown(&chosen, &facts, args.writing)?)
}

fn shown(nodes: &[&Listed], facts: &Facts<'_>, writing: Writing) -> Result<String, Problem> {
    let mut columns = vec!["NAME", "ROLE", "CLUSTER", "STATUS"];
    if writing.is_wide() {
        columns.extend(["ADDRESS", "IMAGE", "PORTS"]);
    }
    let rows: Vec<Vec<String>> = nodes
        .iter()
        .map(|listed| columns.iter().map(|column| cell(listed, column)).collect())
        .collect();
    writing.list(&columns, 0, &rows, || {
        let all = nodes.iter().map(|listed| {
            let mut node = shape::node(&listed.node);
            k3d_fields::add_to_node(&mut node, &listed.node, facts);
            node["cluster"] = listed.cluster.clone().into();
            node
        });
        all.collect()
    })
}

fn cell(listed: &Listed, column: &str) -> String {
    let node = &listed.node;
    match column {
        "NAME" => node.name.clone(),
        "ROLE" => node.role.to_string(),
        "CLUSTER" => listed.cluster.clone(),
        "STATUS" => node.state.word().to_owned(),
        "ADDRESS" => node
            .address
            .map_or_else(|| "-".to_owned(), |a| a.to_string()),
        "IMAGE" => node.image.clone(),
        _ => shape::ports(node),
    }
}
