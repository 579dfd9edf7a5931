//! `coracle volume ...`: volumes that outlive clusters, for `cluster create --volume NAME:/path`.

use serde_json::{Value, json};

use super::{
    cluster::targets::Manner,
    context::Context,
    lasting,
    output::{Writing, or_dash, print, size},
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
    Delete(lasting::Delete),
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

/// The flags of a list.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Also the volumes that belong to clusters
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    writing: Writing,
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
            print(&written(&all, args.writing)?)
        }
    }
}

fn written(all: &[Volume], writing: Writing) -> Result<String, Problem> {
    let dash = || "-".to_owned();
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|volume| {
            vec![
                volume.name.clone(),
                volume.cluster.clone().unwrap_or_else(dash),
                volume.seen.bytes.map_or_else(dash, size),
                or_dash(&volume.used_by.join(",")),
            ]
        })
        .collect();
    let columns = ["NAME", "CLUSTER", "SIZE", "USED BY"];
    writing.list(&columns, 0, &rows, || {
        let list = all.iter().map(|volume| {
            json!({
                "name": volume.name,
                "cluster": volume.cluster,
                "bytes": volume.seen.bytes,
                "created": volume.seen.created,
                "usedBy": volume.used_by,
            })
        });
        list.collect::<Value>()
    })
}
