//! What is planned for ports that come and go, and what is refused.

use super::*;
use crate::{
    distro,
    domain::container::{ContainerInfo, ContainerState},
    plan::fixtures::{demo, demo_details, spec},
};

struct World {
    containers: Vec<ContainerInfo>,
    details: Vec<ContainerDetail>,
    routes: Option<Routes>,
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
            routes: Some(Routes::new(&spec("demo", servers, agents), servers)),
        }
    }

    fn edit(&self, add: &[Mapping], delete: &[Mapping]) -> Result<Plan, Problem> {
        let cluster = distro::clusters(&self.containers, &[]).remove(0);
        plan(&Edit {
            cluster: &cluster,
            details: &self.details,
            routes: self.routes.as_ref(),
            add,
            delete,
            wait: WaitFor::Usable,
        })
    }

    /// The world after a plan was carried out, as far as ports go.
    fn with(mut self, ports: &str, routes: &str) -> Self {
        let balancer = self
            .details
            .iter_mut()
            .find(|detail| detail.info.name == "k3d-demo-serverlb")
            .unwrap();
        balancer
            .configured_ports
            .extend(PublishedPort::parse(ports).unwrap());
        self.routes = Some(Routes::parse(routes).unwrap());
        self
    }

    fn stop(&mut self, name: &str) {
        let found = self.containers.iter_mut().find(|c| c.name == name).unwrap();
        found.state = ContainerState::Exited;
    }
}

fn to(text: &str, nodes: &[&str]) -> Mapping {
    Mapping {
        port: PublishedPort::parse(text).unwrap().remove(0),
        nodes: nodes
            .iter()
            .map(|node| format!("k3d-demo-{node}"))
            .collect(),
    }
}

fn written(plan: &Plan) -> Routes {
    let file = plan.steps.iter().find_map(|planned| match &planned.step {
        Step::PutFiles { files, .. } => files.first(),
        _ => None,
    });
    Routes::parse(&String::from_utf8_lossy(&file.unwrap().contents)).unwrap()
}

const BOTH: [&str; 2] = ["server-0", "agent-0"];

#[test]
fn a_new_port_takes_an_exchange_in_which_the_old_one_ends_last() {
    let plan = World::new(1, 1).edit(&[to("8080:80", &BOTH)], &[]).unwrap();
    insta::assert_snapshot!(plan.to_text());
    assert_eq!(plan.risk(), Vec::<String>::new());
    let routes = written(&plan);
    assert_eq!(
        routes.targets(80, Protocol::Tcp),
        ["k3d-demo-server-0", "k3d-demo-agent-0"]
    );
    assert_eq!(routes.targets(6443, Protocol::Tcp), ["k3d-demo-server-0"]);
    let made = plan.steps.iter().find_map(|planned| match &planned.step {
        Step::CreateContainer(made) => Some(made),
        _ => None,
    });
    let made = made.unwrap();
    let mut ports: Vec<String> = made.ports.iter().map(ToString::to_string).collect();
    ports.sort();
    assert_eq!(ports, ["127.0.0.1:6550:6443/tcp", "127.0.0.1:8080:80/tcp"]);
    assert_eq!(made.address, Some([172, 18, 0, 2].into()));
    assert_eq!(made.labels["k3d.role"], "loadbalancer");
    // Nodes that joined after the cluster was made are found like the others.
    assert_eq!(
        made.extra_hosts,
        [
            "k3d-demo-server-0:172.18.0.3",
            "k3d-demo-agent-0:172.18.0.4"
        ]
    );
}

#[test]
fn what_is_that_way_already_is_nothing_to_do_and_other_targets_take_no_exchange() {
    let world = World::new(1, 1).with(
        "8080:80",
        "ports: {6443.tcp: [k3d-demo-server-0], 80.tcp: [k3d-demo-server-0]}\nsettings: {a: 7}",
    );
    let same = world.edit(&[to("8080:80", &["server-0"])], &[]).unwrap();
    assert!(same.steps.is_empty(), "{}", same.to_text());
    let more = world.edit(&[to("8080:80", &BOTH)], &[]).unwrap();
    assert_eq!(more.steps.len(), 1, "{}", more.to_text());
    assert_eq!(written(&more).targets(80, Protocol::Tcp).len(), 2);
    let less = World::new(1, 1).with(
        "8080:80",
        "ports: {80.tcp: [k3d-demo-server-0, k3d-demo-agent-0]}",
    );
    let less = less.edit(&[], &[to("8080:80", &["agent-0"])]).unwrap();
    assert_eq!(less.steps.len(), 1, "{}", less.to_text());
    assert_eq!(
        written(&less).targets(80, Protocol::Tcp),
        ["k3d-demo-server-0"]
    );
}

#[test]
fn a_port_goes_with_its_route_and_another_takes_its_place_in_one_call() {
    let world = World::new(1, 1).with(
        "8080:80",
        "ports: {6443.tcp: [k3d-demo-server-0], 80.tcp: [k3d-demo-server-0, k3d-demo-agent-0]}\nsettings: {a: 7}",
    );
    let plan = world.edit(&[], &[to("0.0.0.0:8080:80", &BOTH)]).unwrap();
    let file = String::from_utf8(written(&plan).file().unwrap().contents).unwrap();
    assert!(!file.contains("80.tcp") && file.contains("a: 7"), "{file}");
    let plan = world
        .edit(&[to("8080:81", &BOTH)], &[to("8080:80", &BOTH)])
        .unwrap();
    let routes = written(&plan);
    assert!(routes.targets(80, Protocol::Tcp).is_empty());
    assert_eq!(routes.targets(81, Protocol::Tcp).len(), 2);
}

