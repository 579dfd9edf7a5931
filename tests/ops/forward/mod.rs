//! Forwards heal: whatever happens to pods and the API costs no more than the connections that went through it.

mod api;
mod faults;
mod sockets;

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use coracle::{
    domain::{Forward, ForwardState, Problem, ProblemKind},
    ops::forward::{self, Forwarding, Status},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep},
};

use self::api::{Cluster, Pod, SOON, pod};

type Pods = UnboundedReceiver<Pod>;

/// What is wanted: `svc/web 80`, at any local port.
fn wanted(words: &str) -> Forward {
    let (target, port) = words.split_once(' ').unwrap();
    Forward {
        target: target
            .parse::<coracle::domain::ForwardTarget>()
            .unwrap()
            .within("shop"),
        ports: vec![format!("127.0.0.1:0:{port}").parse().unwrap()],
    }
}

async fn open(cluster: &Arc<Cluster>, words: &str) -> Forwarding {
    forward::open(cluster.source(), &wanted(words))
        .await
        .unwrap()
}

/// A caller of the forward's only port.
fn call(forwarding: &mut Forwarding) -> DuplexStream {
    let remote = status(forwarding).addresses[0].1.clone();
    forwarding.connect(remote)
}

fn status(forwarding: &Forwarding) -> Status {
    forwarding.status().borrow().clone()
}

