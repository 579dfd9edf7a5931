//! What is planned for more and for fewer nodes, and what is refused.

use super::*;
use crate::{
    distro,
    domain::{
        Secret,
        container::{ContainerInfo, ContainerState, Resources},
    },
    plan::fixtures::{demo, demo_details, engine, network, spec},
};

struct World {
    containers: Vec<ContainerInfo>,
    details: Vec<ContainerDetail>,
    routes: Routes,
}

impl World {
    fn new(servers: u16, agents: u16) -> Self {
        let mut details = demo_details(servers, agents);
        let mut containers = demo(servers, agents);
        for container in &mut containers {
            container.id.clone_from(&container.name);
        }
        for detail in &mut details {
            detail.info.id.clone_from(&detail.info.name);
        }
        Self {
            containers,
            details,
            routes: Routes::new(&spec("demo", servers, agents), servers),
        }
    }

    fn scale(&self, servers: u16, agents: u16) -> Result<Plan, Problem> {
        let cluster = distro::clusters(&self.containers, &[]).remove(0);
        plan(&Scale {
            cluster: &cluster,
            details: &self.details,
            networks: &[network("k3d-demo", "172.18.0.0/16")],
            containers: &[],
            engine: &engine(),
            routes: cluster.load_balancer.is_some().then_some(&self.routes),
            registries: None,
            dns_fix: true,
            kept: &[FileEntry {
                path: "/etc/rancher/node/password".to_owned(),
                mode: 0o600,
                contents: b"hunter2".to_vec(),
            }],
            servers,
            agents,
            leaving: &[],
            joining: None,
            wait: WaitFor::Usable,
        })
    }

    /// The plan for nodes that are named: new ones, or those that go.
    fn nodes(&self, joining: Option<&NewNodes>, leaving: &[&str]) -> Result<Plan, Problem> {
        let cluster = distro::clusters(&self.containers, &[]).remove(0);
        let leaving: Vec<String> = leaving.iter().map(|name| (*name).to_owned()).collect();
        let count = |role: Role| {
            let there = cluster.with_role(role);
            let there = there.filter(|node| !leaving.contains(&node.name)).count();
            let new = joining
                .filter(|new| new.role == role)
                .map_or(0, |new| new.count);
            u16::try_from(there).unwrap() + new
        };
        plan(&Scale {
            cluster: &cluster,
            details: &self.details,
            networks: &[network("k3d-demo", "172.18.0.0/16")],
            containers: &[],
            engine: &engine(),
            routes: Some(&self.routes),
            dns_fix: true,
            registries: None,
            kept: &[],
            servers: count(Role::Server),
            agents: count(Role::Agent),
            leaving: &leaving,
            joining,
            wait: WaitFor::Usable,
        })
    }

    fn stop(&mut self, name: &str) {
        let found = self.containers.iter_mut().find(|c| c.name == name).unwrap();
        found.state = ContainerState::Exited;
    }
}

#[test]
fn more_agents() {
    insta::assert_snapshot!(World::new(1, 1).scale(1, 3).unwrap().to_text());
}

#[test]
fn fewer_agents() {
    let plan = World::new(1, 3).scale(1, 1).unwrap();
    insta::assert_snapshot!(plan.to_text());
    assert!(!plan.undoable);
}

#[test]
fn more_servers_are_served_by_the_load_balancer() {
    insta::assert_snapshot!(World::new(2, 0).scale(3, 1).unwrap().to_text());
}

#[test]
fn fewer_servers_leave_one_after_the_other() {
    insta::assert_snapshot!(World::new(3, 0).scale(1, 0).unwrap().to_text());
}

#[test]
fn as_many_as_there_are_is_nothing_to_do() {
    let plan = World::new(1, 1).scale(1, 1).unwrap();
    assert!(plan.steps.is_empty());
}

#[test]
fn a_free_number_and_a_free_address_are_used_again() {
    let mut world = World::new(1, 3);
    world
        .containers
        .retain(|container| container.name != "k3d-demo-agent-1");
    let text = world.scale(1, 3).unwrap().to_text();
    assert!(text.contains("create container k3d-demo-agent-1"), "{text}");
    assert!(text.contains("172.18.0.5)"), "{text}");
}

#[test]
fn addresses_are_left_to_the_engine_where_it_chose_the_others() {
    let mut world = World::new(1, 1);
    for place in world.containers.iter_mut().flat_map(|c| &mut c.attachments) {
        place.fixed = None;
    }
    let plan = world.scale(1, 2).unwrap();
    let created = plan.steps.iter().find_map(|planned| match &planned.step {
        crate::plan::Step::CreateContainer(container) => Some(container),
        _ => None,
    });
    assert_eq!(created.unwrap().address, None);
}

