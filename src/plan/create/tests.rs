//! What is planned for a new cluster, and what is refused.

use super::*;
use crate::{
    domain::{ClusterNetwork, ForNodes, HostAlias, Limits, PortMapping, ProblemKind, RegistrySpec},
    plan::fixtures::{chosen, engine, network, spec},
};

fn planned(spec: &ClusterSpec, wait: WaitFor) -> Plan {
    create(spec, wait, &[network("bridge", "172.17.0.0/16")]).unwrap()
}

fn create(spec: &ClusterSpec, wait: WaitFor, networks: &[NetworkInfo]) -> Result<Plan, Problem> {
    plan(&Create {
        spec,
        wait,
        kubeconfig: Kubeconfig::MergeAndSwitch,
        clusters: &[],
        networks,
        registries: &[],
        containers: &[],
        engine: &engine(),
        chosen: &chosen(),
    })
}

fn containers(plan: &Plan) -> impl Iterator<Item = &ContainerSpec> {
    plan.steps.iter().filter_map(|planned| match &planned.step {
        Step::CreateContainer(container) => Some(container.as_ref()),
        _ => None,
    })
}

#[test]
fn one_server_and_two_agents() {
    let plan = planned(&spec("demo", 1, 2), WaitFor::Usable);
    insta::assert_snapshot!(plan.to_text());
}

#[test]
fn three_servers_with_ports_waiting_for_all() {
    let mut spec = spec("ha", 3, 1);
    spec.ports = PortMapping::parse("8080:80").unwrap();
    insta::assert_snapshot!(planned(&spec, WaitFor::All).to_text());
}

#[test]
fn no_load_balancer_and_no_waiting() {
    let mut spec = spec("bare", 1, 0);
    spec.load_balancer = false;
    insta::assert_snapshot!(planned(&spec, WaitFor::Nothing).to_text());
}

#[test]
fn the_containers_are_those_that_k3d_would_make() {
    let mut spec = spec("demo", 2, 1);
    spec.k3s_args = vec![ForNodes::parse("--disable=traefik@server:*").unwrap()];
    spec.env = vec![ForNodes::parse("A=1@server:*;agent:*").unwrap()];
    let plan = planned(&spec, WaitFor::Usable);
    let all: Vec<&ContainerSpec> = containers(&plan).collect();
    insta::assert_debug_snapshot!(all);
}

#[test]
fn without_a_load_balancer_the_first_server_publishes() {
    let mut spec = spec("demo", 2, 0);
    spec.load_balancer = false;
    let plan = planned(&spec, WaitFor::Usable);
    let published: Vec<usize> = containers(&plan).map(|c| c.ports.len()).collect();
    assert_eq!(published, [1, 0]);
    assert!(containers(&plan).all(|c| c.labels[labels::LOAD_BALANCER].is_empty()));
}

#[test]
fn the_network_avoids_those_that_exist_and_a_given_one_is_checked() {
    let mut spec = spec("demo", 1, 0);
    let taken = [network("other", "172.18.0.0/16")];
    let plan = create(&spec, WaitFor::Usable, &taken).unwrap();
    assert!(plan.to_text().contains("k3d-demo (172.19.0.0/16)"));
    spec.network = ClusterNetwork::own("172.18.5.0/24".parse().ok());
    let problem = create(&spec, WaitFor::Usable, &taken).unwrap_err();
    assert!(problem.why.contains("overlaps 172.18.0.0/16"));
    spec.network = ClusterNetwork::own("10.9.0.0/29".parse().ok());
    spec.agents = 4;
    assert!(create(&spec, WaitFor::Usable, &taken).is_err());
}

#[test]
fn a_network_that_an_earlier_cluster_left_is_made_anew() {
    let spec = spec("demo", 1, 0);
    let mut left = network("k3d-demo", "172.18.0.0/16");
    let plan = create(&spec, WaitFor::Usable, std::slice::from_ref(&left)).unwrap();
    assert!(plan.to_text().contains("- remove network k3d-demo"));
    left.labels.clear();
    assert!(create(&spec, WaitFor::Usable, &[left]).is_err());
}

