//! Refuses what would change a protected cluster: `contexts.read_only` names contexts in which nothing may be changed,
//! and a cluster is known by its context. It is asked before every plan, so that both faces keep the promise.

use std::collections::BTreeSet;

use super::{
    Wish, World,
    observe::{address, bare},
};
use crate::{
    config::Contexts,
    distro::k3s::{kubeconfig, labels, registries},
    domain::{Cluster, ClusterName, Problem},
    plan::{
        Subject,
        prune::{Found, Leftover},
        registry::Wanted,
    },
};

/// # Errors
/// When the wish would change a protected cluster; the setting and its pattern are named.
pub(super) fn check(contexts: &Contexts, world: &World, wish: &Wish) -> Result<(), Problem> {
    for name in changed(world, wish) {
        for context in contexts_of(world, &name) {
            refuse(contexts, &context, &format!("cluster {:?}", name.as_str()))?;
        }
    }
    Ok(())
}

/// # Errors
/// When nothing may be changed in the context.
fn refuse(contexts: &Contexts, context: &str, what: &str) -> Result<(), Problem> {
    match contexts.protecting(context) {
        Some(pattern) => Err(Problem::refused(
            format!("{what} is protected, and was not changed"),
            format!("contexts.read_only has {pattern:?}, which its context {context:?} matches"),
        )
        .with_hint("take the pattern out of the settings to change it")),
        None => Ok(()),
    }
}

/// The clusters that a wish changes.
fn changed(world: &World, wish: &Wish) -> Vec<ClusterName> {
    let mut names: Vec<ClusterName> = wish.about().cluster().cloned().into_iter().collect();
    if let Wish::Registry(wanted) = wish {
        names.extend(wanted.clusters().iter().cloned());
    }
    // A registry that goes is taken out of what the clusters beside it know, and one of a cluster is part of it.
    let (Wish::Registry(Wanted::Delete(gone) | Wanted::Start(gone) | Wanted::Stop(gone))
    | Wish::Nodes {
        about: Subject::Registry(gone),
        ..
    }) = wish
    else {
        return names;
    };
    for registry in registries::registries(&world.containers) {
        if registry.name == *gone {
            names.extend(registry.cluster.clone());
            let beside = world
                .clusters
                .iter()
                .filter(|cluster| registry.networks.contains(&cluster.network));
            names.extend(beside.map(|cluster| address(&world.clusters, cluster)));
        }
    }
    names
}

/// The contexts of the clusters of a name; what is not there yet would be one of k3s.
fn contexts_of(world: &World, name: &ClusterName) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = world.named(name).map(Cluster::context).collect();
    if all.is_empty() {
        all.insert(kubeconfig::context(&ClusterName::existing(bare(name))));
    }
    all
}

/// Leaves out what is left over of protected clusters, and says so.
pub(super) fn spare(contexts: &Contexts, world: &World, found: Found) -> Found {
    let mut spared = Vec::new();
    let mut found = found.keeping(|leftover| {
        let kept = is_protected(contexts, world, leftover);
        if kept {
            spared.push(leftover.name.clone());
        }
        !kept
    });
    if !spared.is_empty() {
        found.warnings.push(format!(
            "left out, because contexts.read_only protects it: {}",
            spared.join(", ")
        ));
    }
    found
}

/// Whether it is of a protected cluster, by its label or else by its name, which begins with the context. A name that
/// may be either's is spared.
fn is_protected(contexts: &Contexts, world: &World, leftover: &Leftover) -> bool {
    let container = world.containers.iter().find(|it| it.name == leftover.name);
    let volume = world.volumes.iter().find(|it| it.name == leftover.name);
    let labels = container
        .map(|container| &container.labels)
        .into_iter()
        .chain(volume.map(|volume| &volume.labels));
    for labels in labels {
        if let Some(cluster) = labels.get(labels::CLUSTER) {
            let cluster = ClusterName::existing(cluster);
            if contexts.is_read_only(&kubeconfig::context(&cluster)) {
                return true;
            }
        }
    }
    let name = leftover.name.rsplit('/').next().unwrap_or_default();
    let name = name.trim_start_matches('.');
    let file = name
        .strip_prefix("kubeconfig-")
        .and_then(|name| name.strip_suffix(".yaml"))
        .map(|cluster| format!("k3d-{cluster}"));
    let name = file.as_deref().unwrap_or(name);
    let ends = name.match_indices('-').map(|(at, _)| at);
    ends.chain([name.len()])
        .filter_map(|end| name.get(..end))
        .any(|context| contexts.is_read_only(context))
}