async fn says(stream: &mut DuplexStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn hears(stream: &mut DuplexStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// The rest, until the other side closes.
async fn rest(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// The caller and the next pod talk.
async fn talk(caller: &mut DuplexStream, pods: &mut Pods) -> Pod {
    says(caller, "ping").await;
    let mut pod = pods.recv().await.unwrap();
    hears(&mut pod.pipe, "ping").await;
    says(&mut pod.pipe, "pong").await;
    hears(caller, "pong").await;
    pod
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_and_are_counted() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    assert_eq!(
        cluster.opened.lock().unwrap().len(),
        0,
        "nothing is asked before"
    );
    let mut caller = call(&mut forwarding);
    let mut pod = talk(&mut caller, &mut pods).await;
    assert_eq!((pod.name.as_str(), pod.port), ("web-1", 8080));
    says(&mut pod.pipe, "!").await;
    hears(&mut caller, "!").await;
    sleep(Duration::from_secs(2)).await;
    let now = status(&forwarding);
    assert_eq!((now.open, now.total, now.sent, now.received), (1, 1, 4, 5));
    assert_eq!(now.state, ForwardState::Active(1));
    assert_eq!(
        now.traffic.last_minute(Instant::now()).iter().sum::<u64>(),
        9
    );
    assert_eq!(now.pod.unwrap().to_string(), "shop/web-1");
    drop(pod);
    assert_eq!(rest(&mut caller).await, "");
    drop(caller);
    sleep(SOON).await;
    let now = status(&forwarding);
    assert_eq!((now.open, now.total, now.last_error), (0, 1, None));
    assert_eq!(now.state, ForwardState::Listening);
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_for_a_pod_that_comes_after_twenty_seconds() {
    let (cluster, mut pods) = Cluster::new(&[]);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    let mut caller = call(&mut forwarding);
    sleep(Duration::from_secs(10)).await;
    let ForwardState::Waiting(why) = status(&forwarding).state else {
        panic!("{:?}", status(&forwarding).state);
    };
    assert_eq!(
        why.to_string(),
        "service/web has no pod that is ready: there is none in namespace shop"
    );
    cluster.set(vec![pod("web-1", false, "web", 8080)]);
    sleep(Duration::from_secs(10)).await;
    let ForwardState::Waiting(why) = status(&forwarding).state else {
        panic!("{:?}", status(&forwarding).state);
    };
    assert_eq!(why.why, "web-1 is not ready");
    let begun = Instant::now();
    cluster.set(vec![pod("web-1", true, "web", 8080)]);
    talk(&mut caller, &mut pods).await;
    assert!(begun.elapsed() < SOON, "a pod that is ready ends the pause");
    assert_eq!(status(&forwarding).state, ForwardState::Active(1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_a_pod_is_given_up_with_the_reason_and_the_next_one_is_not() {
    let (cluster, mut pods) = Cluster::new(&[]);
    let mut forwarding = open(&cluster, "app=web 8080").await;
    let begun = Instant::now();
    assert_eq!(rest(&mut call(&mut forwarding)).await, "");
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    sleep(SOON).await;
    let now = status(&forwarding);
    let (_, problem) = now.last_error.unwrap();
    assert_eq!(problem.what, "app=web has no pod that is ready");
    assert_eq!(now.state, ForwardState::Failed(problem));
    cluster.set(vec![pod("web-1", true, "web", 8080)]);
    talk(&mut call(&mut forwarding), &mut pods).await;
    assert_eq!(status(&forwarding).state, ForwardState::Active(1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_stops_sending_gets_the_whole_answer_however_late() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let mut forwarding = open(&cluster, "deploy/web 8080").await;
    // A Deployment is not known to this cluster; a selector is.
    assert_eq!(rest(&mut call(&mut forwarding)).await, "");
    let mut forwarding = open(&cluster, "app=web 8080").await;
    let mut caller = call(&mut forwarding);
    says(&mut caller, "question").await;
    caller.shutdown().await.unwrap();
    let mut pod = pods.recv().await.unwrap();
    hears(&mut pod.pipe, "question").await;
    let answer = "x".repeat(200_000);
    let (heard, ()) = tokio::join!(rest(&mut caller), async {
        for part in answer.as_bytes().chunks(50_000) {
            sleep(Duration::from_secs(50)).await;
            pod.pipe.write_all(part).await.unwrap();
        }
        drop(pod);
    });
    assert_eq!(heard.len(), answer.len());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_went_away_does_not_keep_the_pod_s_connection_for_ever() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let mut forwarding = open(&cluster, "app=web 8080").await;
    for (question, seconds) in [("", 5), ("and?", 60)] {
        let mut caller = call(&mut forwarding);
        let mut pod = talk(&mut caller, &mut pods).await;
        says(&mut caller, question).await;
        hears(&mut pod.pipe, question).await;
        drop(caller);
        let begun = Instant::now();
        assert_eq!(rest(&mut pod.pipe).await, "");
        assert_eq!(begun.elapsed().as_secs(), seconds);
        sleep(SOON).await;
        assert_eq!(status(&forwarding).open, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_s_ports_names_and_selector_are_those_of_the_moment() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    let taken = talk(&mut call(&mut forwarding), &mut pods).await;
    assert_eq!((taken.name.as_str(), taken.port), ("web-1", 8080));
    // The name is another number in the new pods.
    cluster.set(vec![
        pod("web-2", true, "web", 9090),
        pod("green-1", true, "green", 7070),
    ]);
    sleep(SOON).await;
    let taken = talk(&mut call(&mut forwarding), &mut pods).await;
    assert_eq!((taken.name.as_str(), taken.port), ("web-2", 9090));
    // The Service is switched to other pods.
    cluster.service.lock().unwrap()["spec"]["selector"] = json!({ "app": "green" });
    let taken = talk(&mut call(&mut forwarding), &mut pods).await;
    assert_eq!((taken.name.as_str(), taken.port), ("green-1", 7070));
    // A port that is not there is no reason to wait.
    let begun = Instant::now();
    let mut caller = forwarding.connect("81".parse().unwrap());
    assert_eq!(rest(&mut caller).await, "");
    assert!(begun.elapsed() < SOON);
    sleep(SOON).await;
    let (_, Problem { what, why, .. }) = status(&forwarding).last_error.unwrap();
    assert_eq!(what, "service/web has no TCP port 81");
    assert_eq!(why, "there are 80");
}

#[tokio::test(start_paused = true)]
async fn a_named_pod_is_the_only_one_and_may_come_back() {
    let (cluster, mut pods) = Cluster::new(&["db-0", "db-1"]);
    let mut forwarding = open(&cluster, "db-1 http").await;
    let taken = talk(&mut call(&mut forwarding), &mut pods).await;
    assert_eq!(taken.name, "db-1");
    cluster.set(vec![pod("db-0", true, "web", 1)]);
    let mut caller = call(&mut forwarding);
    sleep(Duration::from_secs(5)).await;
    cluster.set(vec![
        pod("db-0", true, "web", 1),
        pod("db-1", true, "web", 2),
    ]);
    let taken = talk(&mut caller, &mut pods).await;
    assert_eq!((taken.name.as_str(), taken.port), ("db-1", 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_watched_a_minute_after_the_last_caller_and_nothing_is_left_at_the_end() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let mut forwarding = open(&cluster, "svc/web 80").await;
    let watches = || cluster.watches.load(Ordering::SeqCst);
    drop(talk(&mut call(&mut forwarding), &mut pods).await);
    sleep(Duration::from_secs(59)).await;
    assert_eq!(watches(), 1);
    drop(talk(&mut call(&mut forwarding), &mut pods).await);
    assert_eq!(cluster.opened.lock().unwrap().len(), 1);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(watches(), 0);
    let mut caller = call(&mut forwarding);
    let mut pod = talk(&mut caller, &mut pods).await;
    assert_eq!(watches(), 1);
    drop(forwarding);
    assert_eq!(rest(&mut pod.pipe).await, "");
    assert_eq!(rest(&mut caller).await, "");
    drop((caller, pod));
    sleep(SOON).await;
    assert_eq!((watches(), Arc::strong_count(&cluster)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_named_pod_is_reached_as_soon_as_it_runs_ready_or_not() {
    let (cluster, mut pods) = Cluster::new(&[]);
    let mut starting = pod("db-0", false, "web", 1);
    starting["status"]["phase"] = "Pending".into();
    cluster.set(vec![starting]);
    let mut forwarding = open(&cluster, "db-0 http").await;
    let mut caller = call(&mut forwarding);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(cluster.dialled(), Vec::<String>::new());
    let begun = Instant::now();
    cluster.set(vec![pod("db-0", false, "web", 1)]);
    let taken = talk(&mut caller, &mut pods).await;
    assert_eq!((taken.name.as_str(), taken.port), ("db-0", 1));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_not_there_or_leads_to_no_pod_is_told_before_it_is_opened() {
    let (cluster, _pods) = Cluster::new(&["web-1"]);
    let asked = async |words: &str| forward::check(&cluster.source(), &wanted(words)).await;
    for there in ["svc/web 80", "web-1 8080", "web-1 http", "app=other 80"] {
        assert_eq!(asked(there).await, Ok(None), "{there}");
    }
    for (words, kind, says) in [
        ("svc/wbe 80", ProblemKind::NotFound, "not found"),
        ("web-9 80", ProblemKind::NotFound, "not found"),
        ("svc/web 81", ProblemKind::Usage, "there are 80"),
    ] {
        let problem = asked(words).await.unwrap_err();
        assert_eq!(problem.kind, kind, "{words}: {problem}");
        assert!(problem.why.contains(says), "{words}: {problem}");
    }
    let mut ended = pod("web-1", false, "web", 8080);
    ended["status"]["phase"] = "Succeeded".into();
    cluster.set(vec![ended]);
    let problem = asked("web-1 80").await.unwrap_err();
    assert!(problem.why.contains("it has ended"), "{problem}");

    *cluster.service.lock().unwrap() = json!({
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "type": "ExternalName", "externalName": "example.org" },
    });
    let problem = asked("svc/web 80").await.unwrap_err();
    assert!(problem.why.contains("ExternalName"), "{problem}");

    // A cluster that is stopped may be started later.
    cluster.up.send_replace(false);
    let unanswered = asked("svc/wbe 80").await.unwrap().unwrap();
    assert_eq!(unanswered.kind, ProblemKind::Unreachable);
}
