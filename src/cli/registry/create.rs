//! `coracle registry create`.

use crate::{
    cli::{
        cluster::targets::{self, Manner},
        context::Context,
        output::{note, print},
    },
    distro::k3s::registries,
    domain::{
        ClusterName, Problem, Secret,
        registry::{RegistryProxy, RegistrySpec},
        spec::WaitFor,
    },
    ops::{self, Wish},
    plan::registry::Wanted,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The new registry's name, which begins with k3d- in any case
    #[arg(value_name = "NAME", default_value = "k3d-registry")]
    name: String,
    /// The image
    #[arg(short, long, default_value = registries::IMAGE)]
    image: String,
    /// The host's port
    #[arg(
        short,
        long,
        value_name = "[HOST:]PORT|random",
        default_value = "random"
    )]
    port: String,
    /// A mount
    #[arg(short, long, value_name = "[SOURCE:]TARGET[:OPTIONS]")]
    volume: Vec<String>,
    /// The network that it is in besides those of its clusters
    #[arg(long, value_name = "NAME", default_value = registries::NETWORK)]
    default_network: String,
    /// Keep copies of the registry at this URL (that of Docker Hub is registry-1.docker.io)
    #[arg(long, value_name = "URL")]
    proxy_remote_url: Option<String>,
    /// The account there
    #[arg(long, value_name = "NAME", requires = "proxy_remote_url")]
    proxy_username: Option<String>,
    /// The account's password
    #[arg(
        long,
        value_name = "PASSWORD",
        requires = "proxy_username",
        hide_env_values = true
    )]
    proxy_password: Option<String>,
    /// Let images be removed from it
    #[arg(long)]
    delete_enabled: bool,
    /// Have it listen on the same port inside as on the host
    #[arg(long)]
    enforce_port_match: bool,
    /// Do not say how it is used
    #[arg(long)]
    no_help: bool,
    /// Clusters that get images from it
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    cluster: Vec<String>,
    #[command(flatten)]
    manner: Manner,
}

/// Creates a registry.
///
/// # Errors
/// What did not work, after it was taken back.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let spec = specification(args)?;
    let name = spec.name.clone();
    let backends = cx.backends().await?;
    let wish = Wish::Registry(Wanted::Create {
        spec: Box::new(spec),
        network: args.default_network.clone(),
        clusters: args.cluster.iter().map(ClusterName::existing).collect(),
    });
    let request = args.manner.request(cx, &backends, wish, WaitFor::Nothing);
    targets::one(cx, &backends, &args.manner, request, |about| {
        format!("{about} runs")
    })
    .await?;
    if args.manner.dry_run {
        return Ok(());
    }
    if !args.no_help {
        let all = ops::registries::list(&backends).await?;
        if let Some(registry) = all.iter().find(|registry| registry.name == name) {
            let outside = registry.outside().unwrap_or_else(|| registry.inside());
            note(&format!(
                "push to it:      docker tag IMAGE {outside}/IMAGE && docker push {outside}/IMAGE\n\
                 run from it:     kubectl run NAME --image {outside}/IMAGE (or {}/IMAGE)\n\
                 in new clusters: coracle cluster create --registry-use {name}\n\
                 in one that runs: coracle registry connect {name} --cluster NAME",
                registry.inside()
            ));
        }
    }
    print(&format!("{name}\n"))
}

fn specification(args: &Args) -> Result<RegistrySpec, Problem> {
    let mut spec = RegistrySpec {
        name: registries::container_name(&args.name),
        image: args.image.clone(),
        volumes: args.volume.clone(),
        delete_enabled: args.delete_enabled,
        same_port: args.enforce_port_match,
        proxy: args.proxy_remote_url.as_ref().map(|url| RegistryProxy {
            url: url.clone(),
            username: args.proxy_username.clone().unwrap_or_default(),
            password: Secret::new(args.proxy_password.clone().unwrap_or_default()),
        }),
        ..RegistrySpec::default()
    };
    (spec.host, spec.port) = RegistrySpec::parse_port(&args.port)?;
    Ok(spec)
}
