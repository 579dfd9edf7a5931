//! `coracle cluster stop`.

use super::targets::{self, Manner, Targets};
use crate::{
    cli::context::Context,
    domain::{Problem, spec::WaitFor},
    ops::Wish,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    manner: Manner,
}

/// Stops the clusters.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let names = args.targets.to_change(cx, &backends).await?;
    let requests = names
        .into_iter()
        .map(|name| {
            args.manner
                .request(cx, &backends, Wish::Stop(name), WaitFor::Usable)
        })
        .collect();
    targets::each(cx, &backends, &args.manner, requests, |about| {
        format!("{about} is stopped")
    })
    .await
}
