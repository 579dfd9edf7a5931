//! Which things are leftovers, and in which order they go.

use super::*;
use crate::{
    distro::{self, k3s::labels as words},
    domain::container::{Attachment, ContainerState, Labels, VolumeUse},
    plan::fixtures::{container, demo, mark, network, spec},
};

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

struct World {
    containers: Vec<ContainerInfo>,
    networks: Vec<NetworkInfo>,
    volumes: Vec<VolumeSpec>,
    sizes: DiskUsage,
    abandoned: Vec<ClusterName>,
    local: Vec<Local>,
    interrupted: bool,
    now: Timestamp,
}

/// A living cluster `demo` with its network and volume, made at the beginning of time and an hour old.
fn world() -> World {
    World {
        containers: demo(1, 1),
        networks: vec![
            network("k3d-demo", "172.18.0.0/16"),
            foreign_network("bridge"),
        ],
        volumes: vec![volume("k3d-demo-images", "demo")],
        sizes: DiskUsage::default(),
        abandoned: Vec::new(),
        local: Vec::new(),
        interrupted: false,
        now: later(3_600),
    }
}

fn foreign_network(name: &str) -> NetworkInfo {
    NetworkInfo {
        labels: Labels::new(),
        ..network(name, "172.30.0.0/16")
    }
}

fn volume(name: &str, cluster: &str) -> VolumeSpec {
    VolumeSpec {
        name: name.to_owned(),
        labels: words::volume(&ClusterName::existing(cluster)),
    }
}

fn of_role(name: &str, cluster: &str, role: &str, state: ContainerState) -> ContainerInfo {
    let mut one = container(name);
    one.labels = words::volume(&ClusterName::existing(cluster));
    one.labels.insert(words::ROLE.to_owned(), role.to_owned());
    one.state = state;
    one
}

impl World {
    fn found(&self) -> Found {
        let clusters = distro::clusters(&self.containers, &self.volumes);
        find(&Prune {
            clusters: &clusters,
            containers: &self.containers,
            networks: &self.networks,
            volumes: &self.volumes,
            sizes: &self.sizes,
            abandoned: &self.abandoned,
            local: &self.local,
            interrupted: self.interrupted,
            now: self.now,
        })
    }

    fn names(&self) -> Vec<String> {
        let leftovers = self.found().leftovers;
        leftovers
            .into_iter()
            .map(|leftover| leftover.name)
            .collect()
    }
}

#[test]
fn nothing_of_a_living_or_stopped_cluster_is_left_over() {
    let mut world = world();
    world.local = vec![
        Local::Context {
            cluster: ClusterName::existing("demo"),
        },
        Local::Kubeconfig {
            path: "/home/me/kubeconfig-demo.yaml".to_owned(),
            cluster: ClusterName::existing("demo"),
            bytes: 1,
        },
        Local::NodeFiles {
            path: "/home/me/.k3d-demo-server-0".to_owned(),
            node: "k3d-demo-server-0".to_owned(),
            bytes: 1,
        },
    ];
    assert_eq!(world.found(), Found::default());
    for container in &mut world.containers {
        container.state = ContainerState::Exited;
    }
    assert_eq!(world.found(), Found::default());
}

#[test]
fn what_crashes_and_tools_left_is_found_with_its_size_and_removed_in_order() {
    let mut world = world();
    world.containers.extend([
        of_role("k3d-demo-tools", "demo", "noRole", ContainerState::Exited),
        of_role(
            "k3d-demo-serverlb-qWeRt",
            "demo",
            "loadbalancer",
            ContainerState::Exited,
        ),
    ]);
    world.networks.extend([
        network("k3d-gone", "172.19.0.0/16"),
        foreign_network("k3d-fakenet-abcdefghij"),
        foreign_network("other"),
    ]);
    world.volumes.extend([
        volume("k3d-gone-images", "gone"),
        VolumeSpec {
            name: "kept".to_owned(),
            labels: Labels::new(),
        },
    ]);
    world.sizes.volumes.insert(
        "k3d-gone-images".to_owned(),
        VolumeUse {
            bytes: Some(7),
            created: Some(Timestamp::UNIX_EPOCH),
        },
    );
    world
        .sizes
        .containers
        .insert("k3d-demo-tools".to_owned(), 5);
    let gone = ClusterName::existing("gone");
    world.local = vec![
        Local::Context {
            cluster: gone.clone(),
        },
        Local::Kubeconfig {
            path: "/home/me/kubeconfig-gone.yaml".to_owned(),
            cluster: gone,
            bytes: 11,
        },
        Local::NodeFiles {
            path: "/home/me/.k3d-gone-server-0".to_owned(),
            node: "k3d-gone-server-0".to_owned(),
            bytes: 13,
        },
    ];
    let found = world.found();
    assert_eq!(found.warnings, Vec::<String>::new());
    assert_eq!(found.bytes(), 36);
    insta::assert_snapshot!(plan(&found).to_text());
}