#[test]
fn what_contradicts_itself_is_refused() {
    let mut none = spec("demo", 0, 1);
    assert!(create(&none, WaitFor::Usable, &[]).is_err());
    none.servers = 1;
    for ports in [
        "6550:80",
        "1:1/sctp",
        "1:1@agent:1",
        "1:1@all:direct",
        "1:1@k3d-other-server-0",
    ] {
        none.ports = PortMapping::parse(ports).unwrap();
        assert!(create(&none, WaitFor::Usable, &[]).is_err(), "{ports}");
    }
    none.ports = PortMapping::parse("1:1/sctp@server:0:direct").unwrap();
    assert!(create(&none, WaitFor::Usable, &[]).is_ok());
    none.load_balancer = false;
    assert!(create(&none, WaitFor::Usable, &[]).is_ok());
    none.ports = PortMapping::parse("1:1").unwrap();
    let problem = create(&none, WaitFor::Usable, &[]).unwrap_err();
    assert!(problem.why.contains("no load balancer"), "{problem}");
}

#[test]
fn a_number_of_no_node_is_refused_and_what_is_for_an_empty_group_is_warned_of() {
    let mut wanted = spec("demo", 1, 2);
    wanted.env = vec![ForNodes::parse("A=1@agent:2").unwrap()];
    let problem = create(&wanted, WaitFor::Usable, &[]).unwrap_err();
    assert_eq!(
        problem.why,
        "the nodes are server:0, agent:0-1, loadbalancer"
    );
    wanted.env.clear();
    wanted.k3s_args = vec![ForNodes::parse("--x@loadbalancer").unwrap()];
    wanted.agents = 0;
    wanted.env = vec![
        ForNodes::parse("A=1@agent:*").unwrap(),
        ForNodes::parse("B=1@agent:*;server:0").unwrap(),
    ];
    let taken = create(&wanted, WaitFor::Usable, &[]).unwrap();
    let said = |part: &str| taken.warnings.iter().any(|one| one.contains(part));
    assert!(said("--x") && said("A=1"), "{:?}", taken.warnings);
    assert!(!said("B=1"), "{:?}", taken.warnings);
}

