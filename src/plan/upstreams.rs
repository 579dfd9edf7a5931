//! The load balancer's file, kept so that it can start at any time: with the nodes that it finds, and no others.

use std::net::IpAddr;

use super::{Plan, Step, StepId};
use crate::{
    distro::k3s::{load_balancer::Routes, replace},
    domain::{Cluster, Node, Role, container::ContainerDetail},
};

/// What the file of a cluster's load balancer is kept by.
#[derive(Debug, Clone, Copy)]
pub struct Upstreams<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its containers, inspected: the load balancer's hosts file names nodes that it finds whether they run or not.
    pub details: &'a [ContainerDetail],
    /// The file, where there is one.
    pub routes: Option<&'a Routes>,
}

impl Upstreams<'_> {
    /// Adds the step that writes the file for when the nodes run of which `runs` says so, if it has to change for that.
    pub(super) fn settle(
        &self,
        plan: &mut Plan,
        runs: impl Fn(&Node) -> bool,
        after: &[StepId],
    ) -> Option<StepId> {
        let balancer = self.cluster.load_balancer.as_ref()?;
        let mut balancers = self.cluster.with_role(Role::LoadBalancer);
        let id = &balancers.find(|node| node.name == *balancer)?.id;
        let detail = self.details.iter().find(|one| one.info.id == *id)?;
        let before = self.routes?;
        let mut routes = before.clone();
        routes.settle(|name| {
            // An address needs nobody to find it.
            let node = self.cluster.nodes.iter().find(|node| node.name == name);
            name.parse::<IpAddr>().is_ok()
                || replace::lists(&detail.extra_hosts, name)
                || node.is_some_and(&runs)
        });
        if routes == *before {
            return None;
        }
        let step = Step::PutFiles {
            container: balancer.clone(),
            // No value of this type fails to be written.
            files: vec![routes.file().ok()?],
        };
        Some(plan.add(step, after.iter().copied()))
    }
}
