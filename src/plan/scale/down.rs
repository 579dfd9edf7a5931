//! The steps by which nodes leave a cluster.

use super::{DRAIN_DEADLINE, Scale};
use crate::{
    distro::k3s::load_balancer::Routes,
    domain::{Node, Problem, Role},
    plan::{KubeAccess, Plan, Step, StepId},
};

/// Adds them, and returns the step that writes the load balancer's configuration, if one does.
pub(super) fn add(
    plan: &mut Plan,
    input: &Scale<'_>,
    routes: Option<&mut Routes>,
) -> Result<Option<StepId>, Problem> {
    let servers = input.doomed(Role::Server);
    let agents = input.doomed(Role::Agent);
    let access = input.access();
    // All of them are closed before the first is emptied, so that no pod moves from one to the next.
    let doomed: Vec<&Node> = agents.iter().chain(&servers).copied().collect();
    let cordoned: Vec<StepId> = doomed
        .iter()
        .filter(|node| node.is_running())
        .map(|node| {
            let step = Step::Cordon {
                access: access.clone(),
                node: node.name.clone(),
            };
            plan.add(step, [])
        })
        .collect();
    let written = reroute(plan, input, &doomed, routes)?;
    for node in agents {
        let drained = drain(plan, &access, node, &cordoned);
        let before: Vec<StepId> = drained.into_iter().chain(written).collect();
        let container = node.name.clone();
        // Its kubelet would announce the node again if the container outlived the object.
        let removed = plan.add(Step::RemoveContainer { container }, before);
        plan.add(forget(&access, node), [removed]);
    }
    let mut previous: Option<StepId> = None;
    for node in servers {
        let drained = drain(plan, &access, node, &cordoned);
        let before: Vec<StepId> = drained.into_iter().chain(written).chain(previous).collect();
        let left = plan.add(forget(&access, node), before);
        let container = node.name.clone();
        previous = Some(plan.add(Step::RemoveContainer { container }, [left]));
    }
    Ok(written)
}

/// Pods of a node that does not run cannot leave it.
fn drain(plan: &mut Plan, access: &KubeAccess, node: &Node, cordoned: &[StepId]) -> Option<StepId> {
    node.is_running().then(|| {
        let step = Step::Drain {
            access: access.clone(),
            node: node.name.clone(),
            deadline: DRAIN_DEADLINE,
        };
        plan.add(step, cordoned.iter().copied())
    })
}

fn forget(access: &KubeAccess, node: &Node) -> Step {
    Step::DeleteNodeObject {
        access: access.clone(),
        node: node.name.clone(),
    }
}

/// The load balancer sends nothing more to nodes that go.
fn reroute(
    plan: &mut Plan,
    input: &Scale<'_>,
    doomed: &[&Node],
    routes: Option<&mut Routes>,
) -> Result<Option<StepId>, Problem> {
    let (Some(routes), Some(container)) = (routes, &input.cluster.load_balancer) else {
        return Ok(None);
    };
    let before = routes.clone();
    let rest: Vec<String> = input
        .cluster
        .with_role(Role::Server)
        .filter(|node| !doomed.iter().any(|gone| gone.id == node.id))
        .map(|node| node.name.clone())
        .collect();
    for node in doomed {
        routes.remove(&node.name, &rest);
    }
    if *routes == before {
        return Ok(None);
    }
    let step = Step::PutFiles {
        container: container.clone(),
        files: vec![routes.file()?],
    };
    Ok(Some(plan.add(step, [])))
}
