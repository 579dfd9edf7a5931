//! `coracle cluster finish`: what becomes of an operation that was killed in the middle.

use super::targets::{self, DEFAULT_NAME, Manner, Wait};
use crate::{
    cli::context::Context,
    domain::{ClusterName, Problem},
    ops::Wish,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    #[arg(default_value = DEFAULT_NAME)]
    name: String,
    /// Remove what the operation left instead of finishing it
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// Finishes the operation, or removes its rest.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let name = ClusterName::existing(&args.name);
    let (wish, end) = if args.remove {
        (Wish::Remove(name), "is removed")
    } else {
        (Wish::Finish(name), "is finished")
    };
    let request = args.manner.request(cx, &backends, wish, args.wait.wanted());
    targets::one(cx, &backends, &args.manner, request, |about| {
        format!("{about} {end}")
    })
    .await
}
