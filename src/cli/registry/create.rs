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
        spec::{WaitFor, check_variable},
    },
    ops::{self, Wish, draft::Here},
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
    /// An environment variable: every setting of a registry has one, such as `REGISTRY_LOG_LEVEL=debug`
    #[arg(short, long, value_name = "NAME=VALUE", hide_env_values = true)]
    env: Vec<String>,
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
    RegistrySpec::check_name(args.name.strip_prefix("k3d-").unwrap_or(&args.name))?;
    for text in &args.env {
        check_variable(text)?;
    }
    let here = Here::now();
    let volumes = args.volume.iter().map(|text| here.volume(text));
    let mut spec = RegistrySpec {
        name: registries::container_name(&args.name),
        image: args.image.clone(),
        volumes: volumes.collect::<Result<_, _>>()?,
        env: args.env.clone(),
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Args {
        let words = ["create"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().args
    }

    #[test]
    fn every_flag_of_k3d_does_what_it_says() {
        let defaults = args("");
        assert_eq!(
            (defaults.default_network.as_str(), defaults.no_help),
            ("bridge", false)
        );
        let spec = specification(&defaults).unwrap();
        let plain = RegistrySpec {
            name: "k3d-registry".to_owned(),
            image: "docker.io/library/registry:2".to_owned(),
            ..RegistrySpec::default()
        };
        assert_eq!(spec, plain);

        let all = args(
            "registry.localhost -i registry:3 -p 0.0.0.0:5111 -v /data:/var/lib/registry -v cache:/c:ro \
             --default-network podman --proxy-remote-url https://ghcr.io --proxy-username me \
             --proxy-password hunter2 --delete-enabled --enforce-port-match --no-help -c one,two \
             -e REGISTRY_LOG_LEVEL=debug --env A=b=c",
        );
        assert!(all.no_help && all.default_network == "podman");
        assert_eq!(all.cluster, ["one", "two"]);
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(
            specification(&all).unwrap(),
            RegistrySpec {
                name: "k3d-registry.localhost".to_owned(),
                image: "registry:3".to_owned(),
                host: Some([0, 0, 0, 0].into()),
                port: Some(5111),
                proxy: Some(RegistryProxy {
                    url: "https://ghcr.io".to_owned(),
                    username: "me".to_owned(),
                    password: Secret::new("hunter2"),
                }),
                volumes: texts(&["/data:/var/lib/registry", "cache:/c:ro"]),
                env: texts(&["REGISTRY_LOG_LEVEL=debug", "A=b=c"]),
                delete_enabled: true,
                same_port: true,
            }
        );
    }

    #[test]
    fn what_no_registry_can_have_is_refused_before_anything_happens() {
        for line in ["a_b", "-e A", "-e =b", "-v data", "-v a:b:c:d", "-p 0"] {
            assert!(specification(&args(line)).is_err(), "{line}");
        }
        let alone = ["create", "--proxy-username", "me"];
        assert!(Line::try_parse_from(alone).is_err());
        let seen = specification(&args("-v ./data:/var/lib/registry")).unwrap();
        assert!(seen.volumes[0].starts_with('/'), "{:?}", seen.volumes);
    }
}
