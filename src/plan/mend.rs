//! An exchange of containers that was cut short, brought to an end in which each name has one container again.

use super::{Plan, Step, StepId};
use crate::{
    distro::k3s::replace,
    domain::{Cluster, container::ContainerState},
};

/// Adds the steps, and returns the cluster as it is after them. Of two containers that are there for one, the new one
/// stays if it ever ran; else it may lack its files, and the old one gets its name back.
pub(super) fn mend(plan: &mut Plan, cluster: &Cluster) -> (Cluster, Vec<StepId>) {
    let mut mended = cluster.clone();
    let mut steps = Vec::new();
    let twice = cluster.nodes.iter().filter_map(|old| {
        let name = |name: &str| replace::before(name) == old.name;
        Some((old, cluster.nodes.iter().find(|new| name(&new.name))?))
    });
    for (old, new) in twice {
        let remove = |name: &str| Step::RemoveContainer {
            container: name.to_owned(),
        };
        if new.state == ContainerState::Created {
            let removed = plan.add(remove(&new.name), []);
            let renamed = Step::RenameContainer {
                container: old.name.clone(),
                to: new.name.clone(),
            };
            steps.push(plan.add(renamed, [removed]));
            mended.nodes.retain(|node| node.id != new.id);
            for node in mended.nodes.iter_mut().filter(|node| node.id == old.id) {
                node.name.clone_from(&new.name);
            }
        } else {
            steps.push(plan.add(remove(&old.name), []));
            mended.nodes.retain(|node| node.id != old.id);
        }
    }
    (mended, steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{distro, plan::fixtures::demo};

    /// A cluster in which a load balancer stands beside the one whose place it takes.
    fn torn(new: ContainerState, old: ContainerState) -> Cluster {
        let mut containers = demo(1, 0);
        for container in &mut containers {
            container.id.clone_from(&container.name);
        }
        let place = containers
            .iter()
            .position(|container| container.name == "k3d-demo-serverlb")
            .unwrap();
        let mut before = containers[place].clone();
        containers[place].state = new;
        before.name = "k3d-demo-serverlb-prior".to_owned();
        before.id.clone_from(&before.name);
        before.state = old;
        containers.push(before);
        distro::clusters(&containers, &[]).remove(0)
    }

    fn mended(cluster: &Cluster) -> (Vec<(String, String)>, String) {
        let mut plan = Plan::new("mend", cluster.name.clone());
        let (cluster, _) = mend(&mut plan, cluster);
        let nodes = cluster.nodes.into_iter();
        (
            nodes.map(|node| (node.name, node.id)).collect(),
            plan.to_text(),
        )
    }

    #[test]
    fn one_that_never_ran_gives_the_name_back() {
        let (nodes, text) = mended(&torn(ContainerState::Created, ContainerState::Exited));
        assert_eq!(nodes.len(), 2);
        assert!(nodes.contains(&(
            "k3d-demo-serverlb".to_owned(),
            "k3d-demo-serverlb-prior".to_owned()
        )));
        assert!(text.contains("rename k3d-demo-serverlb-prior to k3d-demo-serverlb"));
    }

    #[test]
    fn one_that_ran_keeps_it_and_a_whole_cluster_is_left_alone() {
        let (nodes, text) = mended(&torn(ContainerState::Exited, ContainerState::Exited));
        let own = "k3d-demo-serverlb".to_owned();
        assert!(nodes.contains(&(own.clone(), own)));
        assert!(text.contains("remove container k3d-demo-serverlb-prior"));
        let whole = distro::clusters(&demo(3, 2), &[]).remove(0);
        let mut plan = Plan::new("mend", whole.name.clone());
        assert_eq!(mend(&mut plan, &whole), (whole, Vec::new()));
    }
}