#[test]
fn what_may_be_in_use_right_now_is_left_alone() {
    let mut world = world();
    // An import that goes on, and a load balancer that is being replaced.
    let mut tools = of_role("k3d-demo-tools", "demo", "noRole", ContainerState::Running);
    tools.created = later(3_500);
    world.containers.push(tools);
    world.containers.push(of_role(
        "k3d-demo-serverlb-prior",
        "demo",
        "loadbalancer",
        ContainerState::Exited,
    ));
    for container in &mut world.containers {
        if container.name == "k3d-demo-serverlb" {
            container.created = later(3_590);
        }
    }
    assert_eq!(world.names(), Vec::<String>::new());
    // Some time later both were forgotten.
    world.now = later(7_200);
    assert_eq!(world.names(), ["k3d-demo-serverlb-prior", "k3d-demo-tools"]);
    // The only load balancer is none to remove, whatever its name is.
    world
        .containers
        .retain(|container| container.name != "k3d-demo-serverlb");
    assert_eq!(world.names(), ["k3d-demo-tools"]);
}

#[test]
fn a_node_whose_name_ends_in_five_letters_is_a_node() {
    let mut world = world();
    world.containers.push(of_role(
        "k3d-demo-agent",
        "demo",
        "agent",
        ContainerState::Exited,
    ));
    world.containers.push(of_role(
        "k3d-extra-agent",
        "demo",
        "agent",
        ContainerState::Exited,
    ));
    assert_eq!(world.names(), Vec::<String>::new());
}

#[test]
fn a_volume_or_network_that_anything_uses_is_kept() {
    let mut world = world();
    world.volumes.push(volume("k3d-gone-data", "gone"));
    world.networks.push(network("k3d-gone", "172.19.0.0/16"));
    assert_eq!(world.names(), ["k3d-gone", "k3d-gone-data"]);
    let mut user = container("database");
    user.state = ContainerState::Exited;
    user.volumes = vec!["k3d-gone-data".to_owned()];
    user.attachments = vec![Attachment {
        network: "k3d-gone".to_owned(),
        address: None,
        fixed: None,
        fixed6: None,
    }];
    world.containers.push(user);
    assert_eq!(world.names(), Vec::<String>::new());
}

#[test]
fn what_only_a_leftover_uses_goes_after_it() {
    let mut world = world();
    world.volumes.push(volume("k3d-gone-images", "gone"));
    world.networks.push(network("k3d-gone", "172.19.0.0/16"));
    let mut tools = of_role("k3d-gone-tools", "gone", "noRole", ContainerState::Exited);
    tools.volumes = vec!["k3d-gone-images".to_owned()];
    tools.attachments = vec![Attachment {
        network: "k3d-gone".to_owned(),
        address: None,
        fixed: None,
        fixed6: None,
    }];
    world.containers.push(tools);
    let steps = plan(&world.found()).steps;
    assert_eq!(steps.len(), 3);
    assert!(steps[1].after == [0] && steps[2].after == [0], "{steps:?}");
    let one = world.found().only(&["k3d-gone".to_owned()]);
    assert_eq!(plan(&one).steps.len(), 1);
}

#[test]
fn a_registry_that_outlived_its_cluster_keeps_what_is_its_own() {
    let mut world = world();
    world
        .containers
        .push(of_role("reg", "gone", "registry", ContainerState::Running));
    world.volumes.push(volume("k3d-gone-registry", "gone"));
    assert_eq!(world.names(), Vec::<String>::new());
}

#[test]
fn an_abandoned_create_goes_unless_its_server_runs_and_its_mark_goes_last() {
    let mut world = world();
    world.volumes.push(mark());
    assert_eq!(
        world.names(),
        Vec::<String>::new(),
        "its process may be at work"
    );
    world.abandoned = vec![spec("demo", 1, 1).name];
    let found = world.found();
    assert_eq!(found.leftovers, []);
    assert!(
        found.warnings[0].contains("cluster finish demo"),
        "{found:?}"
    );
    world.interrupted = true;
    assert!(world.names().contains(&"k3d-demo-server-0".to_owned()));
    world.interrupted = false;
    for container in &mut world.containers {
        container.state = ContainerState::Created;
    }
    insta::assert_snapshot!(plan(&world.found()).to_text());
}

#[test]
fn what_is_young_is_told() {
    let mut world = world();
    world.networks.push(NetworkInfo {
        created: Some(later(3_590)),
        ..network("k3d-new", "172.19.0.0/16")
    });
    let found = world.found();
    assert_eq!(found.leftovers.len(), 1);
    assert!(found.warnings[0].contains("10 s ago"), "{found:?}");
}

#[test]
fn strange_labels_break_nothing() {
    let mut world = world();
    let mut odd = volume("odd", "\u{1b}[2Jgone");
    odd.labels
        .insert(words::ROLE.to_owned(), "\u{7}".to_owned());
    world.volumes.push(odd);
    world.volumes.push(volume("empty", ""));
    let found = world.found();
    assert_eq!(found.leftovers.len(), 1);
    assert!(!found.leftovers[0].why.contains('\u{1b}'), "{found:?}");
}
