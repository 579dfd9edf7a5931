//! `coracle forward`: local ports that lead to pods, before a person's eyes or in the background.

mod background;
mod hold;

use std::sync::Arc;

use clap::Subcommand;

use super::{
    access::Access,
    context::Context,
    output::{Writing, note},
};
use crate::{
    domain::{Forward, ForwardPort, ForwardTarget, Problem, forward::listen_address},
    ops::forward::{
        self, ApiSource,
        held::{self, Launch},
    },
};

/// The flags.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  coracle forward svc/web 8080:80        the Service's port 80 at localhost:8080
  coracle forward deploy/web :http       the port named http at a free local port
  coracle forward app=web 8080 9090      two ports of whichever pod has the label
  coracle forward svc/db 5432 --detach   goes on when the terminal is closed"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// svc/web, deploy/web, sts/db, a pod's name, or a label selector such as app=web
    #[arg(value_name = "TARGET", required = true)]
    target: Option<String>,
    /// LOCAL:REMOTE, :REMOTE for any free local port, or PORT for both; REMOTE may be a name
    #[arg(value_name = "PORT", required = true)]
    ports: Vec<String>,
    /// The namespace, in place of the context's own
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// The addresses to listen at, in place of localhost, separated by commas; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    address: Vec<String>,
    /// Go on in the background, until "forward stop"
    #[arg(short, long)]
    detach: bool,
}

/// What to do with forwards in the background.
#[derive(Debug, Subcommand)]
enum Command {
    /// List the forwards in the background
    #[command(visible_alias = "ls")]
    List(Writing),
    /// Stop forwards in the background
    Stop {
        /// A local port, or a target such as svc/web
        #[arg(value_name = "PORT|TARGET", required_unless_present = "all")]
        names: Vec<String>,
        /// All of them
        #[arg(short, long, conflicts_with = "names")]
        all: bool,
    },
    /// Hold the forward that is described on standard input
    #[command(hide = true)]
    Hold,
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: Args) -> Result<(), Problem> {
    match &args.command {
        Some(Command::List(writing)) => return background::list(*writing).await,
        Some(Command::Stop { names, .. }) => return background::stop(names).await,
        Some(Command::Hold) => {
            let source =
                |launch: &Launch| source(Access::to(launch.context.clone(), launch.files.clone()));
            return held::hold(source).await;
        }
        None => {}
    }
    let forward = args.forward()?;
    if args.detach && cx.global.simulate.is_some() {
        let why = "a simulated world ends with the command that began it";
        return Err(Problem::usage(
            "there is nothing to put into the background",
            why,
        ));
    }
    let access = Access::of(cx).await?;
    let namespace = args.namespace.as_deref().unwrap_or(&access.namespace);
    let forward = Forward {
        target: forward.target.within(namespace),
        ..forward
    };
    let source = source(access.clone());
    if let Some(unanswered) = forward::check(&source, &forward).await? {
        note(&format!(
            "{unanswered}; connections wait until the cluster answers"
        ));
    }
    if args.detach {
        return background::detach(&access, forward).await;
    }
    hold::hold(source, &forward).await
}

impl Args {
    /// What is wanted, in no namespace yet.
    fn forward(&self) -> Result<Forward, Problem> {
        let target: ForwardTarget = self.target.as_deref().unwrap_or_default().parse()?;
        let mut addresses = Vec::new();
        for text in &self.address {
            let address = listen_address(text)?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            addresses.push(None);
        }
        let mut ports = Vec::new();
        for text in &self.ports {
            let port: ForwardPort = text.parse()?;
            // One that names its address itself is meant for that alone.
            let own = [port.address];
            let at = if port.address.is_some() {
                own.as_slice()
            } else {
                &addresses
            };
            ports.extend(at.iter().map(|address| ForwardPort {
                address: *address,
                ..port.clone()
            }));
        }
        Ok(Forward { target, ports })
    }
}

/// The API anew each time: a cluster that was started again may be elsewhere.
fn source(access: Access) -> ApiSource {
    Arc::new(move || {
        let access = access.clone();
        Box::pin(async move { access.connect().await })
    })
}
