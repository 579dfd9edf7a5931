//! What holds for every plan, whatever it is for.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    fixtures::{chosen, demo, demo_details, engine, network, spec},
    *,
};
use crate::{
    distro::{self, k3s::load_balancer::Routes},
    domain::{container::ContainerState, spec::WaitFor},
};

/// All steps that are done before one, directly or not.
fn before(plan: &Plan, step: StepId) -> BTreeSet<StepId> {
    let mut all = BTreeSet::new();
    let mut open = plan.steps[step].after.clone();
    while let Some(next) = open.pop() {
        if all.insert(next) {
            open.extend(&plan.steps[next].after);
        }
    }
    all
}

fn place(plan: &Plan, wanted: impl Fn(&Step) -> bool) -> Option<StepId> {
    plan.steps.iter().position(|planned| wanted(&planned.step))
}

/// Checks what every executor counts on.
fn check(plan: &Plan) {
    for (id, planned) in plan.steps.iter().enumerate() {
        assert!(planned.after.iter().all(|earlier| *earlier < id));
        assert!(planned.after.is_sorted());
        assert!(!planned.step.describe().is_empty());
        match &planned.step {
            Step::StartContainer { container: name } => {
                if let Some(created) = place(
                    plan,
                    |s| matches!(s, Step::CreateContainer(c) if c.name == *name),
                ) {
                    let earlier = before(plan, id);
                    assert!(earlier.contains(&created), "{name} starts before it exists");
                    let filled = place(
                        plan,
                        |s| matches!(s, Step::PutFiles { container, .. } if container == name),
                    );
                    assert!(filled.is_some_and(|filled| earlier.contains(&filled)));
                }
            }
            Step::CreateContainer(container) => {
                let pulled = place(
                    plan,
                    |s| matches!(s, Step::PullImage { image } if *image == container.image),
                );
                assert!(pulled.is_some_and(|pulled| before(plan, id).contains(&pulled)));
                assert!(container.address.is_some());
            }
            Step::RemoveNetwork { .. } | Step::RemoveVolume { .. } if !plan.undoable => {
                let earlier = before(plan, id);
                for (other, removed) in plan.steps.iter().enumerate() {
                    if matches!(removed.step, Step::RemoveContainer { .. }) {
                        assert!(earlier.contains(&other), "removed while in use");
                    }
                }
            }
            _ => {}
        }
        let makes = matches!(
            planned.step,
            Step::CreateContainer(_) | Step::CreateNetwork(_) | Step::CreateVolume(_)
        );
        assert!(!makes || planned.step.undo() != Undo::Nothing);
    }
    assert_eq!(
        plan.to_json()["steps"].as_array().map(Vec::len),
        Some(plan.steps.len())
    );
    assert!(!plan.to_text().contains("hunter2") && !plan.to_json().to_string().contains("hunter2"));
}

fn waits() -> impl Strategy<Value = WaitFor> {
    prop_oneof![
        Just(WaitFor::Nothing),
        Just(WaitFor::Usable),
        Just(WaitFor::All)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_create_is_in_order_and_its_mark_is_first_and_last(
        servers in 1u16..6, agents in 0u16..6, balanced: bool, wait in waits(),
    ) {
        let mut spec = spec("demo", servers, agents);
        spec.load_balancer = balanced;
        let plan = create::plan(&create::Create {
            spec: &spec,
            wait,
            kubeconfig: Kubeconfig::MergeAndSwitch,
            clusters: &[],
            networks: &[],
            registries: &[],
            containers: &[],
            engine: &engine(),
            chosen: &chosen(),
        })
        .unwrap();
        check(&plan);
        let last = plan.steps.len() - 1;
        let unmark = Step::RemoveVolume { volume: "k3d-demo-unfinished".to_owned() };
        prop_assert_eq!(plan.steps[0].step.undo(), Undo::Step(Box::new(unmark.clone())));
        prop_assert_eq!(&plan.steps[last].step, &unmark);
        prop_assert_eq!(before(&plan, last).len(), last);
        for id in 1..plan.steps.len() {
            prop_assert!(before(&plan, id).contains(&0), "{}", plan.steps[id].step.describe());
        }
        let nodes: BTreeSet<_> = plan.steps.iter().filter_map(|planned| match &planned.step {
            Step::CreateContainer(container) => container.address,
            _ => None,
        }).collect();
        prop_assert_eq!(nodes.len(), usize::from(servers + agents) + usize::from(balanced));
    }

    #[test]
    fn what_is_done_to_a_cluster_that_is_there_is_in_order(
        servers in 1u16..5, agents in 0u16..5, to_servers in 0u16..6, to_agents in 0u16..6, stopped: u16, wait in waits(),
    ) {
        let mut containers = demo(servers, agents);
        for (place, container) in containers.iter_mut().enumerate() {
            container.id.clone_from(&container.name);
            if stopped >> (place % 16) & 1 == 1 {
                container.state = ContainerState::Exited;
            }
        }
        let mut details = demo_details(servers, agents);
        for detail in &mut details {
            detail.info.id.clone_from(&detail.info.name);
        }
        let networks = [network("k3d-demo", "172.18.0.0/16")];
        let cluster = distro::clusters(&containers, &[]).remove(0);
        let start = start::Start { cluster: &cluster, details: &details, networks: &networks, routes: None, wait };
        check(&start::plan(&start));
        check(&restart::plan(&start));
        check(&stop::plan(&cluster));
        check(&delete::plan(&delete::Delete {
            cluster: &cluster, containers: &containers, networks: &networks, volumes: &[],
        }));
        let routes = Routes::new(&spec("demo", servers, agents), servers);
        let scaled = scale::plan(&scale::Scale {
            cluster: &cluster,
            details: &details,
            networks: &networks,
            containers: &[],
            engine: &engine(),
            routes: Some(&routes),
            registries: None,
            dns_fix: true,
            kept: &[],
            servers: to_servers,
            agents: to_agents,
            leaving: &[],
            joining: None,
            wait,
        });
        match scaled {
            Ok(plan) => {
                check(&plan);
                let count = |wanted: fn(&Step) -> bool| plan.steps.iter().filter(|p| wanted(&p.step)).count();
                let added = to_servers.saturating_sub(servers) + to_agents.saturating_sub(agents);
                let gone = servers.saturating_sub(to_servers) + agents.saturating_sub(to_agents);
                // A lone server's container is made anew before others join it.
                let anew = u16::from(servers == 1 && to_servers > 1);
                prop_assert_eq!(count(|s| matches!(s, Step::CreateContainer(_))), usize::from(added + anew));
                prop_assert_eq!(count(|s| matches!(s, Step::RemoveContainer { .. })), usize::from(gone));
                prop_assert_eq!(count(|s| matches!(s, Step::Discard { .. })), usize::from(anew));
                prop_assert_eq!(count(|s| matches!(s, Step::DeleteNodeObject { .. })), usize::from(gone));
            }
            Err(problem) => prop_assert!(!problem.hint.is_empty(), "{}", problem),
        }
    }
}
