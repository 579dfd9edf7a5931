//! What is planned for a new cluster, and what is refused.

use super::*;
use crate::{
    domain::{Protocol, PublishedPort},
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
    spec.ports = vec![PublishedPort {
        container_port: 80,
        protocol: Protocol::Tcp,
        host_ip: [127, 0, 0, 1].into(),
        host_port: 8080,
    }];
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
    spec.server_args = vec!["--disable=traefik".to_owned()];
    spec.env = vec!["A=1".to_owned()];
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
    spec.subnet = "172.18.5.0/24".parse().ok();
    let problem = create(&spec, WaitFor::Usable, &taken).unwrap_err();
    assert!(problem.why.contains("overlaps 172.18.0.0/16"));
    spec.subnet = "10.9.0.0/29".parse().ok();
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
    let port = PublishedPort {
        container_port: 80,
        protocol: Protocol::Tcp,
        host_ip: [127, 0, 0, 1].into(),
        host_port: 6550,
    };
    none.ports = vec![port];
    assert!(create(&none, WaitFor::Usable, &[]).is_err());
    none.ports[0].host_port = 1;
    none.ports[0].protocol = Protocol::Sctp;
    assert!(create(&none, WaitFor::Usable, &[]).is_err());
}
