//! `coracle registry ...`: with k3d's words and flags, and what k3d lacks: clusters that run are connected to registries
//! and disconnected from them, and a registry's catalogue is listed.

mod catalogue;
mod create;
mod list;

use clap::Subcommand;

use super::{
    cluster::targets::{self, DEFAULT_NAME, Manner},
    context::Context,
    output::note,
};
use crate::{
    domain::{ClusterName, Problem, ProblemKind, spec::WaitFor},
    ops::{self, Wish, registries},
    plan::registry::Wanted,
};

/// What to do with registries.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a registry
    Create(Box<create::Args>),
    /// List the registries
    #[command(visible_aliases = ["ls", "get"])]
    List(list::Args),
    /// List the repositories and tags in a registry
    #[command(visible_aliases = ["catalog", "images"])]
    Catalogue(catalogue::Args),
    /// Have clusters get images from a registry, without a restart
    Connect(Connect),
    /// Have clusters get images from a registry no more
    Disconnect(Connect),
    /// Start registries
    Start(Some),
    /// Stop registries
    Stop(Some),
    /// Delete registries and everything in them, without asking
    #[command(visible_aliases = ["rm", "del"])]
    Delete(Some),
}

/// Which registry and which clusters.
#[derive(Debug, clap::Args)]
pub struct Connect {
    /// The registry
    #[arg(value_name = "NAME")]
    registry: String,
    /// The clusters; may be given several times
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', default_value = DEFAULT_NAME)]
    cluster: Vec<String>,
    #[command(flatten)]
    manner: Manner,
}

/// Which registries.
#[derive(Debug, clap::Args)]
pub struct Some {
    /// The registries
    #[arg(required_unless_present = "all", value_name = "NAME")]
    names: Vec<String>,
    /// All registries
    #[arg(short, long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    manner: Manner,
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    match command {
        Command::Create(args) => create::run(cx, &args).await,
        Command::List(args) => list::run(cx, &args).await,
        Command::Catalogue(args) => catalogue::run(cx, &args).await,
        Command::Connect(args) => {
            let connect = |registry, cluster| Wanted::Connect { registry, cluster };
            connected(cx, &args, connect, "gets images from").await
        }
        Command::Disconnect(args) => {
            let disconnect = |registry, cluster| Wanted::Disconnect { registry, cluster };
            connected(cx, &args, disconnect, "gets no images from").await
        }
        Command::Start(args) => some(cx, &args, Wanted::Start, "runs").await,
        Command::Stop(args) => some(cx, &args, Wanted::Stop, "is stopped").await,
        Command::Delete(args) => some(cx, &args, Wanted::Delete, "is deleted").await,
    }
}

async fn connected(
    cx: &Context,
    args: &Connect,
    wanted: impl Fn(String, ClusterName) -> Wanted,
    word: &str,
) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let requests = args.cluster.iter().map(|cluster| {
        let wanted = wanted(args.registry.clone(), ClusterName::existing(cluster));
        let wish = Wish::Registry(wanted);
        args.manner.request(cx, &backends, wish, WaitFor::Nothing)
    });
    targets::each(cx, &backends, &args.manner, requests.collect(), |about| {
        format!("{about} {word} {}", args.registry)
    })
    .await
}

/// Does the same to several registries. One that is not there and is to go is no failure, as with k3d.
async fn some(
    cx: &Context,
    args: &Some,
    wanted: fn(String) -> Wanted,
    word: &str,
) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let names = if args.all {
        let all = registries::list(&backends).await?;
        all.into_iter().map(|registry| registry.name).collect()
    } else {
        args.names.clone()
    };
    let mut requests = Vec::new();
    for name in names {
        let wanted = wanted(name.clone());
        let deletes = matches!(wanted, Wanted::Delete(_));
        let wish = Wish::Registry(wanted);
        let request = args.manner.request(cx, &backends, wish, WaitFor::Nothing);
        match ops::prepare(&backends, &request).await {
            Err(problem) if deletes && problem.kind == ProblemKind::NotFound => {
                note(&format!("there is no registry \"{name}\""));
            }
            Err(problem) => return Err(problem),
            Ok(_) => requests.push(request),
        }
    }
    targets::each(cx, &backends, &args.manner, requests, |about| {
        format!("{about} {word}")
    })
    .await
}
