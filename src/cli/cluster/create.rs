//! `coracle cluster create`.

use std::path::PathBuf;

use clap::value_parser;

use super::{
    from_file::{self, FromFile, variable},
    shape::{self, Shown},
    targets::{DEFAULT_NAME, Manner, Wait},
};
use crate::{
    cli::{
        context::Context,
        drive, flags,
        output::{self, Format, note},
        signals::Signals,
    },
    config::ClusterDefaults,
    distro::k3s,
    domain::{ApiEndpoint, ClusterName, ClusterNetwork, ClusterSpec, HostAlias, Problem, Secret},
    ops::{self, Wish},
    plan::{self, Kubeconfig},
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The new cluster's name [default: k3s-default, or what the file says]
    name: Option<String>,
    /// Read what is wanted from a config file of k3d ("-" reads the standard input); flags come first
    #[arg(short, long, value_name = "FILE", env = "K3D_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
    /// How many servers (control plane nodes)
    #[arg(short, long, value_parser = value_parser!(u16).range(1..))]
    servers: Option<u16>,
    /// How many agents (worker nodes)
    #[arg(short, long)]
    agents: Option<u16>,
    /// The node image
    #[arg(short, long)]
    image: Option<String>,
    /// The secret that nodes join with
    #[arg(long, hide_env_values = true)]
    token: Option<String>,
    /// Use an existing network, which outlives the cluster, or the machine's own (host)
    #[arg(long, conflicts_with = "subnet")]
    network: Option<String>,
    /// The addresses of the cluster's network (172.28.0.0/16, or auto)
    #[arg(long, value_name = "CIDR")]
    subnet: Option<String>,
    /// Give the cluster's network IPv6 addresses too
    #[arg(long, conflicts_with = "network")]
    dual_stack: bool,
    /// Give an address names that nodes and pods find
    #[arg(long, value_name = "ADDRESS:NAME[,NAME]")]
    host_alias: Vec<String>,
    /// Where the Kubernetes API is published
    #[arg(long, value_name = "[HOST:]PORT")]
    api_port: Option<String>,
    /// Publish a port on the load balancer, for every node
    #[arg(short, long, value_name = "[ADDRESS:][HOST_PORT:]PORT[@loadbalancer]")]
    port: Vec<String>,
    /// Pass an argument to k3s (--disable=traefik@server:*)
    #[arg(long, value_name = "ARG@NODES", allow_hyphen_values = true)]
    k3s_arg: Vec<String>,
    /// Set an environment variable in every node
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// No load balancer: the first server publishes the API itself
    #[arg(long)]
    no_lb: bool,
    /// Add the cluster to the kubeconfig [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    kubeconfig_update_default: Option<bool>,
    /// Make it the kubeconfig's current context [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    kubeconfig_switch_context: Option<bool>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    manner: Manner,
}

/// Creates a cluster.
///
/// # Errors
/// What did not work, after it was taken back.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let file = from_file::read(args.config.as_deref(), &variable)?;
    let spec = specification(args, &file, &cx.config.cluster)?;
    let name = spec.name.clone();
    let backends = cx.backends().await?;
    let kubeconfig = kubeconfig(args, &file);
    let wish = Wish::Create {
        spec: Box::new(spec),
        kubeconfig,
    };
    let wait = args.wait.said().or(file.wait()).unwrap_or_default();
    let mut request = args.manner.request(cx, &backends, wish, wait);
    if let (None, Some(timeout)) = (args.manner.timeout, file.timeout()?) {
        request.options.timeout = timeout;
    }
    request.options.rollback &= file.rollback();
    if args.manner.dry_run {
        return drive::print_plan(&backends, &request, args.manner.output).await;
    }
    let mut signals = Signals::take()?;
    let report = drive::fulfil(&backends, &request, cx.style(), &mut signals).await?;
    let seconds = report.took.as_secs_f64();
    note(&format!("cluster \"{name}\" is there ({seconds:.1} s)"));
    if kubeconfig != Kubeconfig::Untouched && !backends.simulated {
        note(&format!("try: kubectl --context k3d-{name} get nodes"));
    }
    if args.manner.output == Format::Table {
        return Ok(());
    }
    let world = ops::observe(&backends).await?;
    let cluster = world.cluster(&name)?;
    match args.manner.output {
        Format::Json | Format::Yaml => output::print(&output::data(
            &shape::cluster(cluster, false),
            args.manner.output,
        )?),
        format => {
            let shown = Shown {
                headers: true,
                token: false,
            };
            let now = jiff::Timestamp::now();
            let one = std::slice::from_ref(cluster);
            output::print(&shape::clusters(one, format, shown, now)?)
        }
    }
}

