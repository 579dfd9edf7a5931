//! Followed logs that bring nothing more: because a connection is dead without a word, or because nothing can come.

use coracle::{
    backend::{ErrorKind, sim::Fault},
    domain::{ObjectKey, Workload},
    ops::follow::{Query, Target},
    resources::unlisted,
};
use serde_json::json;

use super::follow_pods::{Scene, all};

#[tokio::test(start_paused = true)]
async fn a_job_that_is_followed_is_over_when_it_says_so_and_its_pods_are() {
    let scene = Scene::new().await;
    let job = json!({
        "metadata": { "name": "copy", "namespace": "test" },
        "spec": { "selector": { "matchLabels": { "job": "copy" } } },
    });
    scene
        .api
        .create(&unlisted::JOBS, "test", &job)
        .await
        .unwrap();
    let extra = json!({
        "metadata": { "labels": { "job": "copy" } },
        "spec": { "restartPolicy": "Never" },
    });
    let of_job = || Query {
        targets: vec![Target::Of(
            "job/copy".parse::<Workload>().unwrap().within("test"),
        )],
        ..all()
    };
    let first = scene.pod("copy-a", &extra);
    scene.stage.write(&first, "app", "one");
    let log = scene.follow(of_job());
    log.after(1).await;
    scene.stage.end(&first, "app", 1, false);
    scene.stage.show(&first);
    log.after(60).await;
    assert!(!log.is_over(), "it may be tried again");
    let second = scene.pod("copy-b", &extra);
    scene.stage.write(&second, "app", "two");
    log.after(1).await;
    let patch = json!({ "status": { "conditions": [{ "type": "Complete", "status": "True" }] } });
    let key = ObjectKey::new("test", "copy");
    scene
        .api
        .patch(&unlisted::JOBS, &key, &patch)
        .await
        .unwrap();
    log.after(60).await;
    assert!(!log.is_over(), "its pod still writes");
    scene.stage.write(&second, "app", "three");
    scene.stage.end(&second, "app", 0, false);
    scene.stage.show(&second);
    let words = log.after(10).await;
    assert_eq!(
        words[words.len() - 2..],
        ["copy-b/app: three", "-- copy-b/app ended (exit code 0)"]
    );
    assert!(log.is_over());
    let again = scene.follow(of_job());
    again.after(10).await;
    assert!(again.is_over(), "nothing can come of one that is over");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_that_is_dead_is_found_out_and_nothing_is_lost() {
    let scene = Scene::new().await;
    let key = scene.pod("a", &json!({}));
    scene.stage.write(&key, "app", "one");
    let log = scene.follow(all());
    log.after(10).await;
    scene
        .world
        .faults()
        .add("line of test/a/app", 0, Fault::Hang);
    scene.stage.write(&key, "app", "two");
    assert_eq!(log.after(10).await, ["a/app: one"]);
    assert_eq!(log.after(20).await, ["a/app: one", "a/app: two"]);
    scene.stage.write(&key, "app", "three");
    assert_eq!(log.after(1).await[2..], ["a/app: three"]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_says_nothing_costs_one_request_in_five_minutes_in_the_end() {
    let scene = Scene::new().await;
    let key = scene.pod("a", &json!({}));
    scene.stage.write(&key, "app", "one");
    let log = scene.follow(all());
    let asked = || {
        let faults = scene.world.faults();
        let journal = faults.journal().iter();
        journal.filter(|call| call.starts_with("log ")).count()
    };
    log.after(20).await;
    let begun = asked();
    log.after(15).await;
    assert_eq!(asked(), begun + 1);
    log.after(600).await;
    let before = asked();
    assert_eq!(log.after(3_600).await, ["a/app: one"]);
    assert_eq!(asked(), before + 12);
    // Looks that fail are told, and so is it that nothing was missed.
    for _ in 0..2 {
        let fault = Fault::Fail(ErrorKind::Unreachable);
        scene.world.faults().add("log test/a/app", 0, fault);
    }
    let words = log.after(900).await;
    assert!(
        words.len() == 2 && words[1].contains("a fault of the simulation"),
        "{words:?}"
    );
    scene.stage.write(&key, "app", "two");
    assert_eq!(
        log.after(1).await[2..],
        ["-- a/app goes on, no line is missing", "a/app: two"]
    );
}
