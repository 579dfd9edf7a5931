//! What actions do for a new cluster, and for the things around clusters: their nodes, ports and images; volumes, networks
//! and leftovers.

use super::act::plan;
use crate::{
    domain::Cluster,
    ops::{NodeVerb, Wish},
    tui::{
        actions::ActionId,
        dialogs::{
            Dialog,
            form::Form,
            forms::{Purpose, new_cluster::NewCluster, nodes::Nodes, ports::Ports},
            listing::{Kind, Listing},
        },
        effect::Effect,
        state::State,
    },
};

/// Uses an action.
pub(super) fn act(state: &mut State, id: ActionId) -> Vec<Effect> {
    let cluster = state.selected_cluster();
    let address = |cluster: &Cluster| state.clusters.address(cluster);
    let dialog = match id {
        ActionId::ToggleNode => return change_node(state, None),
        ActionId::DeleteNode => return change_node(state, Some(NodeVerb::Delete)),
        ActionId::Prune => {
            let (interrupted, only) = (false, Vec::new());
            return plan(state, Wish::Prune { interrupted, only });
        }
        ActionId::NewCluster => {
            let clusters = state.clusters.world.iter();
            let taken = clusters.map(|cluster| cluster.name.to_string()).collect();
            let new = NewCluster::new(&state.config.cluster, taken, state.around.clone());
            Some(form(Purpose::NewCluster(new)))
        }
        ActionId::AddNodes => cluster.map(|cluster| form(Purpose::Nodes(Nodes::of(cluster)))),
        ActionId::Ports => cluster.map(|cluster| form(Purpose::Ports(Ports::of(cluster)))),
        ActionId::Images => cluster.map(|cluster| list(Kind::Images(address(cluster)))),
        ActionId::Services => cluster.map(|cluster| list(Kind::Services(address(cluster)))),
        ActionId::Manifests => cluster.map(|cluster| list(Kind::Manifests(address(cluster)))),
        ActionId::Registries => {
            let cluster = cluster.map(address);
            Some(list(Kind::Registries(cluster)))
        }
        ActionId::Lasting => Some(list(Kind::Lasting)),
        _ => None,
    };
    state.dialogs.extend(dialog);
    Vec::new()
}

fn form(purpose: Purpose) -> Dialog {
    Dialog::Form(Box::new(Form::new(purpose)))
}

fn list(kind: Kind) -> Dialog {
    Dialog::Listing(Box::new(Listing::new(kind)))
}

/// Has the selected node started or stopped, whichever it is not, or something else done with it.
fn change_node(state: &mut State, verb: Option<NodeVerb>) -> Vec<Effect> {
    let node = state
        .node
        .selected
        .as_ref()
        .and_then(|name| state.nodes().iter().find(|node| node.name == *name));
    let (Some(cluster), Some(node)) = (state.selected_cluster(), node) else {
        return Vec::new();
    };
    let turn = if node.is_running() {
        NodeVerb::Stop
    } else {
        NodeVerb::Start
    };
    let wish = Wish::Nodes {
        about: state.clusters.address(cluster).into(),
        verb: verb.unwrap_or(turn),
        names: vec![node.name.clone()],
    };
    plan(state, wish)
}
