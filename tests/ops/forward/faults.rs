//! Every fault at every point.

use std::time::Duration;

use coracle::backend::ErrorKind;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};

use super::{
    api::{Cluster, Dial, SOON, pod},
    call, hears, open, rest, says, status, talk,
};

#[tokio::test(start_paused = true)]
async fn no_failure_to_connect_reaches_the_caller_while_another_try_may_succeed() {
    for dial in [
        Dial::Fails(ErrorKind::NotFound),
        Dial::Fails(ErrorKind::Conflict),
        Dial::Fails(ErrorKind::Unreachable),
        Dial::Fails(ErrorKind::Timeout),
        Dial::Fails(ErrorKind::Failed),
        Dial::Refused,
        Dial::Cut,
    ] {
        for times in [1, 2, 5] {
            for pods_ready in [&["web-1"][..], &["web-1", "web-2"]] {
                let (cluster, mut pods) = Cluster::new(pods_ready);
                cluster.dials.lock().unwrap().extend([dial].repeat(times));
                let mut forwarding = open(&cluster, "svc/web 80").await;
                let mut caller = call(&mut forwarding);
                let begun = Instant::now();
                if dial == Dial::Cut {
                    // Nothing was asked yet, so that nothing can be asked twice.
                    sleep(Duration::from_secs(2)).await;
                }
                talk(&mut caller, &mut pods).await;
                assert!(begun.elapsed() < Duration::from_secs(5), "{dial:?} {times}");
                assert_eq!(cluster.dialled().len(), times + 1, "{dial:?}");
                assert_eq!(status(&forwarding).open, 1);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_pod_gets_all_that_the_caller_has_sent_to_one_that_refused() {
    let (cluster, mut pods) = Cluster::new(&["web-1", "web-2"]);
    cluster.dials.lock().unwrap().push_back(Dial::Refused);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    let mut caller = call(&mut forwarding);
    says(&mut caller, "question").await;
    caller.shutdown().await.unwrap();
    let mut pod = pods.recv().await.unwrap();
    hears(&mut pod.pipe, "question").await;
    assert_eq!(cluster.dialled(), ["web-1:8080", "web-2:8080"]);
    says(&mut pod.pipe, "answer").await;
    drop(pod);
    assert_eq!(rest(&mut caller).await, "answer");
    let now = status(&forwarding);
    let (_, problem) = now.last_error.unwrap();
    assert_eq!(
        problem.to_string(),
        "port 80 of pod web-1 takes no connections: nothing listens there"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_may_have_had_is_never_sent_twice() {
    let (cluster, mut pods) = Cluster::new(&["web-1", "web-2"]);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    // Before the answer, and in its middle.
    for answer in ["", "half of it"] {
        let mut caller = call(&mut forwarding);
        says(&mut caller, "order one").await;
        let mut pod = pods.recv().await.unwrap();
        hears(&mut pod.pipe, "order one").await;
        says(&mut pod.pipe, answer).await;
        hears(&mut caller, answer).await;
        pod.cut();
        assert_eq!(rest(&mut caller).await, "");
        sleep(SOON).await;
        let (_, problem) = status(&forwarding).last_error.unwrap();
        assert_eq!(problem.what, "the connection to port 80 of pod web-1 broke");
    }
    assert_eq!(cluster.dialled().len(), 2);
    assert_eq!(status(&forwarding).open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_outlives_its_pod() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    let mut caller = call(&mut forwarding);
    let first = pods.recv().await.unwrap();
    sleep(Duration::from_secs(3_600)).await;
    cluster.set(vec![]);
    first.cut();
    sleep(Duration::from_secs(20)).await;
    cluster.set(vec![pod("web-2", true, "web", 8080)]);
    assert_eq!(talk(&mut caller, &mut pods).await.name, "web-2");
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_never_answers_and_a_wrong_port_are_given_up_in_time() {
    let (cluster, _pods) = Cluster::new(&["web-1"]);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    let begun = Instant::now();
    cluster.dials.lock().unwrap().push_back(Dial::Hangs);
    assert_eq!(rest(&mut call(&mut forwarding)).await, "");
    assert_eq!(begun.elapsed().as_secs(), 30);
    cluster
        .dials
        .lock()
        .unwrap()
        .extend([Dial::Refused].repeat(100));
    let begun = Instant::now();
    assert_eq!(rest(&mut call(&mut forwarding)).await, "");
    assert_eq!(begun.elapsed().as_secs(), 10);
    let tries = 100 - cluster.dials.lock().unwrap().len();
    assert!((5..12).contains(&tries), "{tries} tries");
    let refused = [Dial::Fails(ErrorKind::Forbidden)];
    *cluster.dials.lock().unwrap() = refused.into();
    let begun = Instant::now();
    assert_eq!(rest(&mut call(&mut forwarding)).await, "");
    assert!(begun.elapsed() < SOON, "waiting gives nobody a right");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_away_is_asked_ever_more_seldom_and_opened_anew() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    cluster.up.send_replace(false);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    let mut caller = call(&mut forwarding);
    sleep(Duration::from_secs(20)).await;
    let opened = cluster.opened.lock().unwrap().clone();
    let pauses: Vec<u128> = opened
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_millis())
        .collect();
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 3_200, 6_400]);
    cluster.up.send_replace(true);
    talk(&mut caller, &mut pods).await;
    // It goes while somebody is connected, and comes back: the next caller does not notice.
    cluster.up.send_replace(false);
    sleep(Duration::from_millis(100)).await;
    let mut next = call(&mut forwarding);
    sleep(Duration::from_secs(5)).await;
    cluster.up.send_replace(true);
    talk(&mut next, &mut pods).await;
}
