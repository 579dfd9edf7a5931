//! `coracle cluster restart`.

use super::targets::{self, Manner, Targets, Wait};
use crate::{cli::context::Context, domain::Problem, ops::Wish};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// Restarts the clusters.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let names = args.targets.resolve(&backends).await?;
    let wait = args.wait.wanted();
    let requests = names
        .into_iter()
        .map(|name| {
            args.manner
                .request(cx, &backends, Wish::Restart(name), wait)
        })
        .collect();
    targets::each(cx, &backends, &args.manner, requests, |about| {
        format!("{about} runs")
    })
    .await
}
