//! Another number of servers and agents on a live cluster.
//!
//! Up: new containers modelled on those that are there. Down: the highest numbers go, emptied of their pods first, and
//! Kubernetes forgets them. A server leaves etcd while it still runs: with two servers left, stopping one first would
//! take the majority that has to agree to its leaving.
//!
//! A lone server that keeps its data in `SQLite` moves them into etcd before others join it.

mod convert;
mod down;
mod refuse;
mod up;

use std::time::Duration;

use super::{KubeAccess, Plan, node::NewNodes};
use crate::{
    distro::k3s::{join, load_balancer::Routes},
    domain::{
        Cluster, Node, Problem, Role,
        container::{ContainerDetail, ContainerInfo, EngineInfo, FileEntry, NetworkInfo},
        spec::WaitFor,
    },
};

/// How long the pods of a node get to leave by themselves; most take the 30 s that Kubernetes gives them at the most.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(60);

/// What a scale is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Scale<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its nodes, inspected.
    pub details: &'a [ContainerDetail],
    /// The engine's networks.
    pub networks: &'a [NetworkInfo],
    /// The engine's containers of clusters: in a network of several they have addresses too.
    pub containers: &'a [ContainerInfo],
    /// The engine.
    pub engine: &'a EngineInfo,
    /// The load balancer's configuration; `None` where there is no load balancer.
    pub routes: Option<&'a Routes>,
    /// `/etc/rancher/k3s/registries.yaml` of one of its nodes, where it has one.
    pub registries: Option<&'a [u8]>,
    /// Whether its nodes let pods use the engine's name server.
    pub dns_fix: bool,
    /// Files of a lone server that are in none of its volumes, `/etc/rancher/node/password` among them: they go with it
    /// when its container is made anew.
    pub kept: &'a [FileEntry],
    /// How many servers there are to be.
    pub servers: u16,
    /// How many agents there are to be.
    pub agents: u16,
    /// The names of the nodes that go, where it is not those of the highest numbers.
    pub leaving: &'a [String],
    /// What the nodes that join are like, where they differ from those that are there.
    pub joining: Option<&'a NewNodes>,
    /// Whether the new nodes are waited for.
    pub wait: WaitFor,
}

impl Scale<'_> {
    fn wanted(&self, role: Role) -> usize {
        usize::from(match role {
            Role::Server => self.servers,
            _ => self.agents,
        })
    }

    fn detail(&self, node: &Node) -> Option<&ContainerDetail> {
        self.details.iter().find(|detail| detail.info.id == node.id)
    }

    /// Whether its servers keep their data in a database outside of it.
    fn has_own_datastore(&self) -> bool {
        self.cluster
            .with_role(Role::Server)
            .filter_map(|node| self.detail(node))
            .any(join::has_own_datastore)
    }

    /// The nodes of a role that go: those that are named, else those of the highest numbers.
    fn doomed(&self, role: Role) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = self.cluster.with_role(role).collect();
        if !self.leaving.is_empty() {
            nodes.retain(|node| self.leaving.contains(&node.name));
            return nodes;
        }
        nodes.sort_by(|a, b| (a.number(), &a.name).cmp(&(b.number(), &b.name)));
        let kept = self.wanted(role).min(nodes.len());
        let mut doomed = nodes.split_off(kept);
        doomed.reverse();
        doomed
    }

    /// The way to the API by servers that stay.
    fn access(&self) -> KubeAccess {
        let doomed = self.doomed(Role::Server);
        let mut access = KubeAccess::of(self.cluster);
        access
            .servers
            .retain(|name| !doomed.iter().any(|node| node.name == *name));
        access
    }
}

/// The plan of a scale. It has no steps when there are as many already.
///
/// # Errors
/// When the cluster could not work afterwards, or cannot take such a node.
pub fn plan(input: &Scale<'_>) -> Result<Plan, Problem> {
    let cluster = input.cluster;
    refuse::check(input)?;
    let mut plan = Plan::new(title(input), cluster.name.clone());
    if input.servers == 2 && !input.has_own_datastore() {
        plan.warnings.push(
            "two servers are less safe than one: etcd needs both of them to work; take 1 or 3"
                .to_owned(),
        );
    }
    let mut routes = input.routes.cloned();
    let written = down::add(&mut plan, input, routes.as_mut())?;
    // What is gone cannot be brought back, so then a failure further on takes nothing back either.
    plan.undoable = plan.steps.is_empty();
    let converted = convert::add(&mut plan, input);
    up::add(&mut plan, input, routes.as_mut(), written, converted)?;
    convert::end(&mut plan, input, converted);
    Ok(plan)
}

fn title(input: &Scale<'_>) -> String {
    let name = &input.cluster.name;
    if !input.leaving.is_empty() {
        return format!(
            "remove {} from cluster \"{name}\"",
            input.leaving.join(", ")
        );
    }
    let count = |n: u16, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    if let Some(new) = input.joining {
        let many = count(new.count, &new.role.to_string());
        return format!("add {many} {} to cluster \"{name}\"", new.name);
    }
    format!(
        "scale cluster \"{name}\" to {} and {}",
        count(input.servers, "server"),
        count(input.agents, "agent")
    )
}

#[cfg(test)]
mod tests;
