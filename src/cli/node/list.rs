//! `coracle node list`.

use crate::{
    cli::{
        cluster::{
            k3d_fields::{self, Facts},
            shape,
        },
        context::Context,
        output::{Format, data, print, table},
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
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Leave the headers out
    #[arg(long)]
    no_headers: bool,
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
    if !args.names.is_empty() && matches!(args.output, Format::Json | Format::Yaml) {
        for listed in &chosen {
            let detail = backends.runtime.inspect(&listed.node.name).await?;
            facts.details.push(detail);
        }
    }
    print(&shown(&chosen, &facts, args.output, !args.no_headers)?)
}

fn shown(
    nodes: &[&Listed],
    facts: &Facts<'_>,
    format: Format,
    headers: bool,
) -> Result<String, Problem> {
    let mut columns = vec!["NAME", "ROLE", "CLUSTER", "STATUS"];
    match format {
        Format::Json | Format::Yaml => {
            let all = nodes.iter().map(|listed| {
                let mut node = shape::node(&listed.node);
                k3d_fields::add_to_node(&mut node, &listed.node, facts);
                node["cluster"] = listed.cluster.clone().into();
                node
            });
            return data(&all.collect(), format);
        }
        Format::Name => columns.truncate(1),
        Format::Wide => columns.extend(["ADDRESS", "IMAGE", "PORTS"]),
        Format::Table => {}
    }
    let rows: Vec<Vec<String>> = nodes
        .iter()
        .map(|listed| columns.iter().map(|column| cell(listed, column)).collect())
        .collect();
    Ok(table(&columns, &rows, headers && format != Format::Name))
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
