//! `coracle node edit`: `cluster edit` by the name of the load balancer.

use crate::{
    cli::{
        cluster::{
            edit::Ports,
            targets::{self, Manner, Wait},
        },
        context::Context,
    },
    domain::{ClusterName, Problem, Role},
    ops::{self, nodes},
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The load balancer
    node: String,
    #[command(flatten)]
    ports: Ports,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// Changes its ports.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let all = nodes::all(&world);
    let listed = nodes::find(&all, &args.node)?;
    if listed.node.role != Role::LoadBalancer {
        return Err(Problem::usage(
            format!("{} was not changed", listed.node.name),
            format!("it is a node of the role {}", listed.node.role),
        )
        .with_hint("ports come and go at load balancers only"));
    }
    let wish = args
        .ports
        .wish(&backends, ClusterName::existing(&listed.cluster))
        .await?;
    let request = args.manner.request(cx, &backends, wish, args.wait.wanted());
    targets::one(cx, &backends, &args.manner, request, |about| {
        format!("{about} has its new ports")
    })
    .await
}
