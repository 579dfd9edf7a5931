//! What can be done with the things around a cluster: its ports, nodes and images; registries, volumes, networks.

use super::{CLUSTERS, action};
use crate::tui::{
    actions::{Action, ActionId, Scope},
    state::Pane,
};

const THINGS: &str = "Registries, volumes, networks";

/// The rows.
pub(super) const ROWS: &[Action] = &[
    action(
        ActionId::Ports,
        "ports",
        ("ports", "Publish ports of the cluster, or remove them."),
        CLUSTERS,
        Scope::Cluster,
        &["o"],
    ),
    action(
        ActionId::Images,
        "images",
        (
            "images",
            "Show the images of the cluster's nodes; send some there, or remove them.",
        ),
        CLUSTERS,
        Scope::Cluster,
        &["i"],
    ),
    action(
        ActionId::Services,
        "publish-services",
        (
            "",
            "Publish NodePort and LoadBalancer services of the cluster on this machine.",
        ),
        CLUSTERS,
        Scope::Cluster,
        &["O"],
    ),
    action(
        ActionId::Manifests,
        "manifests",
        (
            "",
            "Show the manifests and charts that k3s keeps deployed, and why one failed.",
        ),
        CLUSTERS,
        Scope::Cluster,
        &["M"],
    ),
    action(
        ActionId::AddNodes,
        "add-nodes",
        (
            "",
            "Add nodes with an image, a size or arguments of their own.",
        ),
        CLUSTERS,
        Scope::Cluster,
        &["a"],
    ),
    action(
        ActionId::ToggleNode,
        "start-stop-node",
        (
            "node on/off",
            "Start the node if it is stopped, stop it if it runs.",
        ),
        CLUSTERS,
        Scope::Pane(Pane::Nodes),
        &["t"],
    ),
    action(
        ActionId::DeleteNode,
        "delete-node",
        (
            "delete node",
            "Remove the node: its pods are moved, and Kubernetes forgets it.",
        ),
        CLUSTERS,
        Scope::Pane(Pane::Nodes),
        &["ctrl-d"],
    ),
    action(
        ActionId::Registries,
        "registries",
        (
            "",
            "Show the registries and what is in them; make, connect and delete them.",
        ),
        THINGS,
        Scope::Everywhere,
        &["R"],
    ),
    action(
        ActionId::Lasting,
        "volumes-networks",
        (
            "",
            "Show the volumes and networks that outlive clusters; make and delete them.",
        ),
        THINGS,
        Scope::Everywhere,
        &["V"],
    ),
    action(
        ActionId::Prune,
        "prune",
        (
            "",
            "Show what crashes and other tools left behind, and remove it.",
        ),
        THINGS,
        Scope::Everywhere,
        &["ctrl-x"],
    ),
];
