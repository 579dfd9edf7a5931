//! New clusters in networks of every kind.

use crate::{
    distro::k3s::labels,
    domain::{
        ClusterNetwork, ClusterSpec, PortMapping, Problem,
        container::{Attachment, ContainerInfo, ContainerSpec, NetworkInfo},
        spec::WaitFor,
    },
    plan::{
        Kubeconfig, Plan, Step,
        create::{Create, plan},
        fixtures::{chosen, engine, network, spec},
    },
};

fn planned(
    spec: &ClusterSpec,
    networks: &[NetworkInfo],
    containers: &[ContainerInfo],
) -> Result<Plan, Problem> {
    plan(&Create {
        spec,
        wait: WaitFor::Usable,
        kubeconfig: Kubeconfig::Untouched,
        clusters: &[],
        networks,
        containers,
        registries: &[],
        engine: &engine(),
        chosen: &chosen(),
    })
}

fn made(plan: &Plan) -> Vec<&ContainerSpec> {
    plan.steps
        .iter()
        .filter_map(|planned| match &planned.step {
            Step::CreateContainer(container) => Some(&**container),
            _ => None,
        })
        .collect()
}

fn addresses(plan: &Plan) -> Vec<String> {
    let each = made(plan).into_iter();
    each.map(|one| one.address.map_or_else(String::new, |a| a.to_string()))
        .collect()
}

fn within(name: &str, servers: u16, agents: u16) -> ClusterSpec {
    ClusterSpec {
        network: ClusterNetwork::named(name),
        ..spec("demo", servers, agents)
    }
}

#[test]
fn in_a_network_of_several_no_address_is_given_twice() {
    let mut other = crate::distro::k3s::fixtures::container("k3d-other-server-0");
    let place = |fixed: [u8; 4]| Attachment {
        network: "shared".to_owned(),
        address: None,
        fixed: Some(fixed.into()),
        fixed6: None,
    };
    other.attachments = vec![place([10, 5, 0, 2]), place([10, 5, 0, 4])];
    let networks = [network("shared", "10.5.0.0/24")];
    let plan = planned(&within("shared", 1, 1), &networks, &[other]).unwrap();
    assert_eq!(addresses(&plan), ["10.5.0.3", "10.5.0.5", "10.5.0.6"]);
    assert!(!plan.to_text().contains("create network"));
    for container in made(&plan) {
        assert_eq!(container.network, "shared");
        assert_eq!(container.labels[labels::NETWORK_EXTERNAL], "true");
        assert_eq!(container.labels[labels::NETWORK_RANGE], "10.5.0.0/24");
    }
}

#[test]
fn where_the_engine_chooses_the_load_balancer_starts_after_those_it_leads_to() {
    let networks = [NetworkInfo {
        dynamic: None,
        ..network("shared", "10.5.0.0/24")
    }];
    let plan = planned(&within("shared", 3, 1), &networks, &[]).unwrap();
    assert_eq!(addresses(&plan), ["", "", "", "", ""]);
    assert!(made(&plan)[0].extra_hosts.is_empty());
    assert!(
        plan.warnings[0].contains("in network shared"),
        "{:?}",
        plan.warnings
    );
    let place = |name: &str| {
        let container = name.to_owned();
        let step = Step::StartContainer { container };
        plan.steps
            .iter()
            .position(|planned| planned.step == step)
            .unwrap()
    };
    let balancer = &plan.steps[place("k3d-demo-serverlb")];
    for name in ["k3d-demo-server-0", "k3d-demo-agent-0"] {
        assert!(balancer.after.contains(&place(name)), "{name}");
    }
}

#[test]
fn a_network_that_is_not_there_is_made_and_stays_when_the_cluster_goes() {
    let plan = planned(&within("shared", 1, 0), &[], &[]).unwrap();
    assert!(
        plan.to_text()
            .contains("create network shared (172.18.0.0/16)")
    );
    assert_eq!(made(&plan)[0].labels[labels::NETWORK_EXTERNAL], "true");
}

#[test]
fn in_the_machine_s_own_network_a_node_has_neither_address_nor_ports() {
    let mut spec = within("host", 1, 0);
    spec.load_balancer = false;
    spec.api.port = Some(6443);
    let plan = planned(&spec, &[], &[]).unwrap();
    let [node] = made(&plan)[..] else { panic!() };
    assert_eq!((node.network.as_str(), node.address), ("host", None));
    assert!(node.ports.is_empty() && node.extra_hosts.is_empty());
    assert_eq!(node.labels[labels::NETWORK_RANGE], "invalid Prefix");
    let text = plan.to_text();
    assert!(!text.contains("host.k3d.internal") && !text.contains("create network"));
    assert!(text.contains("https://127.0.0.1:6443"), "{text}");
}

#[test]
fn both_families_have_addresses_of_the_same_place() {
    let mut spec = spec("demo", 1, 1);
    spec.network = ClusterNetwork::Own {
        subnet: "172.28.0.0/16".parse().ok(),
        ipv6: true,
    };
    let plan = planned(&spec, &[], &[]).unwrap();
    let text = plan.to_text();
    assert!(
        text.contains("k3d-demo (172.28.0.0/16, fd6b:3364:ac1c::/64)"),
        "{text}"
    );
    let [balancer, server, agent] = made(&plan)[..] else {
        panic!()
    };
    assert_eq!(server.address6, "fd6b:3364:ac1c::3".parse().ok());
    assert!(balancer.address6.is_some() && balancer.command.is_empty());
    assert!(
        server
            .command
            .contains(&"--node-ip=172.28.0.3,fd6b:3364:ac1c::3".to_owned())
    );
    assert!(
        agent
            .command
            .contains(&"--node-ip=172.28.0.4,fd6b:3364:ac1c::4".to_owned())
    );
    assert!(
        !agent
            .command
            .iter()
            .any(|word| word.starts_with("--cluster-cidr"))
    );
    // Pods have such addresses only where the node lets them.
    let lets: Vec<&str> = plan
        .steps
        .iter()
        .filter_map(|planned| match &planned.step {
            Step::PutFiles { container, files } => {
                let own = files.iter().any(|file| file.path.contains("-ipv6"));
                own.then_some(container.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(lets, ["k3d-demo-server-0", "k3d-demo-agent-0"]);
}

#[test]
fn what_a_network_makes_impossible_is_refused() {
    let mut with_ports = within("host", 1, 0);
    with_ports.load_balancer = false;
    with_ports.ports = PortMapping::parse("80@server:0:direct").unwrap();
    for spec in [
        within("host", 1, 0),
        within("host", 2, 0),
        within("bridge", 1, 1),
        within("none", 1, 0),
        with_ports,
    ] {
        let problem = planned(&spec, &[], &[]).unwrap_err();
        assert_eq!(problem.kind.exit_code(), 2, "{problem}");
    }
    let small = [network("shared", "10.5.0.0/29")];
    let problem = planned(&within("shared", 3, 3), &small, &[]).unwrap_err();
    assert!(problem.what.contains("too small"), "{problem}");
}
