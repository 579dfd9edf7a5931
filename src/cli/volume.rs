//! `coracle volume ...`: volumes that outlive clusters, for `cluster create --volume NAME:/path`.

use serde_json::{Value, json};

use super::{
    cluster::targets::Manner,
    context::Context,
    lasting,
    output::{Format, data, print, size, table},
};
use crate::{
    domain::Problem,
    ops::lasting::{Volume, volumes},
    plan::lasting::Lasting,
};

/// What to do with volumes.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create volumes that outlive clusters
    Create(Create),
    /// List the volumes that outlive clusters
    #[command(visible_aliases = ["ls", "get"])]
    List(List),
    /// Delete volumes that no cluster uses, and all that is in them, without asking
    #[command(visible_aliases = ["rm", "del"])]
    Delete(Delete),
}

/// The flags of a create.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The new volumes' names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    manner: Manner,
}

/// The flags of a delete.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// The volumes
    #[arg(required_unless_present = "all", value_name = "NAME")]
    names: Vec<String>,
    /// All that `volume list` lists
    #[arg(short, long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    manner: Manner,
}

/// The flags of a list.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Also the volumes that belong to clusters
    #[arg(short, long)]
    all: bool,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Leave the headers out
    #[arg(long)]
    no_headers: bool,
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    match command {
        Command::Create(args) => {
            let wishes = args
                .names
                .into_iter()
                .map(|name| Lasting::CreateVolume { name });
            lasting::fulfil(cx, &backends, &args.manner, wishes.collect()).await
        }
        Command::Delete(args) => {
            let mut names = args.names;
            if args.all {
                let all = volumes(&backends, false).await?;
                names = all.into_iter().map(|volume| volume.name).collect();
            }
            let wishes = names.into_iter().map(|name| Lasting::DeleteVolume { name });
            lasting::fulfil(cx, &backends, &args.manner, wishes.collect()).await
        }
        Command::List(args) => {
            let all = volumes(&backends, args.all).await?;
            print(&written(&all, args.output, !args.no_headers)?)
        }
    }
}

fn written(all: &[Volume], format: Format, headers: bool) -> Result<String, Problem> {
    if matches!(format, Format::Json | Format::Yaml) {
        let list = all.iter().map(|volume| {
            json!({
                "name": volume.name,
                "cluster": volume.cluster,
                "bytes": volume.seen.bytes,
                "created": volume.seen.created,
                "usedBy": volume.used_by,
            })
        });
        return data(&list.collect::<Value>(), format);
    }
    let only_names = format == Format::Name;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|volume| {
            let dash = || "-".to_owned();
            let users = volume.used_by.join(",");
            let mut row = vec![volume.name.clone()];
            if !only_names {
                row.push(volume.cluster.clone().unwrap_or_else(dash));
                row.push(volume.seen.bytes.map_or_else(dash, size));
                row.push(if users.is_empty() { dash() } else { users });
            }
            row
        })
        .collect();
    let columns = ["NAME", "CLUSTER", "SIZE", "USED BY"];
    let shown = if only_names { 1 } else { columns.len() };
    Ok(table(&columns[..shown], &rows, headers && !only_names))
}
