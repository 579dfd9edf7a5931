//! What operations do and say when something is wrong, case by case.

use std::time::Duration;

use coracle::{
    domain::{
        ProblemKind,
        container::{ContainerState, NetworkSpec},
        spec::RunOptions,
    },
    ops::{Wish, carry_out, prepare},
    plan::{Event, Step},
};
use serde_json::json;
use tokio::sync::mpsc;

use super::place::{Place, create, demo};

#[tokio::test(start_paused = true)]
async fn what_cannot_be_undone_is_named_and_its_mark_stays() {
    let place = Place::new();
    let container = "k3d-demo-agent-0";
    place.fake.say(container, &["level=fatal msg=\"no way\""]);
    place
        .fake
        .refuse_always(&format!("remove container {container}"));
    let failure = place.run(create(1, 1), None).await.unwrap_err();
    assert!(!failure.undone);
    let left = &failure.left;
    assert!(left.contains(&format!("container {container}")), "{left:?}");
    assert!(left.contains(&"network k3d-demo".to_owned()), "{left:?}");
    let names = place.snapshot().0.names();
    assert!(
        names.iter().any(|name| name.ends_with("unfinished")),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|name| name.contains("server-0:")),
        "{names:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_come_up_is_noticed_with_the_end_of_its_log() {
    let place = Place::new();
    let line = "level=fatal msg=\"failed to find interface with specified node ip\"";
    place.fake.say("k3d-demo-agent-0", &["first", line]);
    let begun = tokio::time::Instant::now();
    let failure = place.run(create(1, 1), None).await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(failure.problem.what.contains("k3d-demo-agent-0"));
    assert!(failure.problem.why.contains("first") && failure.problem.why.contains(line));
    assert!(failure.problem.hint.contains("address changed"));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_says_nothing_runs_into_the_timeout_which_says_what_was_waited_for() {
    let place = Place::new();
    place.fake.say("k3d-demo-agent-0", &["still at it"]);
    let mut request = place.request(create(1, 1));
    request.options = RunOptions {
        timeout: Duration::from_secs(30),
        ..RunOptions::default()
    };
    let backends = place.backends();
    let before = place.snapshot();
    let plan = prepare(&backends, &request).await.unwrap();
    let (events, _taken) = mpsc::channel(1);
    let ended = carry_out(&backends, &request, plan, events, &place.fake.cancel).await;
    let failure = ended.unwrap_err();
    assert!(failure.problem.why.contains("30 s"), "{failure:?}");
    assert!(
        failure.problem.why.contains("wait until Ready"),
        "{failure:?}"
    );
    assert!(failure.problem.why.contains("still at it"), "{failure:?}");
    assert_eq!(place.snapshot().0, before.0);
}

#[tokio::test(start_paused = true)]
async fn without_roll_back_everything_stays_and_is_named() {
    let place = Place::new();
    place
        .fake
        .say("k3d-demo-agent-0", &["level=fatal msg=\"no way\""]);
    let mut request = place.request(create(1, 1));
    request.options.rollback = false;
    let backends = place.backends();
    let plan = prepare(&backends, &request).await.unwrap();
    let (events, _taken) = mpsc::channel(256);
    let ended = carry_out(&backends, &request, plan, events, &place.fake.cancel).await;
    let failure = ended.unwrap_err();
    assert!(!failure.undone);
    for thing in ["container k3d-demo-server-0", "network k3d-demo"] {
        assert!(
            failure.left.contains(&thing.to_owned()),
            "{:?}",
            failure.left
        );
    }
    let names = place.snapshot().0.names();
    assert!(names.contains(&"k3d-demo-server-0:running".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn asking_twice_gives_up_the_undoing_and_names_the_rest() {
    let place = Place::new();
    place.fake.say("k3d-demo-agent-0", &["still at it"]);
    let request = place.request(create(1, 1));
    let backends = place.backends();
    let plan = prepare(&backends, &request).await.unwrap();
    let (events, mut taken) = mpsc::channel(256);
    let cancel = place.fake.cancel.clone();
    let work = carry_out(&backends, &request, plan, events, &cancel);
    let person = async {
        while let Some(event) = taken.recv().await {
            match event {
                Event::Progress(_, progress) if progress.message.contains("still at it") => {
                    cancel.cancel();
                }
                Event::Undone(_) => {
                    cancel.cancel();
                    break;
                }
                _ => {}
            }
        }
    };
    let (ended, ()) = tokio::join!(work, person);
    let failure = ended.unwrap_err();
    assert_eq!(failure.problem.kind, ProblemKind::Refused, "{failure:?}");
    assert!(!failure.undone && !failure.left.is_empty(), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn taken_addresses_are_chosen_anew() {
    let place = Place::new();
    let request = place.request(create(1, 0));
    let backends = place.backends();
    let plan = prepare(&backends, &request).await.unwrap();
    // Meanwhile somebody takes exactly these.
    let subnet = plan
        .steps
        .iter()
        .find_map(|planned| match &planned.step {
            Step::CreateNetwork(network) => Some(network.clone()),
            _ => None,
        })
        .unwrap();
    let theirs = NetworkSpec {
        name: "theirs".into(),
        ..subnet.clone()
    };
    backends.runtime.create_network(&theirs).await.unwrap();
    let (events, _taken) = mpsc::channel(256);
    let report = carry_out(
        &backends,
        &request,
        plan.clone(),
        events,
        &place.fake.cancel,
    )
    .await
    .unwrap();
    assert_ne!(report.plan, plan);
    assert_eq!(backends.runtime.networks().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn scaling_down_empties_the_node_and_forgets_it() {
    let place = Place::new();
    place.run(create(1, 2), None).await.unwrap();
    place.fake.pods(vec![
        json!({ "metadata": { "name": "web", "namespace": "default", "uid": "1" } }),
        json!({ "metadata": { "name": "agent", "namespace": "default", "uid": "2", "ownerReferences": [{ "kind": "DaemonSet" }] } }),
    ]);
    let node = "nodes//k3d-demo-agent-1";
    assert!(place.fake.object(node).is_some());
    let scale = Wish::Scale {
        cluster: demo(),
        servers: None,
        agents: Some(1),
    };
    place.run(scale, None).await.unwrap();
    assert!(place.fake.object(node).is_none());
    assert!(
        place
            .fake
            .object("secrets/kube-system/k3d-demo-agent-1.node-password.k3s")
            .is_none()
    );
    let names = place.snapshot().0.names();
    assert!(
        !names.iter().any(|name| name.contains("agent-1")),
        "{names:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_creates_of_one_name_do_not_take_each_others_things() {
    let place = Place::new();
    let backends = place.backends();
    let (one, other) = (place.request(create(1, 0)), place.request(create(1, 0)));
    let plans = [
        prepare(&backends, &one).await.unwrap(),
        prepare(&backends, &other).await.unwrap(),
    ];
    let [first, second] = plans;
    let (events, _taken) = mpsc::channel(256);
    let cancel = &place.fake.cancel;
    let (a, b) = tokio::join!(
        carry_out(&backends, &one, first, events.clone(), cancel),
        carry_out(&backends, &other, second, events, cancel),
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let names = place.snapshot().0.names();
    let running = names.iter().filter(|name| name.ends_with(":running"));
    assert_eq!(running.count(), 2, "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn addresses_of_a_network_that_is_not_listed_yet_are_gone_around() {
    let place = Place::new();
    let free = [
        "172.18.0.0/16",
        "172.19.0.0/16",
        "172.20.0.0/16",
        "172.21.0.0/16",
    ];
    place.fake.reserve(&free);
    let report = place.run(create(1, 1), None).await.unwrap();
    let json = serde_json::to_string(&report.plan.to_json()).unwrap();
    assert!(json.contains("172.22.0.0/16"), "{json}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_is_noticed_while_its_api_is_waited_for() {
    let place = Place::new();
    place.run(create(1, 0), None).await.unwrap();
    place
        .fake
        .set_state("k3d-demo-serverlb", ContainerState::Exited);
    place
        .fake
        .say("k3d-demo-server-0", &["level=fatal msg=\"no disk\""]);
    place
        .fake
        .set_state("k3d-demo-server-0", ContainerState::Exited);
    let failure = place.run(Wish::Start(demo()), None).await.unwrap_err();
    assert!(failure.problem.why.contains("no disk"), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kubeconfig_that_cannot_be_written_costs_a_warning_and_not_the_cluster() {
    let place = Place::new();
    place.write_kubeconfig("clusters: [");
    let way = "coracle kubeconfig merge demo";
    // Before the first container there is time to mend it.
    let request = place.request(create(1, 0));
    let plan = prepare(&place.backends(), &request).await.unwrap();
    let told = plan.warnings.iter().find(|warning| warning.contains(way));
    assert!(
        told.is_some_and(|told| told.contains("not a kubeconfig")),
        "{:?}",
        plan.warnings
    );

    let report = place.run(create(1, 0), None).await.unwrap();
    let [warning] = report.warnings.as_slice() else {
        panic!("{:?}", report.warnings);
    };
    assert!(warning.what.contains("not a kubeconfig"), "{warning}");
    assert!(warning.hint.contains(way), "{warning:?}");
    let names = place.fake.things().names();
    assert!(
        names.contains(&"k3d-demo-server-0:running".to_owned()),
        "{names:?}"
    );

    place.write_kubeconfig("");
    let plan = prepare(&place.backends(), &place.request(Wish::Delete(demo())))
        .await
        .unwrap();
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}
