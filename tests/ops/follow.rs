//! Logs go on through restarts and broken connections, without a line twice and without one lost unsaid.

use coracle::{
    backend::{Error, ErrorKind},
    domain::{
        LogLine,
        container::{ContainerSpec, ContainerState},
        log::LogItem,
    },
    ops::follow::follow_container,
};
use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;

use super::place::{Place, create};

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
        LogItem::Line(line) => line.text.to_string(),
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
async fn a_container_is_followed_through_its_restart_and_after_another_one_took_its_place() {
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
    let another = ContainerSpec {
        name: NODE.to_owned(),
        labels: [("k3d.role".to_owned(), "server".to_owned())].into(),
        ..ContainerSpec::default()
    };
    runtime.create_container(&another).await.unwrap();
    runtime.start(NODE).await.unwrap();
    place.fake.log(NODE, vec![vec![line(900, "another one")]]);
    place.fake.happened("start", NODE);
    assert_eq!(next(&mut log).await, format!("-- {NODE} was started again"));
    assert_eq!(next(&mut log).await, "another one");
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