#[test]
fn a_route_that_another_port_of_the_host_uses_stays() {
    let world = World::new(1, 1)
        .with("8080:80", "ports: {80.tcp: [k3d-demo-server-0]}")
        .with("8081:80", "ports: {80.tcp: [k3d-demo-server-0]}");
    let plan = world.edit(&[], &[to("8080:80", &BOTH)]).unwrap();
    assert_eq!(written(&plan).targets(80, Protocol::Tcp).len(), 1);
}

#[test]
fn what_cannot_be_is_refused_with_what_there_is() {
    let world = World::new(1, 0).with("8080:80", "ports: {80.tcp: [k3d-demo-server-0]}");
    let refused = |add: &[Mapping], delete: &[Mapping]| world.edit(add, delete).unwrap_err();
    let api = refused(&[], &[to("6443", &["server-0"])]);
    assert!(api.why.contains("its API"), "{api}");
    let none = refused(&[], &[to("9090:90", &["server-0"])]);
    assert!(none.hint.contains("8080:80"), "{none:?}");
    let taken = refused(&[to("0.0.0.0:8080:81", &["server-0"])], &[]);
    assert!(taken.why.contains("publishes"), "{taken}");
    let sctp = refused(&[to("9:9/sctp", &["server-0"])], &[]);
    assert!(sctp.why.contains("SCTP"), "{sctp}");
    assert!(world.edit(&[to("9:9", &[])], &[]).is_err());
    let mut alone = World::new(1, 0);
    alone
        .containers
        .retain(|container| !container.name.ends_with("serverlb"));
    let none = alone.edit(&[to("8080:80", &BOTH)], &[]).unwrap_err();
    assert!(none.why.contains("no load balancer"), "{none}");
}

#[test]
fn the_proxy_gets_no_name_that_does_not_resolve() {
    let gone = World::new(1, 1).with(
        "8080:80",
        "ports: {6443.tcp: [k3d-demo-server-0, k3d-demo-server-7], 80.tcp: [k3d-demo-agent-0]}",
    );
    let plan = gone.edit(&[to("9090:90", &BOTH)], &[]).unwrap();
    assert_eq!(
        written(&plan).targets(6443, Protocol::Tcp),
        ["k3d-demo-server-0"]
    );
    assert_eq!(plan.warnings.len(), 1);
    // The engine alone knows the addresses of a cluster that k3d made, and only of what runs.
    let mut foreign = World::new(1, 1);
    for place in foreign
        .containers
        .iter_mut()
        .flat_map(|c| &mut c.attachments)
    {
        place.fixed = None;
    }
    for detail in &mut foreign.details {
        detail.extra_hosts.clear();
    }
    foreign.stop("k3d-demo-agent-0");
    let plan = foreign.edit(&[to("9090:90", &BOTH)], &[]).unwrap();
    assert_eq!(
        written(&plan).targets(90, Protocol::Tcp),
        ["k3d-demo-server-0"]
    );
    // It is a target of the port still, so that this is published for it.
    let text = "ports: {6443.tcp: [k3d-demo-server-0], 80.tcp: [k3d-demo-server-0]}\nstopped: {80.tcp: [k3d-demo-agent-0]}";
    let foreign = foreign.with("8080:80", text);
    let plan = foreign.edit(&[], &[to("8080:80", &["server-0"])]).unwrap();
    assert_eq!(plan.steps.len(), 1, "{}", plan.to_text());
    let mut routes = written(&plan);
    assert_eq!(routes.targets(80, Protocol::Tcp), Vec::<String>::new());
    routes.settle(|_| true);
    assert_eq!(routes.targets(80, Protocol::Tcp), ["k3d-demo-agent-0"]);
}

#[test]
fn a_lost_configuration_is_made_anew_from_what_is_published() {
    let mut world = World::new(2, 1).with("8080:80", "ports: {}");
    world.routes = None;
    let plan = world.edit(&[to("9090:90", &BOTH)], &[]).unwrap();
    let routes = written(&plan);
    assert_eq!(routes.targets(6443, Protocol::Tcp).len(), 2);
    assert_eq!(routes.targets(80, Protocol::Tcp).len(), 3);
}

#[test]
fn a_stopped_cluster_is_not_started_by_it() {
    let mut world = World::new(1, 0);
    for name in ["k3d-demo-server-0", "k3d-demo-serverlb"] {
        world.stop(name);
    }
    let plan = world.edit(&[to("8080:80", &["server-0"])], &[]).unwrap();
    let text = plan.to_text();
    assert!(!text.contains("start") && !text.contains("stop"), "{text}");
    assert_eq!(plan.risk(), Vec::<String>::new());
}

#[test]
fn an_exchange_that_was_cut_short_is_brought_to_its_end() {
    let mut world = World::new(1, 0);
    let place = |name: &str, world: &World| {
        let found = world.containers.iter().position(|c| c.name == name);
        found.unwrap()
    };
    // The old one serves under its other name, the new one was never started.
    let at = place("k3d-demo-serverlb", &world);
    let mut old = world.containers[at].clone();
    old.name = "k3d-demo-serverlb-prior".to_owned();
    old.id.clone_from(&old.name);
    world.containers[at].state = ContainerState::Created;
    world.containers.push(old.clone());
    let mut detail = world.details[0].clone();
    detail.info = old;
    world.details.push(detail);
    let text = world
        .edit(&[to("8080:80", &["server-0"])], &[])
        .unwrap()
        .to_text();
    assert!(
        text.contains("- remove container k3d-demo-serverlb\n"),
        "{text}"
    );
    assert!(!text.contains("rename"), "{text}");
    assert!(text.contains("stop k3d-demo-serverlb-prior and start k3d-demo-serverlb"));
}