fn kubeconfig(args: &Args, file: &FromFile) -> Kubeconfig {
    let said = &file.simple.options.kubeconfig;
    let update = args.kubeconfig_update_default;
    let switch = args.kubeconfig_switch_context;
    match (
        update.or(said.update_default_kubeconfig).unwrap_or(true),
        switch.or(said.switch_current_context).unwrap_or(true),
    ) {
        (false, _) => Kubeconfig::Untouched,
        (true, false) => Kubeconfig::Merge,
        (true, true) => Kubeconfig::MergeAndSwitch,
    }
}

/// The wanted cluster: the flags, over the file and the variables, over the settings.
fn specification(
    args: &Args,
    file: &FromFile,
    defaults: &ClusterDefaults,
) -> Result<ClusterSpec, Problem> {
    let name = args.name.as_deref().unwrap_or(DEFAULT_NAME);
    let base = ClusterSpec {
        servers: defaults.servers.get(),
        agents: defaults.agents,
        api: ApiEndpoint {
            host_ip: defaults.api_address,
            host: flags::client_address(defaults.api_address),
            port: None,
        },
        ..ClusterSpec::new(
            ClusterName::parse(name)?,
            &defaults.image,
            &defaults.proxy_image,
        )
    };
    let mut spec = file.over(base)?;
    if args.name.is_some() {
        spec.name = ClusterName::parse(name)?;
    }
    spec.servers = args.servers.unwrap_or(spec.servers);
    spec.agents = args.agents.unwrap_or(spec.agents);
    if let Some(image) = &args.image {
        spec.image.clone_from(image);
    }
    check_image(&spec.image, defaults)?;
    if let Some(text) = &args.api_port {
        spec.api = flags::api_endpoint(text, defaults.api_address)?;
    }
    if let Some(token) = &args.token {
        spec.token = Some(Secret::new(token));
    }
    spec.load_balancer &= !args.no_lb;
    network(args, &mut spec)?;
    for text in &args.host_alias {
        spec.host_aliases.push(HostAlias::parse(text)?);
    }
    spec.ports.extend(flags::ports(&args.port)?);
    if spec.ports.is_empty() {
        spec.ports = defaults.published().collect();
    }
    spec.k3s_args.extend(flags::k3s_args(&args.k3s_arg)?);
    spec.env.extend(flags::environment(&args.env)?);
    plan::create::check(&spec)?;
    Ok(spec)
}

fn network(args: &Args, spec: &mut ClusterSpec) -> Result<(), Problem> {
    match (&args.network, args.subnet.as_deref()) {
        (Some(name), _) => spec.network = ClusterNetwork::named(name),
        (None, Some("auto")) => spec.network = ClusterNetwork::own(None),
        (None, Some(text)) => spec.network = ClusterNetwork::own(Some(text.parse()?)),
        (None, None) => {}
    }
    if args.dual_stack {
        spec.network = ClusterNetwork::Own {
            subnet: spec.network.subnet(),
            ipv6: true,
        };
    }
    // There the server has the machine's own port, with nothing before it.
    if spec.network == ClusterNetwork::Host {
        spec.load_balancer = false;
        spec.api.port = Some(k3s::API_PORT);
        spec.dns_fix = false;
    }
    Ok(())
}

