//! `coracle cluster edit`: ports of a cluster that is there.

use super::targets::{self, DEFAULT_NAME, Manner, Wait};
use crate::{
    cli::{context::Context, flags},
    domain::{ClusterName, PortMapping, Problem},
    ops::Wish,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    #[arg(default_value = DEFAULT_NAME)]
    name: String,
    #[command(flatten)]
    pub ports: Ports,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// The ports that come and go.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Ports {
    /// Publish a port on the load balancer
    #[arg(long, value_name = "[ADDRESS:][HOST_PORT:]PORT[@NODES]")]
    port_add: Vec<String>,
    /// Publish a port no longer
    #[arg(long, value_name = "[ADDRESS:][HOST_PORT:]PORT[@NODES]")]
    port_delete: Vec<String>,
}

impl Ports {
    /// The wish for a cluster.
    ///
    /// # Errors
    /// Where one of them is no port, or is given twice.
    pub fn wish(&self, cluster: ClusterName) -> Result<Wish, Problem> {
        let add: Vec<PortMapping> = flags::ports(&self.port_add)?;
        let delete: Vec<PortMapping> = flags::ports(&self.port_delete)?;
        Ok(Wish::Ports {
            cluster,
            add,
            delete,
        })
    }
}

/// Changes the ports.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let wish = args.ports.wish(ClusterName::existing(&args.name))?;
    let backends = cx.backends().await?;
    let request = args.manner.request(cx, &backends, wish, args.wait.wanted());
    targets::one(cx, &backends, &args.manner, request, |about| {
        format!("{about} has its new ports")
    })
    .await
}
