//! `coracle debug ...`: what k3d hides as well, for looking into what a cluster is made of.

use super::{
    cluster::targets::DEFAULT_NAME,
    context::Context,
    output::{self, print},
};
use crate::{
    domain::{ClusterName, Problem},
    ops::{self, ports},
};

/// What to look into.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The load balancer
    #[command(subcommand, visible_alias = "lb")]
    Loadbalancer(LoadBalancer),
}

/// What of the load balancer.
#[derive(Debug, clap::Subcommand)]
pub enum LoadBalancer {
    /// Print its configuration
    GetConfig {
        /// The cluster
        #[arg(default_value = DEFAULT_NAME)]
        cluster: String,
    },
}

/// Prints it.
///
/// # Errors
/// Where there is no such cluster, or it has no load balancer.
pub async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    let Command::Loadbalancer(LoadBalancer::GetConfig { cluster }) = command;
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let cluster = world.cluster(&ClusterName::existing(cluster))?;
    let Some(routes) = ports::routes(&backends, cluster).await? else {
        return Err(Problem::not_found(
            format!(
                "cluster \"{}\" has no configuration of a load balancer",
                cluster.name
            ),
            "it was made without a load balancer, or lost it",
        ));
    };
    print(&output::data(&routes.to_json(), output::Format::Yaml)?)
}
