//! What the flags of `cluster create` mean, and which are refused.

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
        "--image=",
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
            kubeconfig(&args(line).kubeconfig, &FromFile::default()),
            want,
            "{line}"
        );
    }
}

#[test]
fn every_flag_of_k3d_is_carried_over() {
    let line = "demo -a 2 --network mine --host-alias 10.1.2.3:db,db.local --lb-config-override settings.workerConnections=2048 \
                --dns-fix=false -v /srv:/data@agent:0 -v cache:k3s-storage --k3s-node-label tier=db@agent:1 \
                --runtime-label team=a --runtime-ulimit nofile=1024:2048 --servers-memory 1g --agents-memory 512m \
                --servers-cpus 1.5 --agents-cpus 1 --gpus all --host-pid-mode --image-volume shared \
                --registry-create reg:0.0.0.0:5005 --registry-use k3d-other --enforce-registry-port-match";
    let mut spec = ClusterDefaults::default().spec(ClusterName::parse(DEFAULT_NAME).unwrap());
    specify::over(&mut spec, &args(line)).unwrap();
    spec.token = None;
    insta::assert_debug_snapshot!(spec);
}

#[test]
fn ports_of_flags_replace_those_of_the_settings() {
    let defaults: ClusterDefaults = toml::from_str("ports = ['80:80']").unwrap();
    for (line, want) in [
        ("", "127.0.0.1:80:80/tcp"),
        ("-p 81:81", "127.0.0.1:81:81/tcp"),
    ] {
        let spec = specification(&args(line), &FromFile::default(), &defaults).unwrap();
        assert_eq!(
            (spec.ports.len(), spec.ports[0].to_string().as_str()),
            (1, want)
        );
    }
}

#[test]
fn an_argument_of_k3s_needs_no_filter_where_there_is_one_node() {
    assert_eq!(
        spec("--k3s-arg --disable=traefik").unwrap().k3s_args.len(),
        1
    );
    assert!(spec("-a 1 --k3s-arg --disable=traefik").is_err());
}