#[test]
fn a_node_that_does_not_run_is_not_drained() {
    let mut world = World::new(1, 2);
    world.stop("k3d-demo-agent-1");
    let text = world.scale(1, 1).unwrap().to_text();
    assert!(
        !text.contains("drain") && !text.contains("cordon"),
        "{text}"
    );
    assert!(text.contains("remove container k3d-demo-agent-1"));
}

#[test]
fn what_would_end_the_cluster_is_refused() {
    assert!(World::new(1, 1).scale(0, 1).is_err());
    let mut down = World::new(3, 0);
    down.stop("k3d-demo-server-1");
    assert!(down.scale(3, 1).is_ok());
    assert!(down.scale(2, 0).unwrap_err().why.contains("majority"));
    down.stop("k3d-demo-server-2");
    assert!(down.scale(3, 1).unwrap_err().why.contains("API"));
    // The stopped ones are those that go, and the one that stays is a majority of itself, but nobody can agree to it.
    assert!(down.scale(1, 0).is_err());
}

#[test]
fn a_lone_server_moves_into_etcd_before_others_join_it() {
    let plan = World::new(1, 1).scale(3, 1).unwrap();
    insta::assert_snapshot!(plan.to_text());
    assert!(plan.undoable && plan.risk().is_empty());
    let made = plan.steps.iter().find_map(|planned| match &planned.step {
        crate::plan::Step::CreateContainer(made) => Some(made),
        _ => None,
    });
    let made = made.unwrap();
    assert_eq!(made.name, "k3d-demo-server-0");
    assert_eq!(
        made.volumes_from.as_deref(),
        Some("k3d-demo-server-0-prior")
    );
    assert!(made.command.contains(&"--cluster-init".to_owned()));
    assert_eq!(made.labels["k3d.server.init"], "true");
}

#[test]
fn a_lone_server_with_a_datastore_of_its_own_stays_as_it_is() {
    let mut world = World::new(1, 0);
    for detail in &mut world.details {
        let endpoint = "--datastore-endpoint=postgres://db/k3s".to_owned();
        if detail.info.name.contains("-server-") {
            detail.command.push(endpoint);
        }
    }
    let plan = world.scale(2, 0).unwrap();
    let text = plan.to_text();
    assert!(!text.contains("rename"), "{text}");
    assert!(plan.warnings.is_empty(), "{text}");
}

#[test]
fn two_servers_are_warned_of() {
    assert_eq!(World::new(3, 0).scale(2, 0).unwrap().warnings.len(), 1);
}

#[test]
fn named_nodes_join_with_what_was_asked_for_them() {
    let new = NewNodes {
        name: "extra".to_owned(),
        role: Role::Agent,
        count: 2,
        image: Some("rancher/k3s:v1.34.2-k3s2".to_owned()),
        resources: Resources {
            memory: Some(1 << 30),
            nano_cpus: Some(500_000_000),
            ..Resources::default()
        },
        node_labels: vec!["tier=front".to_owned()],
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        networks: vec!["other".to_owned()],
        k3s_args: vec!["--kubelet-arg=v=4".to_owned()],
        token: Some(Secret::new("swordfish")),
    };
    let plan = World::new(1, 1).nodes(Some(&new), &[]).unwrap();
    insta::assert_snapshot!(plan.to_text());
    let made = plan.steps.iter().find_map(|planned| match &planned.step {
        crate::plan::Step::CreateContainer(made) => Some(made),
        _ => None,
    });
    let made = made.unwrap();
    assert_eq!(
        made.command,
        [
            "agent",
            "--kubelet-arg=v=4",
            "--node-label",
            "tier=front",
            // Its address in the cluster's network, and not in the other one.
            "--node-ip=172.18.0.5"
        ]
    );
    assert!(made.env.contains(&"K3S_TOKEN=swordfish".to_owned()));
    assert_eq!(made.labels["team"], "blue");
    assert_eq!(made.labels["k3d.cluster.token"], "swordfish");
    assert_eq!(made.more_networks, ["other"]);
    assert_eq!(made.resources.nano_cpus, Some(500_000_000));
    assert!(!plan.to_json().to_string().contains("swordfish"));
}

#[test]
fn a_node_that_is_named_goes_and_the_others_stay() {
    let plan = World::new(1, 3)
        .nodes(None, &["k3d-demo-agent-0", "k3d-demo-agent-1"])
        .unwrap();
    insta::assert_snapshot!(plan.to_text());
    let last = World::new(1, 1).nodes(None, &["k3d-demo-server-0"]);
    assert!(last.unwrap_err().why.contains("without a server"));
}