#[test]
fn ports_variables_arguments_and_labels_reach_the_nodes_that_they_are_for() {
    let mut wanted = spec("demo", 2, 2);
    wanted.ports = [
        "8080:80@agent:*",
        "8081:80@server:1",
        "8082:81@server:1",
        "8083:82@agent:1:direct",
    ]
    .iter()
    .flat_map(|text| PortMapping::parse(text).unwrap())
    .collect();
    let item = |text| vec![ForNodes::parse(text).unwrap()];
    wanted.env = item("A=1@agent:0");
    wanted.k3s_args = item("-v=2@all");
    wanted.node_labels = item("tier=db@agents[1]");
    let plan = planned(&wanted, WaitFor::Usable);
    let shared = plan
        .warnings
        .iter()
        .filter(|told| told.contains("share port 80/tcp"));
    assert_eq!(shared.count(), 1, "{:?}", plan.warnings);
    let told: Vec<String> = containers(&plan)
        .map(|node| {
            let ports = node.ports.iter().map(ToString::to_string);
            let ports = ports.collect::<Vec<_>>().join(" ");
            let set = node.env.iter().any(|line| line == "A=1");
            format!(
                "{}: {} | {ports} | {set}",
                node.name,
                node.command.join(" ")
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    let files = plan.steps.iter().filter_map(|planned| match &planned.step {
        Step::PutFiles { container, files } if container.ends_with("serverlb") => {
            Some(String::from_utf8_lossy(&files[0].contents).into_owned())
        }
        _ => None,
    });
    insta::assert_snapshot!(files.collect::<Vec<_>>().join("--- when all servers run\n"));
}

#[test]
fn volumes_labels_files_and_limits_reach_the_containers_that_they_are_for() {
    let mut wanted = spec("demo", 1, 1);
    let items = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| ForNodes::parse(text).unwrap())
            .collect()
    };
    wanted.volumes = items(&[
        "/srv/data:/data:ro",
        "k3d-db:k3s-storage@agent:0",
        "mine:/mine@server:*;agent:*",
    ]);
    wanted.runtime_labels = items(&["team=a@loadbalancer", "tier=b@server:0"]);
    wanted.files = vec![ForNodes {
        value: FileEntry {
            path: "k3s-manifests/app.yaml".to_owned(),
            mode: 0o644,
            contents: b"kind: X".to_vec(),
        },
        nodes: vec!["server:*".to_owned().try_into().unwrap()],
    }];
    wanted.limits = Limits {
        servers_memory: Some(2 << 30),
        agents_memory: Some(1 << 30),
        agents_cpus: Some(500_000_000),
        gpus: Some("all".to_owned()),
        ulimits: vec!["nofile=1024:2048".parse().unwrap()],
        host_pid: true,
        ..Limits::default()
    };
    wanted
        .lb_settings
        .insert("defaultProxyTimeout".to_owned(), 900.into());
    let plan = planned(&wanted, WaitFor::Usable);
    let text = plan.to_text();
    assert!(
        text.contains("create volume k3d-db\n") || text.contains("create volume k3d-db "),
        "{text}"
    );
    assert!(!text.contains("create volume mine"), "{text}");
    let told: Vec<String> = containers(&plan)
        .map(|node| {
            let own = node
                .labels
                .iter()
                .filter(|(key, _)| *key == "team" || *key == "tier");
            format!(
                "{} {:?} {:?}\n{:?}",
                node.name,
                node.binds,
                own.collect::<Vec<_>>(),
                node.resources
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    let written: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|planned| match &planned.step {
            Step::PutFiles { container, files } => {
                let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
                Some(format!("{container}: {}", paths.join(" ")))
            }
            _ => None,
        })
        .collect();
    insta::assert_snapshot!(written.join("\n"));
    // What files hold may be secret: the mark says that it lacks them, and has all else.
    let lacking = mark::from_json(&mark::to_json(&wanted).unwrap()).unwrap_err();
    assert!(lacking.why.contains("files"), "{lacking}");
    wanted.files.clear();
    let finished = mark::to_json(&wanted).unwrap();
    assert_eq!(mark::from_json(&finished).unwrap(), wanted);
}

#[test]
fn the_volume_for_images_is_the_cluster_s_own_or_another_or_none() {
    let mut wanted = spec("demo", 1, 0);
    let labelled = |plan: &Plan| {
        let first = containers(plan).next().unwrap();
        let label = first.labels.get(labels::IMAGE_VOLUME).cloned();
        (label.unwrap_or_default(), first.binds.join(" "))
    };
    wanted.image_volume = ImageVolume::External("shared".to_owned());
    let plan = planned(&wanted, WaitFor::Usable);
    assert_eq!(
        labelled(&plan),
        ("shared".to_owned(), "shared:/k3d/images".to_owned())
    );
    assert!(!plan.to_text().contains("create volume shared"));
    wanted.image_volume = ImageVolume::None;
    let plan = planned(&wanted, WaitFor::Usable);
    assert_eq!(labelled(&plan), (String::new(), String::new()));
    assert!(plan.warnings.iter().any(|warning| warning.contains("k3d")));
}

#[test]
fn values_that_cannot_be_read_are_refused_before_anything_is_touched() {
    let broken: [fn(&mut ClusterSpec); 8] = [
        |spec| spec.volumes = vec![ForNodes::every("./a:/b".to_owned())],
        |spec| spec.volumes = vec![ForNodes::every("~/a:/b".to_owned())],
        |spec| spec.image_volume = ImageVolume::External("/path".to_owned()),
        |spec| spec.volumes = vec![ForNodes::every("/a:b".to_owned())],
        |spec| spec.runtime_labels = vec![ForNodes::every("k3d.role=x".to_owned())],
        |spec| spec.node_labels = vec![ForNodes::every("=x".to_owned())],
        |spec| spec.limits.gpus = Some("fast".to_owned()),
        |spec| {
            spec.files = vec![ForNodes::every(FileEntry {
                path: "x".to_owned(),
                mode: 0,
                contents: Vec::new(),
            })];
        },
    ];
    for (place, broken) in broken.iter().enumerate() {
        let mut wanted = spec("demo", 1, 0);
        broken(&mut wanted);
        let problem = create(&wanted, WaitFor::Usable, &[]).unwrap_err();
        assert_eq!(problem.kind.exit_code(), 2, "{place}: {problem}");
    }
}

#[test]
fn names_of_addresses_reach_nodes_pods_and_the_label_that_k3d_reads() {
    let mut spec = spec("demo", 1, 1);
    spec.host_aliases = vec![HostAlias::parse("10.1.2.3:db.example.org,db").unwrap()];
    let plan = planned(&spec, WaitFor::Usable);
    let text = plan.to_text();
    assert!(
        text.contains(
            "point host.k3d.internal to 172.18.0.1, db.example.org and db to 10.1.2.3 in pods"
        ),
        "{text}"
    );
    for container in containers(&plan) {
        assert_eq!(
            container.labels[labels::HOST_ALIASES],
            r#"[{"hostnames":["db.example.org","db"],"ip":"10.1.2.3"}]"#
        );
        let role = labels::role_of(&container.labels);
        let lines = container.extra_hosts.iter();
        let found = lines.filter(|line| line.ends_with(":10.1.2.3")).count();
        assert_eq!(found, if role.is_kubernetes() { 2 } else { 0 });
    }
}

#[test]
fn without_the_fix_for_dns_its_script_is_left_out() {
    let mut spec = spec("demo", 1, 0);
    let written = |spec: &ClusterSpec| {
        let plan = planned(spec, WaitFor::Usable);
        let mut steps = plan.steps.iter();
        steps.any(|planned| match &planned.step {
            Step::PutFiles { files, .. } => files.iter().any(|file| file.path == scripts::DNS),
            _ => false,
        })
    };
    assert!(written(&spec));
    spec.dns_fix = false;
    assert!(!written(&spec));
}

#[test]
fn registries_are_made_and_connected_and_nodes_know_them_before_they_start() {
    let mut wanted = spec("demo", 1, 1);
    wanted.registries.create = Some(RegistrySpec {
        name: "mine".to_owned(),
        port: Some(5001),
        ..RegistrySpec::default()
    });
    wanted.registries.used = vec!["http://cache:5000".to_owned()];
    let there =
        k3s::registries::wanted(&RegistrySpec::default(), "k3d-cache", 5002, None, "bridge");
    let planned = |wanted: &ClusterSpec, there: &[Registry]| {
        plan(&Create {
            spec: wanted,
            wait: WaitFor::Usable,
            kubeconfig: Kubeconfig::Untouched,
            clusters: &[],
            networks: &[],
            registries: there,
            containers: &[],
            engine: &engine(),
            chosen: &chosen(),
        })
    };
    let made = planned(&wanted, std::slice::from_ref(&there)).unwrap();
    insta::assert_snapshot!(made.to_text());
    let files: Vec<(&str, bool)> = made
        .steps
        .iter()
        .filter_map(|planned| match &planned.step {
            Step::PutFiles { container, files } => Some((
                container.as_str(),
                files.iter().any(|file| {
                    let text = String::from_utf8_lossy(&file.contents);
                    text.contains("http://mine:5000") && text.contains("localhost:5002")
                }),
            )),
            _ => None,
        })
        .collect();
    for (container, told) in files {
        assert_eq!(told, !container.ends_with("serverlb"), "{container}");
    }

    let missing = planned(&wanted, &[]).unwrap_err();
    assert_eq!(missing.kind, ProblemKind::NotFound);
    let mut taken = there.clone();
    taken.name = "mine".to_owned();
    let taken = planned(&wanted, &[there, taken]).unwrap_err();
    assert!(taken.hint.contains("--registry-use mine"), "{taken}");
}
