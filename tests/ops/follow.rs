//! Logs go on through restarts and broken connections, without a line twice and without one lost unsaid.

use std::sync::Arc;

use coracle::{
    backend::{Error, ErrorKind, KubeApi},
    domain::{LogLine, ObjectKey, container::ContainerState, log::LogItem},
    ops::{
        Wish,
        follow::{follow_container, follow_pod},
    },
};
use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::place::{Place, create, demo};

const NODE: &str = "k3d-demo-server-0";

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands beside lines that failed"
)]
fn line(second: i64, text: &str) -> Result<LogLine, Error> {
    Ok(LogLine::plain(Timestamp::from_second(second).ok(), text))
}

fn broken() -> Result<LogLine, Error> {
    Err(Error::new(
        ErrorKind::Unreachable,
        "read the log",
        "connection reset",
    ))
}

async fn place() -> Place {
    let place = Place::new();
    place.run(create(1, 0), None).await.unwrap();
    place
}

fn words(item: &LogItem) -> String {
    match item {
        LogItem::Line(line) => match &line.source {
            None => line.text.to_string(),
            Some(source) => format!("{}: {}", source.container, line.text),
        },
        LogItem::Mark(mark) => format!("-- {mark}"),
    }
}

async fn next(log: &mut BoxStream<'static, LogItem>) -> String {
    words(&log.next().await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_costs_no_line_and_shows_none_twice() {
    let place = place().await;
    place.fake.log(
        NODE,
        vec![
            vec![line(1, "a"), line(2, "b"), line(2, "b"), broken()],
            vec![broken()],
            vec![
                line(2, "b"),
                line(2, "b"),
                line(2, "c"),
                line(3, "d"),
                broken(),
            ],
            vec![line(9, "e")],
        ],
    );
    let mut log = follow_container(place.backends().runtime, NODE, 100);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "e") {
        seen.push(next(&mut log).await);
    }
    assert_eq!(
        seen,
        [
            "a",
            "b",
            "b",
            "-- the log broke off: connection reset",
            "c",
            "d",
            "-- the log broke off: connection reset",
            "-- lines may be missing here: the engine no longer has what came before",
            "e"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_started_again_and_then_removed_is_followed_to_its_end() {
    let place = place().await;
    let answers = vec![
        vec![line(1, "first life")],
        // An engine keeps one log for all lives of a container.
        vec![line(1, "first life"), line(500, "second life")],
        vec![],
    ];
    place.fake.log(NODE, answers);
    let mut log = follow_container(place.backends().runtime, NODE, 100);
    assert_eq!(next(&mut log).await, "first life");
    let runtime = place.backends().runtime;
    runtime.stop(NODE, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(
        next(&mut log).await,
        format!("-- {NODE} ended with exit code 1")
    );
    runtime.start(NODE).await.unwrap();
    place.fake.happened("start", NODE);
    assert_eq!(next(&mut log).await, format!("-- {NODE} was started again"));
    assert_eq!(next(&mut log).await, "second life");
    place.fake.set_state(NODE, ContainerState::Exited);
    runtime.remove_container(NODE).await.unwrap();
    assert_eq!(next(&mut log).await, format!("-- {NODE} is gone"));
    assert_eq!(log.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_slow_gets_every_line_in_order() {
    let place = place().await;
    let many = (0..5_000).map(|n| line(n, &n.to_string())).collect();
    place.fake.log(NODE, vec![many]);
    let mut log = follow_container(place.backends().runtime, NODE, u32::MAX);
    for n in 0..5_000 {
        assert_eq!(next(&mut log).await, n.to_string());
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

fn pod(uid: &str, restarts: u64, state: &Value) -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "default", "uid": uid },
        "spec": {
            "restartPolicy": "Always",
            "containers": [{ "name": "app" }, { "name": "side" }],
        },
        "status": { "phase": "Running", "containerStatuses": [
            {
                "name": "app",
                "restartCount": restarts,
                "state": state,
                "lastState": { "terminated": { "reason": "OOMKilled", "exitCode": 137 } },
            },
            { "name": "side", "restartCount": 0, "state": { "running": {} } },
        ] },
    })
}

fn pod_log(place: &Place) -> BoxStream<'static, LogItem> {
    let api: Arc<dyn KubeApi> = Arc::new(place.fake.clone());
    let key = ObjectKey::new("default", "web");
    follow_pod(api, key, 100)
}

#[tokio::test(start_paused = true)]
async fn all_containers_of_a_pod_are_followed_through_a_restart_and_its_reason() {
    let place = place().await;
    let running = json!({ "running": {} });
    place
        .fake
        .put_object("pods/default/web", pod("1", 0, &running));
    let first = vec![line(1, "one")];
    let waits = vec![Err(Error::new(ErrorKind::Invalid, "log", "not started"))];
    place
        .fake
        .log("web/app", vec![first, waits, vec![line(9, "two")]]);
    place.fake.log("web/side", vec![]);
    let mut log = pod_log(&place);
    assert_eq!(next(&mut log).await, "app: one");
    place
        .fake
        .put_object("pods/default/web", pod("1", 1, &running));
    let restarted = "-- app was started again (OOMKilled, exit code 137)";
    assert_eq!(next(&mut log).await, restarted);
    assert_eq!(next(&mut log).await, "-- the log broke off: not started");
    assert_eq!(next(&mut log).await, "app: two");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_replaced_is_followed_and_one_that_is_not_ends_the_log() {
    let place = place().await;
    let running = json!({ "running": {} });
    place
        .fake
        .put_object("pods/default/web", pod("1", 0, &running));
    place.fake.log(
        "web/app",
        vec![vec![line(1, "old")], vec![line(2, "new")], vec![]],
    );
    place.fake.log("web/side", vec![vec![], vec![]]);
    let mut log = pod_log(&place);
    assert_eq!(next(&mut log).await, "app: old");
    place
        .fake
        .put_object("pods/default/web", pod("2", 0, &running));
    assert_eq!(
        next(&mut log).await,
        "-- another default/web has taken its place"
    );
    assert_eq!(next(&mut log).await, "app: new");
    place.fake.remove_object("pods/default/web");
    assert_eq!(next(&mut log).await, "-- default/web is gone");
    assert_eq!(log.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_done_is_read_to_its_end() {
    let place = place().await;
    let mut done = pod("1", 0, &json!({ "terminated": { "exitCode": 0 } }));
    done["spec"]["restartPolicy"] = json!("Never");
    done["spec"]["containers"] = json!([{ "name": "app" }]);
    done["status"]["phase"] = json!("Succeeded");
    place.fake.put_object("pods/default/web", done);
    place.fake.log("web/app", vec![vec![line(1, "all of it")]]);
    let mut items = pod_log(&place);
    let log: Vec<String> = items.by_ref().map(|item| words(&item)).collect().await;
    // The end may be asked for again, as whoever gathers lines does.
    assert_eq!(items.next().await, None);
    assert_eq!(
        log,
        [
            "app: all of it",
            "-- app ended with exit code 0",
            "-- all containers of default/web are done"
        ]
    );
    place.run(Wish::Delete(demo()), None).await.unwrap();
}
