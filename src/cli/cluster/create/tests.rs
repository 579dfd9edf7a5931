//! What the flags of `cluster create` mean, and which are refused.

use clap::Parser;

use super::*;
use crate::{
    ops::draft::Here,
    tui::{
        dialogs::{
            form::{Form, Input, Outcome},
            forms::{Purpose, new_cluster::NewCluster},
        },
        state::around::Around,
    },
};

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

/// What the form on the screen makes of answers by the names of its rows: words for a text, for a choice how many keys
/// away it is.
async fn form(answers: &[(&str, &str)]) -> ClusterSpec {
    let keys = |form: &mut Form, key: &str| form.press(key.parse().unwrap());
    let around = Around {
        here: Here::now(),
        ..Around::default()
    };
    let new = NewCluster::new(&ClusterDefaults::default(), Vec::new(), around);
    let mut form = Form::new(Purpose::NewCluster(new));
    let rows = form.purpose().rows();
    for (label, _) in answers {
        assert!(rows.iter().any(|row| row.label == *label), "{label}");
    }
    for row in &rows {
        let answer = answers.iter().find(|(label, _)| *label == row.label);
        match (answer, &row.input) {
            (Some((_, text)), Input::Text(_)) => {
                keys(&mut form, "ctrl-u");
                form.paste(text);
            }
            (Some((_, times)), Input::Choice { .. }) => {
                for _ in 0..times.parse().unwrap() {
                    keys(&mut form, "space");
                }
            }
            (None, _) => {}
        }
        keys(&mut form, "tab");
    }
    let outcome = keys(&mut form, "enter");
    let Outcome::Wanted(wish) = outcome else {
        panic!("{answers:?}: {outcome:?}");
    };
    match wish.complete().await {
        Ok(Wish::Create { spec, .. }) => *spec,
        other => panic!("{answers:?}: {other:?}"),
    }
}

/// An answer for each row of the form, and the flags that say the same. `HERE` is a folder with a few files.
const SAME: &[(&str, &str, &str)] = &[
    ("name", "demo", "demo"),
    ("servers", "3", "-s 3"),
    ("agents", "2", "-a 2"),
    ("image", "rancher/k3s:v1-k3s1", "-i rancher/k3s:v1-k3s1"),
    ("API port", "0.0.0.0:6550", "--api-port 0.0.0.0:6550"),
    (
        "ports",
        "8080:80 8000-8002:90-92/udp@server:0 random:81 82@agent:0:direct",
        "-p 8080:80 -p 8000-8002:90-92/udp@server:0 -p random:81 -p 82@agent:0:direct",
    ),
    (
        "volumes",
        "./here:/a@server:* cache:k3s-storage /c",
        "-v ./here:/a@server:* -v cache:k3s-storage -v /c",
    ),
    ("environment", "A=b C=d@agent:0", "-e A=b -e C=d@agent:0"),
    (
        "k3s arguments",
        "--disable=traefik@server:*",
        "--k3s-arg --disable=traefik@server:*",
    ),
    (
        "node labels",
        "tier=web@agent:1",
        "--k3s-node-label tier=web@agent:1",
    ),
    (
        "manifests",
        "HERE/web.yaml HERE/more",
        "--manifest HERE/web.yaml --manifest HERE/more",
    ),
    ("files", "HERE/motd:/etc/motd@server:*", "-c HERE/k3d.yaml"),
    ("registries", "k3d-other", "--registry-use k3d-other"),
    (
        "new registry",
        "reg:0.0.0.0:5005",
        "--registry-create reg:0.0.0.0:5005",
    ),
    ("inner port", "1", "--enforce-registry-port-match"),
    (
        "registry file",
        "HERE/registries.yaml",
        "--registry-config HERE/registries.yaml",
    ),
    ("image volume", "shared", "--image-volume shared"),
    ("addresses", "172.28.0.0/16", "--subnet 172.28.0.0/16"),
    ("families", "1", "--dual-stack"),
    (
        "host aliases",
        "10.1.2.3:db,db.local",
        "--host-alias 10.1.2.3:db,db.local",
    ),
    ("pods' DNS", "1", "--dns-fix=false"),
    (
        "proxy settings",
        "settings.workerConnections=2048",
        "--lb-config-override settings.workerConnections=2048",
    ),
    ("memory", "2g 1g", "--servers-memory 2g --agents-memory 1g"),
    ("CPUs", "1.5", "--servers-cpus 1.5 --agents-cpus 1.5"),
    ("GPUs", "all", "--gpus all"),
    (
        "ulimits",
        "nofile=1024:2048 memlock=-1",
        "--runtime-ulimit nofile=1024:2048 --runtime-ulimit memlock=-1",
    ),
    ("processes", "1", "--host-pid-mode"),
    ("token", "secret", "--token secret"),
    (
        "other labels",
        "team=a@agent:0",
        "--runtime-label team=a@agent:0",
    ),
];

