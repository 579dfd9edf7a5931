//! `coracle forward`: local ports that lead to pods.

mod hold;

use std::{net::IpAddr, sync::Arc};

use super::{access::Access, context::Context};
use crate::{
    domain::{Forward, ForwardPort, ForwardTarget, Problem},
    ops::forward::ApiSource,
};

/// The flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  coracle forward svc/web 8080:80        the Service's port 80 at localhost:8080
  coracle forward deploy/web :http       the port named http at a free local port
  coracle forward app=web 8080 9090      two ports of whichever pod has the label")]
pub struct Args {
    /// svc/web, deploy/web, sts/db, a pod's name, or a label selector such as app=web
    #[arg(value_name = "TARGET", required = true)]
    target: Option<String>,
    /// LOCAL:REMOTE, :REMOTE for any free local port, or PORT for both; REMOTE may be a name
    #[arg(value_name = "PORT", required = true)]
    ports: Vec<String>,
    /// The namespace, in place of the context's own
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// The address to listen at, in place of the loopback; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, args: Args) -> Result<(), Problem> {
    let forward = args.forward()?;
    let access = Access::of(cx).await?;
    let namespace = args.namespace.as_deref().unwrap_or(&access.namespace);
    let forward = Forward {
        target: forward.target.within(namespace),
        ..forward
    };
    hold::hold(source(access), &forward).await
}

impl Args {
    /// What is wanted, in no namespace yet.
    fn forward(&self) -> Result<Forward, Problem> {
        let target: ForwardTarget = self.target.as_deref().unwrap_or_default().parse()?;
        let mut ports = Vec::new();
        for text in &self.ports {
            let mut port: ForwardPort = text.parse()?;
            port.address = port.address.or(self.address);
            ports.push(port);
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
