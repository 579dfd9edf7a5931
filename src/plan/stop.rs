//! A cluster's containers stopped, in the order in which they depend on each other.

use super::{Plan, Step, StepId};
use crate::domain::{Cluster, Role, container::ContainerState};

/// The order of roles: who is asked stops before who answers.
const ORDER: [Role; 5] = [
    Role::LoadBalancer,
    Role::Agent,
    Role::Server,
    Role::Registry,
    Role::Helper,
];

/// The plan of a stop. It has no steps when nothing runs.
#[must_use]
pub fn plan(cluster: &Cluster) -> Plan {
    let mut plan = Plan::new(
        format!("stop cluster \"{}\"", cluster.name),
        cluster.name.clone(),
    );
    // Starting again what was stopped would not mend whatever kept the rest from stopping.
    plan.undoable = false;
    stop(&mut plan, cluster);
    plan
}

/// Adds the steps, and returns the last ones.
pub(super) fn stop(plan: &mut Plan, cluster: &Cluster) -> Vec<StepId> {
    let mut before: Vec<StepId> = Vec::new();
    for role in ORDER {
        let stopped: Vec<StepId> = cluster
            .with_role(role)
            .filter(|node| is_up(node.state))
            .map(|node| {
                let container = node.name.clone();
                plan.add(Step::StopContainer { container }, before.iter().copied())
            })
            .collect();
        if !stopped.is_empty() {
            before = stopped;
        }
    }
    before
}

const fn is_up(state: ContainerState) -> bool {
    matches!(
        state,
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{distro, plan::fixtures::demo};

    #[test]
    fn roles_stop_one_after_the_other_and_nodes_of_a_role_together() {
        let cluster = distro::clusters(&demo(3, 2), &[]).remove(0);
        insta::assert_snapshot!(plan(&cluster).to_text());
    }

    #[test]
    fn what_does_not_run_is_left_alone_but_what_keeps_restarting_is_stopped() {
        let mut containers = demo(1, 0);
        containers[0].state = ContainerState::Restarting;
        containers[1].state = ContainerState::Exited;
        let cluster = distro::clusters(&containers, &[]).remove(0);
        let steps = plan(&cluster).steps;
        assert_eq!(steps.len(), 1);
        assert!(
            matches!(&steps[0].step, Step::StopContainer { container } if container.ends_with("server-0"))
        );
    }
}
