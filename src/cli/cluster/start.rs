//! `coracle cluster start` and `coracle cluster restart`.

use super::targets::{self, Manner, Targets, Wait};
use crate::{
    cli::context::Context,
    domain::{ClusterName, Problem},
    ops::Wish,
};

/// The flags of both.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// Has the clusters run, in the way that is wished for each.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args, wish: fn(ClusterName) -> Wish) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let names = args.targets.to_change(cx, &backends).await?;
    let wait = args.wait.wanted();
    let requests = names
        .into_iter()
        .map(|name| args.manner.request(cx, &backends, wish(name), wait))
        .collect();
    targets::each(cx, &backends, &args.manner, requests, |about| {
        format!("{about} runs")
    })
    .await
}
