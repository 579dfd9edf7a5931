//! A cluster and all that belongs to it, gone; also what an interrupted operation left.
//!
//! It goes on as far as it can when a step fails, and what is gone already counts as removed.

use super::{Plan, Step, StepId};
use crate::{
    distro::k3s::labels,
    domain::{
        Cluster, Distribution, Role,
        container::{ContainerInfo, NetworkInfo, VolumeSpec},
    },
};

/// What a delete is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Delete<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The engine's containers with k3d's label, of this and of other clusters: registries may be attached to several.
    pub containers: &'a [ContainerInfo],
    /// The engine's networks.
    pub networks: &'a [NetworkInfo],
    /// The engine's volumes with k3d's label.
    pub volumes: &'a [VolumeSpec],
}

/// Networks that the engine has anyway; being attached to them does not make a container somebody else's.
const ENGINES_OWN: &[&str] = &["bridge", "host", "podman"];

/// The plan of a delete.
#[must_use]
pub fn plan(input: &Delete<'_>) -> Plan {
    let cluster = input.cluster;
    let mut plan = Plan::new(
        format!("delete cluster \"{}\"", cluster.name),
        cluster.name.clone(),
    );
    plan.undoable = false;
    plan.add(
        Step::RemoveKubeconfig {
            context: cluster.context(),
        },
        [],
    );
    let mut gone: Vec<StepId> = Vec::new();
    for node in &cluster.nodes {
        let container = node.name.clone();
        gone.push(
            if node.role == Role::Registry && is_shared(input, &node.id) {
                let network = cluster.network.clone();
                plan.add(Step::Disconnect { network, container }, [])
            } else {
                plan.add(Step::RemoveContainer { container }, [])
            },
        );
    }
    if cluster.distribution == Distribution::Kind {
        return plan;
    }
    if let (Some(network), Some(other)) = (own_network(input), neighbour(input)) {
        plan.warnings.push(format!(
            "network {network} stays: {} of cluster \"{}\" is in it",
            other.name,
            other.labels[labels::CLUSTER]
        ));
    } else if let Some(network) = own_network(input) {
        let guests: Vec<StepId> = guests(input)
            .map(|guest| {
                let step = Step::Disconnect {
                    network: network.clone(),
                    container: guest.name.clone(),
                };
                plan.add(step, [])
            })
            .collect();
        let before: Vec<StepId> = gone.iter().copied().chain(guests).collect();
        plan.add(Step::RemoveNetwork { network }, before);
    }
    for volume in own_volumes(input) {
        plan.add(Step::RemoveVolume { volume }, gone.iter().copied());
    }
    if let Some(mark) = &cluster.unfinished {
        let everything: Vec<StepId> = (0..plan.steps.len()).collect();
        let volume = mark.volume.clone();
        plan.add(Step::RemoveVolume { volume }, everything);
    }
    plan
}

/// Whether a container of the cluster serves other networks too.
fn is_shared(input: &Delete<'_>, id: &str) -> bool {
    input
        .containers
        .iter()
        .filter(|container| container.id == id)
        .flat_map(|container| &container.attachments)
        .any(|place| {
            place.network != input.cluster.network && !ENGINES_OWN.contains(&place.network.as_str())
        })
}

/// The network, if it is there and the cluster's own.
fn own_network(input: &Delete<'_>) -> Option<String> {
    let cluster = input.cluster;
    let network = input
        .networks
        .iter()
        .find(|network| network.name == cluster.network)?;
    // The name comes from a label, which anybody can write; k3d labels the networks that it makes.
    let made_for_clusters =
        network.labels.get(labels::APP).map(String::as_str) == Some(labels::APP_K3D);
    (!cluster.network_external && made_for_clusters).then(|| network.name.clone())
}

/// A container of another cluster that was made in this one's network. Registries are guests there.
fn neighbour<'a>(input: &'a Delete<'_>) -> Option<&'a ContainerInfo> {
    let name = input.cluster.name.as_str();
    input.containers.iter().find(|container| {
        let said = container.labels.get(labels::NETWORK);
        let other = container.labels.get(labels::CLUSTER);
        said == Some(&input.cluster.network) && other.is_some_and(|other| other != name)
    })
}

/// Registries of nobody or of another cluster that were connected to this one's network.
fn guests<'a>(input: &'a Delete<'_>) -> impl Iterator<Item = &'a ContainerInfo> {
    input.containers.iter().filter(|container| {
        let registry = labels::role_word(Role::Registry);
        container.labels.get(labels::ROLE).map(String::as_str) == Some(registry)
            && container
                .attachments
                .iter()
                .any(|place| place.network == input.cluster.network)
            && !input
                .cluster
                .nodes
                .iter()
                .any(|node| node.id == container.id)
    })
}

