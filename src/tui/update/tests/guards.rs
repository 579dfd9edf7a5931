//! What keeps a hasty key from doing harm: protected clusters, clusters of one name, plans that take something away.

use super::*;
use crate::{
    domain::Distribution,
    plan::Step,
    tui::actions::{self, ActionId},
};

/// A state with the cluster `demo` of k3s, and kind's of the same name below it.
fn two() -> State {
    let mut state = state();
    let k3s = distro::clusters(&fixtures::demo(1, 1), &[]).remove(0);
    let mut kind = k3s.clone();
    kind.distribution = Distribution::Kind;
    for node in &mut kind.nodes {
        node.name = node.name.replace("k3d-", "kind-");
    }
    let backends = crate::backend::sim::World::named("empty")
        .unwrap()
        .backends();
    let world = World {
        clusters: vec![k3s, kind],
        containers: Vec::new(),
        networks: Vec::new(),
        volumes: Vec::new(),
        engine: fixtures::engine(),
    };
    news(
        &mut state,
        TaskKey::Engine,
        News::World(Box::new(world), backends),
    );
    state
}

fn why_not(state: &State, id: ActionId) -> String {
    actions::get(id)
        .unwrap()
        .enabled(state)
        .err()
        .unwrap_or_default()
}

#[test]
fn a_row_is_the_cluster_that_is_drawn_in_it_although_another_has_its_name() {
    let mut state = two();
    assert_eq!(
        state.selected_cluster().unwrap().distribution,
        Distribution::K3s
    );
    let frame = shown(&state, 120, 40);
    assert!(frame.contains("k3s/demo") && frame.contains("kind/demo"));
    typed(&mut state, "j");
    let selected = state.selected_cluster().unwrap();
    assert_eq!(selected.distribution, Distribution::Kind);
    assert!(
        state
            .nodes()
            .iter()
            .all(|node| node.name.starts_with("kind-"))
    );
    assert_eq!(typed(&mut state, "<ctrl-d>t"), []);
    assert!(state.dialogs.is_empty(), "{:?}", state.dialogs);
    assert!(why_not(&state, ActionId::Delete).contains("kind"));
    typed(&mut state, "k");
    let wish = Wish::Delete(ClusterName::existing("k3s/demo"));
    let effects = typed(&mut state, "<ctrl-d>");
    assert!(
        matches!(&effects[..], [Effect::Plan(_, asked)] if *asked == wish),
        "{effects:?}"
    );
}

#[test]
fn an_operation_on_a_cluster_is_none_on_the_other_of_its_name() {
    let mut state = two();
    let name = ClusterName::existing("demo");
    let plan = Plan::new("stop cluster", name.clone());
    state.operations.begin(1, Wish::Stop(name), plan, now());
    let running: Vec<bool> = state
        .clusters
        .world
        .iter()
        .map(|cluster| state.operations.running_for(cluster).is_some())
        .collect();
    assert_eq!(running, [true, false]);
}

#[test]
fn nothing_that_changes_a_protected_cluster_can_be_used_and_the_menu_says_why() {
    let mut state = two();
    state.config.contexts.read_only = vec!["k3d-de*".to_owned()];
    for id in [
        ActionId::StartStop,
        ActionId::Restart,
        ActionId::Scale,
        ActionId::Ports,
        ActionId::AddNodes,
        ActionId::Delete,
        ActionId::Finish,
        ActionId::CleanUp,
    ] {
        let why = why_not(&state, id);
        assert!(why.contains("contexts.read_only has \"k3d-de*\""), "{why}");
    }
    assert_eq!(typed(&mut state, "<ctrl-d>tsroa"), []);
    assert!(state.dialogs.is_empty(), "{:?}", state.dialogs);
    state.focus = Pane::Nodes;
    for id in [ActionId::ToggleNode, ActionId::DeleteNode] {
        assert!(why_not(&state, id).contains("protected"));
    }
    assert_eq!(why_not(&state, ActionId::Images), "");
    typed(&mut state, ".");
    assert!(shown(&state, 200, 50).contains("protected: contexts.read_only"));
}

#[test]
fn whatever_goes_for_good_is_asked_for_and_enter_is_no_answer() {
    let text = |text: &str| text.to_owned();
    for step in [
        Step::RemoveContainer {
            container: text("a"),
        },
        Step::RemoveVolume { volume: text("a") },
        Step::RemoveNetwork { network: text("a") },
        Step::RemovePath { path: text("/a") },
        Step::RemoveKubeconfig { context: text("a") },
        Step::RemoveImages {
            node: text("a"),
            images: vec![text("b")],
        },
    ] {
        let mut state = state();
        let (interrupted, only) = (false, Vec::new());
        let wish = Wish::Prune { interrupted, only };
        let mut plan = Plan::new("remove", ClusterName::existing("demo"));
        plan.add(step.clone(), []);
        state.dialogs.push(Dialog::Planning(7, wish.clone()));
        news(
            &mut state,
            TaskKey::Plan(7),
            News::Planned(Ok((wish, plan))),
        );
        assert_eq!(typed(&mut state, "<enter>"), [], "{step:?}");
        assert!(shown(&state, 120, 40).contains("yes, apply"), "{step:?}");
        let effects = typed(&mut state, "y");
        assert!(matches!(&effects[..], [Effect::Execute(..)]), "{step:?}");
    }
}

#[test]
fn a_harmless_plan_is_applied_with_enter_and_a_whole_cluster_goes_by_its_name_alone() {
    let demo = ClusterName::existing("demo");
    let mut harmless = Plan::new("stop", demo.clone());
    let container = "a".to_owned();
    harmless.add(Step::StopContainer { container }, []);
    for (wish, keys) in [
        (Wish::Stop(demo.clone()), "<enter>"),
        (Wish::Delete(demo.clone()), "demo<enter>"),
        (Wish::Remove(demo), "demo<enter>"),
    ] {
        let mut state = state();
        state.dialogs.push(Dialog::Planning(7, wish.clone()));
        let planned = Ok((wish.clone(), harmless.clone()));
        news(&mut state, TaskKey::Plan(7), News::Planned(planned));
        assert_eq!(typed(&mut state, "y"), [], "{wish:?}");
        let keys = if keys == "<enter>" {
            keys
        } else {
            "<backspace>demo<enter>"
        };
        let effects = typed(&mut state, keys);
        assert!(matches!(&effects[..], [Effect::Execute(..)]), "{wish:?}");
    }
}
