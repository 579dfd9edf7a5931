//! Worlds as TOML files: which clusters and contexts there are, and what runs in them.

use std::{net::IpAddr, time::Duration};

use serde::Deserialize;
use tokio::time::Instant;

use super::{Held, World, cluster::Cluster, id_of, pods::Workload};
use crate::{
    config::{ClusterDefaults, nearest},
    distro::k3s::{labels, load_balancer::Routes, names, nodes},
    domain::{
        ApiEndpoint, ClusterName, ClusterSpec, Problem, Secret, Subnet,
        container::{ContainerState, NetworkSpec},
        kube::ContextInfo,
    },
};

const WORLDS: &[(&str, &str)] = &[
    (
        "default",
        include_str!("../../../assets/worlds/default.toml"),
    ),
    ("empty", include_str!("../../../assets/worlds/empty.toml")),
    ("big", include_str!("../../../assets/worlds/big.toml")),
];

/// How long running containers have been running when the world begins: all of them are up.
const UP: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(default)]
    cluster: Vec<ClusterEntry>,
    #[serde(default)]
    context: Vec<ContextEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterEntry {
    name: String,
    servers: u16,
    #[serde(default)]
    agents: u16,
    state: EntryState,
    age_hours: u64,
    port: u16,
    #[serde(default)]
    workload: Vec<Workload>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum EntryState {
    Running,
    Stopped,
    /// Its first server ends over and over.
    Broken,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextEntry {
    name: String,
    server: String,
    /// How many nodes it has; one without any refuses.
    #[serde(default)]
    nodes: u32,
    #[serde(default)]
    workload: Vec<Workload>,
}

/// Fills a world.
pub(super) fn build(world: &World, name: &str) -> Result<(), Problem> {
    let name = if name.is_empty() { "default" } else { name };
    let Some((_, text)) = WORLDS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = WORLDS.iter().map(|(name, _)| *name).collect();
        let meant = nearest(name, known.iter().copied())
            .map_or_else(String::new, |meant| format!("did you mean {meant:?}? "));
        return Err(Problem::usage(
            format!("there is no simulated world {name:?}"),
            "worlds come with the program",
        )
        .with_hint(format!("{meant}there are {}", known.join(", "))));
    };
    let scenario: Scenario = toml::from_str(text).map_err(|error| {
        Problem::failed(
            format!("the simulated world {name:?} cannot be read"),
            error.to_string(),
        )
    })?;
    let defaults = ClusterDefaults::default();
    let mut state = world.lock();
    state.images.extend([
        defaults.image.clone(),
        defaults.proxy_image.clone(),
        "busybox:latest".to_owned(),
    ]);
    for (number, entry) in scenario.cluster.into_iter().enumerate() {
        cluster(world, &mut state, &defaults, number, entry)?;
    }
    for entry in scenario.context {
        let context = ContextInfo {
            name: entry.name.clone(),
            server: entry.server,
            namespace: String::new(),
            current: false,
        };
        state.contexts.push((context, entry.nodes > 0));
        if entry.nodes > 0 {
            state
                .clusters
                .insert(entry.name, Cluster::new(entry.workload, Some(entry.nodes)));
        }
    }
    Ok(())
}

fn cluster(
    world: &World,
    state: &mut super::State,
    defaults: &ClusterDefaults,
    number: usize,
    entry: ClusterEntry,
) -> Result<(), Problem> {
    let name = ClusterName::parse(&entry.name)?;
    let address = IpAddr::from([127, 0, 0, 1]);
    let spec = ClusterSpec {
        servers: entry.servers,
        agents: entry.agents,
        api: ApiEndpoint {
            host_ip: address,
            host: address.to_string(),
            port: Some(entry.port),
        },
        ..ClusterSpec::new(name.clone(), &defaults.image, &defaults.proxy_image)
    };
    let second = u8::try_from(40 + number).unwrap_or(u8::MAX);
    let subnet = Subnet::new([172, second, 0, 0].into(), 16);
    let token = Secret::new("simulated");
    let layout = nodes::Layout::new(names::network(&name), Some(subnet), token, entry.port);
    let now = Instant::now();
    let created = world
        .0
        .clock
        .before(Duration::from_secs(entry.age_hours * 3_600));
    let routes = Routes::new(&spec, spec.servers).file()?;
    for container in nodes::containers(&spec, &layout)? {
        let broken = entry.state == EntryState::Broken && container.name == names::server(&name, 0);
        let balances = container.name == names::load_balancer(&name);
        let files = balances.then(|| (routes.path.clone(), routes.contents.clone()));
        state.containers.insert(
            container.name.clone(),
            Held {
                id: id_of(&container.name),
                spec: container,
                leased: None,
                created,
                started: Some(now.checked_sub(UP).unwrap_or(now)),
                stopped: (entry.state == EntryState::Stopped).then_some(now),
                before: Vec::new(),
                files: files.into_iter().collect(),
                images: super::images::at_first(),
                stuck: broken.then_some(ContainerState::Restarting),
            },
        );
    }
    let network = NetworkSpec {
        name: layout.network.clone(),
        subnet,
        ipv6: None,
        labels: labels::network(),
    };
    state.networks.insert(layout.network.clone(), network);
    state
        .volumes
        .insert(names::image_volume(&name), labels::volume(&name));
    let mut workloads = Workload::system(entry.age_hours * 60);
    workloads.extend(entry.workload);
    state
        .clusters
        .insert(entry.name, Cluster::new(workloads, None));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_world_can_be_read() {
        for (name, _) in WORLDS {
            World::named(name).unwrap();
        }
        let problem = World::named("defualt").err().unwrap();
        assert!(problem.hint.contains("\"default\""), "{}", problem.hint);
    }
}
