//! `coracle network ...`: networks that outlive clusters, for `cluster create --network NAME`.

use serde_json::{Value, json};

use super::{
    cluster::targets::Manner,
    context::Context,
    lasting,
    output::{Writing, or_dash, print},
};
use crate::{
    domain::{Problem, Subnet},
    ops::lasting::{Network, networks},
    plan::lasting::Lasting,
};

/// What to do with networks.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a network that outlives clusters
    Create(Create),
    /// List the networks that outlive clusters
    #[command(visible_aliases = ["ls", "get"])]
    List(List),
    /// Delete networks that no container is in
    #[command(visible_aliases = ["rm", "del"])]
    Delete(lasting::Delete),
}

/// The flags of a create.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The new network's name
    name: String,
    /// Its addresses (172.28.0.0/16; auto chooses free ones)
    #[arg(long, value_name = "CIDR", default_value = "auto")]
    subnet: String,
    /// IPv6 addresses too
    #[arg(long)]
    ipv6: bool,
    #[command(flatten)]
    manner: Manner,
}

/// The flags of a list.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Also the networks that belong to clusters
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
    match command {
        Command::Create(args) => {
            let wish = Lasting::CreateNetwork {
                name: args.name,
                subnet: Subnet::wanted(&args.subnet)?,
                ipv6: args.ipv6,
            };
            lasting::fulfil(cx, &cx.backends().await?, &args.manner, vec![wish]).await
        }
        Command::Delete(args) => {
            let backends = cx.backends().await?;
            let mut names = args.names;
            if args.all {
                let all = networks(&backends, false).await?;
                names = all.into_iter().map(|network| network.info.name).collect();
            }
            let wishes = names
                .into_iter()
                .map(|name| Lasting::DeleteNetwork { name });
            lasting::fulfil(cx, &backends, &args.manner, wishes.collect()).await
        }
        Command::List(args) => {
            let all = networks(&cx.backends().await?, args.all).await?;
            print(&written(&all, args.writing)?)
        }
    }
}

fn written(all: &[Network], writing: Writing) -> Result<String, Problem> {
    let subnets = |network: &Network| -> Vec<String> {
        network.info.subnets.iter().map(Subnet::to_string).collect()
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|network| {
            vec![
                network.info.name.clone(),
                or_dash(&subnets(network).join(",")),
                network.info.ipv6.to_string(),
                or_dash(&network.used_by.join(",")),
            ]
        })
        .collect();
    let columns = ["NAME", "SUBNET", "IPV6", "USED BY"];
    writing.list(&columns, 0, &rows, || {
        let list = all.iter().map(|network| {
            json!({
                "name": network.info.name,
                "id": network.info.id,
                "subnets": subnets(network),
                "ipv6": network.info.ipv6,
                "created": network.info.created,
                "usedBy": network.used_by,
            })
        });
        list.collect::<Value>()
    })
}
