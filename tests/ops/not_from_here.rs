//! A cluster that runs where this machine does not reach it: in a container that has only the engine's socket, beside an
//! engine on another machine.

use std::time::Duration;

use tokio::time::Instant;

use super::place::{Place, create};

#[tokio::test(start_paused = true)]
async fn a_cluster_that_runs_and_is_not_reached_is_kept_and_said_within_seconds() {
    let place = Place::new();
    place.fake.refuse_always("ask /readyz");
    let begun = Instant::now();
    let report = place.run(create(1, 1), None).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60));
    let [said] = report.warnings.as_slice() else {
        panic!("{:?}", report.warnings);
    };
    assert!(said.what.contains("not reached from here at 127.0.0.1:"));
    assert!(said.hint.contains("https://k3d-demo-serverlb:6443"));
    let (things, kubeconfig) = place.snapshot();
    assert!(
        things
            .names()
            .contains(&"k3d-demo-agent-0:running".to_owned())
    );
    assert_eq!(kubeconfig["current-context"], "k3d-demo");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_answers_nowhere_is_waited_for_and_then_taken_back() {
    let place = Place::new();
    place.fake.refuse_always("ask /readyz");
    place.fake.refuse_inside();
    let failure = place.run(create(1, 0), None).await.unwrap_err();
    assert!(failure.undone, "{failure}");
    assert!(failure.problem.what.contains("API"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_reached_has_nothing_to_note() {
    let report = Place::new().run(create(1, 1), None).await.unwrap();
    assert_eq!(report.warnings, []);
}