/// Volumes that die with the cluster, without the mark.
fn own_volumes(input: &Delete<'_>) -> Vec<String> {
    let cluster = input.cluster;
    let label = |volume: &VolumeSpec, key: &str, value: &str| {
        volume.labels.get(key).map(String::as_str) == Some(value)
    };
    let mark = cluster.unfinished.as_ref().map(|mark| mark.volume.as_str());
    input
        .volumes
        .iter()
        .filter(|volume| {
            // A volume for images that serves several clusters is no cluster's own.
            label(volume, labels::APP, labels::APP_K3D)
                && label(volume, labels::CLUSTER, cluster.name.as_str())
                && mark != Some(volume.name.as_str())
        })
        .map(|volume| volume.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        distro::{self, k3s::names},
        domain::container::Attachment,
        plan::fixtures::{demo, mark, network},
    };

    fn deleted(
        containers: &[ContainerInfo],
        networks: &[NetworkInfo],
        volumes: &[VolumeSpec],
    ) -> Plan {
        let clusters = distro::clusters(containers, volumes);
        plan(&Delete {
            cluster: &clusters[0],
            containers,
            networks,
            volumes,
        })
    }

    fn volume(name: &str) -> VolumeSpec {
        VolumeSpec {
            name: name.to_owned(),
            labels: labels::volume(&crate::domain::ClusterName::existing("demo")),
        }
    }

    #[test]
    fn everything_that_belongs_to_it_goes_and_nothing_else() {
        let mut other = volume("k3d-other-images");
        other
            .labels
            .insert("k3d.cluster".to_owned(), "other".to_owned());
        let networks = [
            network("k3d-demo", "172.18.0.0/16"),
            network("k3d-other", "172.19.0.0/16"),
        ];
        let volumes = [volume("k3d-demo-images"), volume("data"), other];
        let plan = deleted(&demo(1, 2), &networks, &volumes);
        insta::assert_snapshot!(plan.to_text());
        assert_eq!(plan.risk().len(), 6);
        assert!(!plan.undoable);
    }

    #[test]
    fn what_an_interrupted_create_left_goes_too_and_its_mark_last() {
        let plan = deleted(&[], &[network("k3d-demo", "172.18.0.0/16")], &[mark()]);
        insta::assert_snapshot!(plan.to_text());
    }

    #[test]
    fn a_network_that_is_not_the_clusters_own_stays() {
        let mut foreign = network("k3d-demo", "172.18.0.0/16");
        foreign.labels.clear();
        assert!(
            !deleted(&demo(1, 0), &[foreign], &[])
                .to_text()
                .contains("network")
        );
        let mut containers = demo(1, 0);
        for container in &mut containers {
            container
                .labels
                .insert("k3d.cluster.network.external".to_owned(), "true".to_owned());
        }
        let networks = [network("k3d-demo", "172.18.0.0/16")];
        assert!(
            !deleted(&containers, &networks, &[])
                .to_text()
                .contains("network")
        );
    }

    #[test]
    fn a_network_that_another_cluster_was_made_in_stays_with_a_warning() {
        let mut containers = demo(1, 0);
        let mut other = containers[0].clone();
        other.id = "other".to_owned();
        other
            .labels
            .insert("k3d.cluster".to_owned(), "other".to_owned());
        containers.push(other);
        let plan = deleted(&containers, &[network("k3d-demo", "172.18.0.0/16")], &[]);
        assert!(!plan.to_text().contains("remove network"));
        assert!(
            plan.warnings[0].contains("\"other\""),
            "{:?}",
            plan.warnings
        );
    }

    #[test]
    fn a_registry_that_serves_others_is_only_disconnected() {
        let attach = |network: &str| Attachment {
            network: network.to_owned(),
            address: None,
            fixed: None,
            fixed6: None,
        };
        let registry = |name: &str, cluster: &str, networks: &[&str]| {
            let mut container = distro::k3s::fixtures::container(name);
            container.id = name.to_owned();
            container.labels = labels::volume(&crate::domain::ClusterName::existing(cluster));
            container
                .labels
                .insert("k3d.role".to_owned(), "registry".to_owned());
            container.attachments = networks.iter().map(|name| attach(name)).collect();
            container
        };
        let own = names::network(&crate::domain::ClusterName::existing("demo"));
        let mut containers = demo(1, 0);
        containers.push(registry("only-here", "demo", &[&own, "bridge"]));
        containers.push(registry("elsewhere-too", "demo", &[&own, "k3d-other"]));
        containers.push(registry("guest", "", &[&own]));
        let text = deleted(&containers, &[network(&own, "172.18.0.0/16")], &[]).to_text();
        assert!(text.contains("remove container only-here"));
        assert!(text.contains("take elsewhere-too out of network k3d-demo"));
        assert!(text.contains("take guest out of network k3d-demo"));
    }
}
