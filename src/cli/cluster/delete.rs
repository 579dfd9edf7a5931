//! `coracle cluster delete`: as k3d's, it does not ask, and a cluster that is not there is no failure. The screen asks.

use std::path::PathBuf;

use super::{
    from_file::{self, variable},
    targets::{self, Manner, Targets},
};
use crate::{
    cli::{context::Context, output::note},
    domain::{Problem, ProblemKind, spec::WaitFor},
    ops::{self, Wish},
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    targets: Targets,
    /// The cluster that a config file of k3d is about ("-" reads the standard input)
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["names", "all"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    manner: Manner,
}

/// Deletes the clusters.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let mut requests = Vec::new();
    let names = match &args.config {
        Some(path) => vec![from_file::read(Some(path), &variable)?.name()?],
        None => args.targets.to_change(cx, &backends).await?,
    };
    for name in names {
        let wish = Wish::Delete(name.clone());
        let request = args.manner.request(cx, &backends, wish, WaitFor::Usable);
        // Asking for the plan tells whether there is anything to delete: a cluster, or the rest of one.
        match ops::prepare(&backends, &request).await {
            Err(problem) if problem.kind == ProblemKind::NotFound => {
                note(&format!("there is no cluster \"{name}\""));
            }
            Err(problem) => return Err(problem),
            Ok(_) => requests.push(request),
        }
    }
    targets::each(cx, &backends, &args.manner, requests, |about| {
        format!("{about} is deleted")
    })
    .await
}
