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

use super::{KubeAccess, Plan};
use crate::{
    distro::k3s::load_balancer::Routes,
    domain::{
        Cluster, Node, Problem, Role,
        container::{ContainerDetail, EngineInfo, FileEntry, NetworkInfo},
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
    /// The engine.
    pub engine: &'a EngineInfo,
    /// The load balancer's configuration; `None` where there is no load balancer.
    pub routes: Option<&'a Routes>,
    /// `/etc/rancher/k3s/registries.yaml` of one of its nodes, where it has one.
    pub registries: Option<&'a [u8]>,
    /// Files of a lone server that are in none of its volumes, `/etc/rancher/node/password` among them: they go with it
    /// when its container is made anew.
    pub kept: &'a [FileEntry],
    /// How many servers there are to be.
    pub servers: u16,
    /// How many agents there are to be.
    pub agents: u16,
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

    /// The nodes of a role that go: those of the highest numbers.
    fn doomed(&self, role: Role) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = self.cluster.with_role(role).collect();
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
    let count = |n: u16, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let mut plan = Plan::new(
        format!(
            "scale cluster \"{}\" to {} and {}",
            cluster.name,
            count(input.servers, "server"),
            count(input.agents, "agent")
        ),
        cluster.name.clone(),
    );
    if input.servers == 2 {
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

#[cfg(test)]
mod tests;