#[tokio::test]
async fn the_form_on_the_screen_makes_the_same_cluster_as_the_flags() {
    let place = tempfile::tempdir().unwrap();
    let here = place.path().display().to_string();
    std::fs::create_dir(place.path().join("more")).unwrap();
    for name in ["web.yaml", "more/db.yml", "motd", "registries.yaml"] {
        std::fs::write(place.path().join(name), name).unwrap();
    }
    let file = "apiVersion: k3d.io/v1alpha5\nkind: Simple\nfiles:\n- source: motd\n  destination: /etc/motd\n  \
                nodeFilters: [server:*]\n";
    std::fs::write(place.path().join("k3d.yaml"), file).unwrap();
    let same: Vec<(&str, String, String)> = SAME
        .iter()
        .map(|(row, answer, flags)| {
            (
                *row,
                answer.replace("HERE", &here),
                flags.replace("HERE", &here),
            )
        })
        .collect();
    let of_flags = |line: &str| {
        let args = args(line);
        let file = from_file::read(args.config.as_deref(), &|_| None).unwrap();
        specification(&args, &file, &ClusterDefaults::default()).unwrap()
    };
    // Each alone, beside the nodes that some are for, and all of them at once.
    let beside = [("name", "demo"), ("servers", "3"), ("agents", "2")];
    for (row, answer, flags) in &same {
        let mut answers: Vec<(&str, &str)> = beside.to_vec();
        let mut line = "demo -s 3 -a 2".to_owned();
        if !beside.iter().any(|(other, _)| other == row) {
            answers.push((row, answer));
            line = format!("{line} {flags}");
        }
        assert_eq!(form(&answers).await, of_flags(&line), "{row}");
    }
    let answers: Vec<(&str, &str)> = same
        .iter()
        .map(|(row, answer, _)| (*row, answer.as_str()))
        .collect();
    let flags: Vec<&str> = same.iter().map(|(.., flags)| flags.as_str()).collect();
    assert_eq!(form(&answers).await, of_flags(&flags.join(" ")));
    // What excludes something of the above.
    for (answers, flags) in [
        (&[("load balancer", "1")][..], "--no-lb"),
        (&[("network", "shared")], "--network shared"),
        (&[("network", "host")], "--network host"),
        (&[("addresses", "auto")], "--subnet auto"),
        (&[("image volume", "none")], "--no-image-volume"),
        (&[("k3s arguments", "--debug")], "--k3s-arg --debug"),
        (&[("API port", "random")], "--api-port random"),
        (
            &[("API port", "localhost:6550")],
            "--api-port localhost:6550",
        ),
    ] {
        let name = [("name", "demo")];
        assert_eq!(
            form(&[&name, answers].concat()).await,
            of_flags(&format!("demo {flags}")),
            "{flags}"
        );
    }
}

#[test]
fn every_row_of_the_form_is_compared_with_the_flags() {
    let new = NewCluster::new(&ClusterDefaults::default(), Vec::new(), Around::default());
    for row in Purpose::NewCluster(new).rows() {
        let elsewhere = ["load balancer", "network", "kubeconfig"];
        assert!(
            elsewhere.contains(&row.label) || SAME.iter().any(|(label, ..)| *label == row.label),
            "{}",
            row.label
        );
    }
}
