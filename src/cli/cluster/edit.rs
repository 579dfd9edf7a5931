//! `coracle cluster edit`: ports of a cluster that is there.

use super::targets::{self, DEFAULT_NAME, Manner, Wait};
use crate::{
    backend::Backends,
    cli::{context::Context, output::note},
    domain::{ClusterName, ObjectKey, PortMapping, Problem},
    ops::{self, Wish, expose, reach},
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
    /// Publish the ports of a service that nodes have ports for
    #[arg(long, value_name = "[NAMESPACE/]SERVICE")]
    expose: Vec<String>,
}

/// The ports that a service is to be published at; they are told, because they were chosen here.
async fn exposed(
    backends: &Backends,
    cluster: &ClusterName,
    service: &str,
) -> Result<Vec<PortMapping>, Problem> {
    let (namespace, name) = service.split_once('/').unwrap_or(("default", service));
    let world = ops::observe(backends).await?;
    let access = reach::access(world.cluster(cluster)?);
    let api = reach::connect(backends, &access).await?;
    let key = ObjectKey::new(namespace, name);
    let mut all = Vec::new();
    for exposure in expose::of_service(backends, api.as_ref(), cluster, &key).await? {
        let at = exposure.published.unwrap_or(exposure.offered);
        if exposure.published.is_none() {
            all.push(PortMapping::balanced(exposure.offered));
        }
        note(&format!(
            "{service}:{} is at {}:{}",
            exposure.port, at.host_ip, at.host_port
        ));
    }
    Ok(all)
}

impl Ports {
    /// The wish for a cluster.
    ///
    /// # Errors
    /// Where one of them is no port, or is given twice, or a service has no port to be published.
    pub async fn wish(&self, backends: &Backends, cluster: ClusterName) -> Result<Wish, Problem> {
        let ports = |texts: &[String]| PortMapping::parse_all(texts.iter().map(String::as_str));
        let mut add = ports(&self.port_add)?;
        let delete = ports(&self.port_delete)?;
        for service in &self.expose {
            add.extend(exposed(backends, &cluster, service).await?);
        }
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
    let backends = cx.backends().await?;
    let name = ClusterName::existing(&args.name);
    let wish = args.ports.wish(&backends, name).await?;
    let request = args.manner.request(cx, &backends, wish, args.wait.wanted());
    targets::one(cx, &backends, &args.manner, request, |about| {
        format!("{about} has its new ports")
    })
    .await
}
