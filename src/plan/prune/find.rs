//! Looks for leftovers among what was observed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Found, Kind, Leftover, Local, Prune};
use crate::{
    distro::k3s::{labels, names},
    domain::{
        ClusterName, Node, Role,
        container::{ContainerInfo, ContainerState, Labels, NetworkInfo, VolumeSpec},
        log::sanitize,
    },
    plan::{Step, delete},
};

/// An import of images is over within this time; a tools container that runs for longer was forgotten.
const IMPORT: SignedDuration = SignedDuration::from_mins(10);
/// From the making of a new load balancer to the removal of the one before it: stopping, starting, looking at it.
const REPLACEMENT: SignedDuration = SignedDuration::from_secs(60);
/// Somebody may still be at work on what is younger. It is removed if a person wants it, but they are told.
const YOUNG: SignedDuration = SignedDuration::from_mins(2);
/// k3d asks the engine for free addresses by making a network of such a name and removing it at once.
const PROBE: &str = "k3d-fakenet-";

/// Looks for leftovers.
#[must_use]
pub fn find(input: &Prune<'_>) -> Found {
    let mut found = Found::default();
    for name in input.abandoned {
        abandoned(input, name, &mut found);
    }
    for container in input.containers {
        if let Some(why) = container_is_left(input, container) {
            found.add(measured(input, Kind::Container, &container.name, why));
        }
    }
    let left: BTreeSet<String> = found
        .leftovers
        .iter()
        .map(|left| left.name.clone())
        .collect();
    let (going, rest): (Vec<&ContainerInfo>, Vec<&ContainerInfo>) = input
        .containers
        .iter()
        .partition(|container| left.contains(&container.name));
    let containers = |uses: &dyn Fn(&ContainerInfo) -> bool| -> Vec<String> {
        let wanted = going.iter().filter(|container| uses(container));
        wanted.map(|container| container.name.clone()).collect()
    };
    for network in input.networks {
        if let Some(why) = network_is_left(input, &rest, network) {
            warn_if_young(input, &mut found, &network.name, network.created);
            let after = containers(&|container| is_in(container, &network.name));
            found.add(Leftover {
                after,
                ..measured(input, Kind::Network, &network.name, why)
            });
        }
    }
    for volume in input.volumes {
        if let Some(why) = volume_is_left(input, &rest, volume) {
            let seen = input.sizes.volumes.get(&volume.name);
            warn_if_young(
                input,
                &mut found,
                &volume.name,
                seen.and_then(|seen| seen.created),
            );
            let after = containers(&|container| container.volumes.contains(&volume.name));
            found.add(Leftover {
                after,
                ..measured(input, Kind::Volume, &volume.name, why)
            });
        }
    }
    for local in input.local {
        found.leftovers.extend(local_is_left(input, &rest, local));
    }
    let key = |left: &Leftover| (left.kind, left.name.clone());
    found.leftovers.sort_by_key(key);
    found
}

fn local_is_left(input: &Prune<'_>, rest: &[&ContainerInfo], local: &Local) -> Option<Leftover> {
    let path = |path: &String, bytes: &u64, why: String| Leftover {
        bytes: Some(*bytes),
        ..measured(input, Kind::Path, path, why)
    };
    match local {
        Local::NodeFiles {
            path: at,
            node,
            bytes,
        } => {
            let there = rest.iter().any(|container| container.name == *node);
            (!there).then(|| path(at, bytes, format!("there is no container {node}")))
        }
        Local::Kubeconfig {
            path: at,
            cluster,
            bytes,
        } => (!is_known(input, rest, cluster))
            .then(|| path(at, bytes, format!("there is no cluster \"{cluster}\""))),
        Local::Context { cluster } => (!is_known(input, rest, cluster)).then(|| {
            let why = format!("there is no cluster \"{cluster}\", and nothing answers");
            measured(input, Kind::Context, &names::network(cluster), why)
        }),
    }
}

/// A leftover, with its size if the engine tells it.
fn measured(input: &Prune<'_>, kind: Kind, name: &str, why: impl Into<String>) -> Leftover {
    Leftover {
        kind,
        name: name.to_owned(),
        why: why.into(),
        bytes: match kind {
            Kind::Container => input.sizes.containers.get(name).copied(),
            Kind::Volume => input.sizes.volumes.get(name).and_then(|seen| seen.bytes),
            Kind::Network | Kind::Context | Kind::Path => None,
        },
        after: Vec::new(),
    }
}