fn check_image(image: &str, defaults: &ClusterDefaults) -> Result<(), Problem> {
    if image.is_empty() || image.starts_with('+') || matches!(image, "latest" | "stable") {
        return Err(Problem::usage(
            format!("{image:?} is not an image"),
            "the names of k3s channels are not looked up",
        )
        .with_hint(format!("name an image, such as {}", defaults.image)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Args {
        let words = std::iter::once("create").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().args
    }

    fn spec(line: &str) -> Result<ClusterSpec, Problem> {
        specification(
            &args(line),
            &FromFile::default(),
            &ClusterDefaults::default(),
        )
    }

    #[test]
    fn without_flags_the_settings_decide() {
        let defaults: ClusterDefaults =
            toml::from_str("image = 'i'\nservers = 3\nports = ['80:80']\napi_address = '0.0.0.0'")
                .unwrap();
        let spec = specification(&args(""), &FromFile::default(), &defaults).unwrap();
        assert_eq!(
            (spec.name.as_str(), spec.image.as_str(), spec.servers),
            ("k3s-default", "i", 3)
        );
        assert_eq!(
            (
                spec.api.host_ip.to_string().as_str(),
                spec.api.host.as_str()
            ),
            ("0.0.0.0", "127.0.0.1")
        );
        assert_eq!(spec.ports.len(), 1);
        assert!(spec.load_balancer && spec.token.is_none());
    }

    #[test]
    fn k3d_s_flags_mean_what_they_mean_there() {
        let line = "demo -s 2 -a 1 -i img --token t --subnet 172.28.0.0/16 --api-port 0.0.0.0:6550 \
                    -p 8080:80@loadbalancer --k3s-arg --disable=traefik@server:* -e A=b@all";
        let spec = spec(line).unwrap();
        assert_eq!(
            (spec.servers, spec.agents, spec.image.as_str()),
            (2, 1, "img")
        );
        assert_eq!(spec.token.unwrap().reveal(), "t");
        assert_eq!(spec.network.subnet().unwrap().to_string(), "172.28.0.0/16");
        assert_eq!(spec.api.port, Some(6550));
        assert_eq!(spec.ports[0].to_string(), "127.0.0.1:8080:80/tcp");
        assert_eq!(spec.k3s_args[0].value, "--disable=traefik");
        assert_eq!(spec.env[0].value, "A=b");
    }

    #[test]
    fn what_contradicts_itself_is_refused_before_anything_is_touched() {
        for line in [
            "Demo",
            "-p 80:80@server",
            "--no-lb -p 80:80",
            "-e A=b@agent:0",
            "-i latest",
            "-i +v1.34",
            "--subnet x",
            "--api-port x",
        ] {
            let problem = spec(line).unwrap_err();
            assert_eq!(problem.kind.exit_code(), 2, "{line}: {problem}");
        }
        for line in [
            "-s 0",
            "--timeout x",
            "--wait=maybe",
            "--volume /a:/b",
            "--no-wait --wait=all",
        ] {
            let words = std::iter::once("create").chain(line.split_whitespace());
            assert!(Line::try_parse_from(words).is_err(), "{line}");
        }
    }

    #[test]
    fn waiting_and_the_kubeconfig_follow_k3d_s_switches() {
        use crate::domain::spec::WaitFor;
        for (line, want) in [
            ("", WaitFor::Usable),
            ("--wait", WaitFor::Usable),
            ("--wait=true", WaitFor::Usable),
            ("--wait=all", WaitFor::All),
            ("--wait=false", WaitFor::Nothing),
            ("--no-wait", WaitFor::Nothing),
        ] {
            assert_eq!(args(line).wait.wanted(), want, "{line}");
        }
        for (line, want) in [
            ("", Kubeconfig::MergeAndSwitch),
            ("--kubeconfig-switch-context=false", Kubeconfig::Merge),
            ("--kubeconfig-update-default=false", Kubeconfig::Untouched),
        ] {
            assert_eq!(
                kubeconfig(&args(line), &FromFile::default()),
                want,
                "{line}"
            );
        }
    }
}