/// What an interrupted create left. While a server of it runs, somebody may use it.
fn abandoned(input: &Prune<'_>, name: &ClusterName, found: &mut Found) {
    let Some(cluster) = input.clusters.iter().find(|cluster| cluster.name == *name) else {
        return;
    };
    let runs = cluster.with_role(Role::Server).any(Node::is_running);
    if runs && !input.interrupted {
        found.warnings.push(format!(
            "the making of cluster \"{name}\" was interrupted and it runs; `coracle cluster finish {name}` goes on with \
             it, with --remove it is removed, and so it is by `coracle prune --interrupted`"
        ));
        return;
    }
    let why = format!("the making of cluster \"{name}\" was interrupted");
    let whole = delete::plan(&delete::Delete {
        cluster,
        containers: input.containers,
        networks: input.networks,
        volumes: input.volumes,
    });
    let mut containers: Vec<String> = Vec::new();
    let mut rest: Vec<(Kind, String)> = Vec::new();
    for planned in whole.steps {
        match planned.step {
            Step::RemoveContainer { container } => {
                found.add(measured(input, Kind::Container, &container, &why));
                containers.push(container);
            }
            Step::RemoveNetwork { network } => rest.push((Kind::Network, network)),
            Step::RemoveVolume { volume } => rest.push((Kind::Volume, volume)),
            Step::Disconnect { network, container } => {
                containers.push(container.clone());
                found.guests.push((network, container));
            }
            _ => {}
        }
    }
    for (kind, name) in rest {
        found.add(Leftover {
            after: containers.clone(),
            ..measured(input, kind, &name, &why)
        });
    }
    let mark = cluster.unfinished.as_ref();
    found.marks.extend(mark.map(|mark| mark.volume.clone()));
}

fn container_is_left(input: &Prune<'_>, container: &ContainerInfo) -> Option<String> {
    let cluster = label(&container.labels, labels::CLUSTER)?;
    if label(&container.labels, labels::APP)? != labels::APP_K3D {
        return None;
    }
    let age = input.now.duration_since(container.created);
    let running = container.state == ContainerState::Running;
    let role = labels::role_of(&container.labels);
    if role == Role::Helper && container.name == names::tools(&ClusterName::existing(&cluster)) {
        return (!running || age > IMPORT)
            .then(|| format!("k3d forgot it after an import into \"{cluster}\""));
    }
    let (base, letters) = container.name.rsplit_once('-')?;
    if running || letters.len() != 5 || !letters.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    // Without the one in its place it is the only one, and something to mend.
    let heir = input.containers.iter().find(|other| {
        other.name == base
            && labels::role_of(&other.labels) == role
            && label(&other.labels, labels::CLUSTER).as_ref() == Some(&cluster)
    })?;
    (input.now.duration_since(heir.created) > REPLACEMENT)
        .then(|| format!("{base} has taken its place"))
}

/// Whether a container is attached to a network.
fn is_in(container: &ContainerInfo, network: &str) -> bool {
    let mut places = container.attachments.iter();
    places.any(|place| place.network == network)
}

fn network_is_left(
    input: &Prune<'_>,
    rest: &[&ContainerInfo],
    network: &NetworkInfo,
) -> Option<&'static str> {
    let mut clusters = input.clusters.iter();
    let wanted = clusters.any(|cluster| cluster.network == network.name);
    if wanted || rest.iter().any(|container| is_in(container, &network.name)) {
        return None;
    }
    if network.name.starts_with(PROBE) {
        return Some("k3d looked for free addresses with it");
    }
    let ours = label(&network.labels, labels::APP)? == labels::APP_K3D;
    ours.then_some("no container is in it")
}

fn volume_is_left(
    input: &Prune<'_>,
    rest: &[&ContainerInfo],
    volume: &VolumeSpec,
) -> Option<String> {
    let cluster = label(&volume.labels, labels::CLUSTER)?;
    if label(&volume.labels, labels::APP)? != labels::APP_K3D {
        return None;
    }
    let in_use = rest
        .iter()
        .any(|container| container.volumes.contains(&volume.name));
    let known = is_known(input, rest, &ClusterName::existing(&cluster));
    (!in_use && !known).then(|| format!("there is no cluster \"{cluster}\""))
}

/// Whether there is anything of the cluster that stays: a container of whatever role, or a mark.
fn is_known(input: &Prune<'_>, rest: &[&ContainerInfo], cluster: &ClusterName) -> bool {
    let mut clusters = input.clusters.iter();
    clusters.any(|known| known.name == *cluster)
        || rest.iter().any(|container| {
            label(&container.labels, labels::CLUSTER).as_deref() == Some(cluster.as_str())
        })
}

/// k3d leaves no mark while it creates: its network and volume are there for as long as it pulls images, and no
/// container.
fn warn_if_young(input: &Prune<'_>, found: &mut Found, name: &str, created: Option<Timestamp>) {
    let age = created.map(|created| input.now.duration_since(created));
    if let Some(age) = age.filter(|age| *age < YOUNG) {
        found.warnings.push(format!(
            "{name} was made {} s ago; is another program creating a cluster right now?",
            age.as_secs().max(0)
        ));
    }
}

/// A label that says something, made harmless.
fn label(all: &Labels, key: &str) -> Option<String> {
    let value = sanitize(all.get(key)?.as_bytes());
    (!value.is_empty()).then_some(value)
}
