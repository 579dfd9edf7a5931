//! Rows of a kind: the first list, the watch behind it, and what happens when either goes wrong.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use coracle::{
    backend::{Change, KubeApi, WatchItem},
    domain::{Health, ProblemKind},
    resources::{Cell, Row, Scope, nodes, pods},
};
use futures::{StreamExt, stream::BoxStream};
use serde_json::json;

use super::server::{
    Fake, Reply, Seen, Tap, bookmark, event, namespaces, pods as pods_table, status, status_object,
    stream,
};

type Rows = BoxStream<'static, WatchItem>;

/// The next item. The limit is only there so that a test that would wait for ever fails.
async fn next(rows: &mut Rows) -> WatchItem {
    tokio::time::timeout(Duration::from_secs(120), rows.next())
        .await
        .expect("the watch tells something")
        .expect("a watch never ends")
}

fn watch(api: &Arc<dyn KubeApi>) -> Rows {
    api.watch(&pods::KIND, &Scope::default())
}

fn names(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = rows.iter().map(|row| row.key.to_string()).collect();
    names.sort();
    names
}

/// All rows until the list is complete, and whether it replaced what was known.
async fn listed(rows: &mut Rows) -> (Vec<Row>, bool) {
    let (mut all, mut replaced) = (Vec::new(), false);
    loop {
        match next(rows).await {
            WatchItem::Page { rows, first } => {
                assert!(!(first && replaced), "a list begins once");
                replaced |= first;
                all.extend(rows);
            }
            WatchItem::Live => return (all, replaced),
            other => panic!("{other:?}"),
        }
    }
}

async fn broken(rows: &mut Rows) -> (ProblemKind, String, u32) {
    match next(rows).await {
        WatchItem::Broken {
            problem,
            retry_in,
            attempt,
        } => {
            assert!(retry_in <= Duration::from_secs(15));
            (problem.kind, problem.why, attempt)
        }
        other => panic!("{other:?}"),
    }
}

/// Streams for the watches that a test expects to be opened, in order; what goes beyond them is not answered.
#[derive(Default)]
struct Prepared(Mutex<VecDeque<Reply>>);

impl Prepared {
    fn new(count: usize) -> (Vec<Tap>, Self) {
        let (taps, replies) = (0..count).map(|_| stream()).unzip();
        (taps, Self(Mutex::new(replies)))
    }

    fn next(&self) -> Reply {
        let next = self.0.lock().unwrap().pop_front();
        next.unwrap_or(Reply::Silence)
    }
}

/// A cluster of the namespaces a, with two pages of pods, and b.
fn world(request: &Seen, watches: &Prepared) -> Reply {
    let table = match (request.path.as_str(), request.query("continue")) {
        ("/api/v1/namespaces", _) => namespaces("100", &["a", "b"]),
        ("/api/v1/namespaces/a/pods", "") => pods_table("102", &["a1"], "two="),
        ("/api/v1/namespaces/a/pods", "two=") => pods_table("102", &["a2"], ""),
        ("/api/v1/namespaces/b/pods", _) => pods_table("101", &["b1"], ""),
        ("/api/v1/pods", _) if request.is_watch() => return watches.next(),
        _ => return status(404, "no such thing"),
    };
    Reply::Json(200, table)
}

async fn fake_world(count: usize) -> (Fake, Vec<Tap>) {
    let (taps, watches) = Prepared::new(count);
    let fake = Fake::new(move |request| world(request, &watches)).await;
    (fake, taps)
}

#[tokio::test]
async fn every_namespace_is_listed_by_itself_and_the_watch_begins_at_the_oldest_version() {
    let (fake, taps) = fake_world(1).await;
    let mut rows = watch(&fake.api().await);
    let (all, replaced) = listed(&mut rows).await;
    assert!(replaced);
    assert_eq!(names(&all), ["a/a1", "a/a2", "b/b1"]);
    let lists = fake.seen();
    assert_eq!(lists.len(), 4, "{lists:#?}");
    for list in &lists {
        assert_eq!(list.query("includeObject"), "None");
        assert_eq!(list.query("limit"), "500");
        assert!(list.headers["accept"].contains("as=Table"));
        assert!(list.headers["user-agent"].starts_with("coracle/"));
    }

    taps[0].event(&event("ADDED", true, "103", "c", "c1"));
    let WatchItem::Changes(changes) = next(&mut rows).await else {
        panic!("a change");
    };
    let [Change::Set(row)] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(row.key.to_string(), "c/c1");
    assert_eq!(row.uid.as_deref(), Some("uid-c1"));
    assert_eq!(row.health, Health::Failing);
    assert_eq!(row.cells[3], Cell::Number(2));
    let created = "2026-11-20T00:00:00Z".parse().unwrap();
    assert_eq!(
        row.cells[4],
        Cell::Since(created),
        "exact, not the table's 2h"
    );

    // The namespaces' list is the oldest: what a namespace made after it holds is in no list.
    let opened = &fake.watches()[0];
    assert_eq!(opened.query("resourceVersion"), "100");
    assert_eq!(opened.query("allowWatchBookmarks"), "true");
    assert_eq!(opened.headers["accept-encoding"], "identity");
}

#[tokio::test]
async fn events_cut_anywhere_and_many_at_once_come_in_order_and_together() {
    let (fake, taps) = fake_world(1).await;
    let mut rows = watch(&fake.api().await);
    listed(&mut rows).await;

    let text = format!("{}\n", event("ADDED", true, "103", "a", "x"));
    let (head, tail) = text.as_bytes().split_at(text.len() / 2);
    taps[0].bytes(head);
    taps[0].bytes(tail);
    let item = next(&mut rows).await;
    assert!(
        matches!(&item, WatchItem::Changes(changes) if changes.len() == 1),
        "{item:?}"
    );

    let together = [
        event("MODIFIED", false, "104", "a", "x"),
        bookmark("105"),
        event("DELETED", false, "106", "a", "x"),
        event("ADDED", false, "107", "b", "y"),
    ]
    .map(|event| event.to_string())
    .join("\n");
    taps[0].bytes(format!("{together}\n").as_bytes());
    let WatchItem::Changes(changes) = next(&mut rows).await else {
        panic!("changes");
    };
    let told: Vec<(bool, String)> = changes
        .iter()
        .map(|change| match change {
            Change::Set(row) => (true, row.key.to_string()),
            Change::Gone(key) => (false, key.to_string()),
        })
        .collect();
    let want =
        [(true, "a/x"), (false, "a/x"), (true, "b/y")].map(|(set, key)| (set, key.to_owned()));
    assert_eq!(told, want);
}

#[tokio::test]
async fn a_broken_connection_is_told_and_the_watch_goes_on_where_it_was() {
    let (fake, taps) = fake_world(2).await;
    let mut rows = watch(&fake.api().await);
    listed(&mut rows).await;
    let lists = fake.seen().len();

    taps[0].event(&event("ADDED", true, "103", "a", "x"));
    assert!(matches!(next(&mut rows).await, WatchItem::Changes(_)));
    taps[0].event(&bookmark("200"));
    taps[0].bytes(b"{\"type\":\"ADD");
    taps[0].cut();
    let (kind, _, attempt) = broken(&mut rows).await;
    assert_eq!((kind, attempt), (ProblemKind::Unreachable, 1));
    assert_eq!(next(&mut rows).await, WatchItem::Live);
    taps[1].event(&event("ADDED", true, "201", "a", "z"));
    assert!(matches!(next(&mut rows).await, WatchItem::Changes(_)));
    let watches = fake.watches();
    assert_eq!(watches[1].query("resourceVersion"), "200");
    assert_eq!(fake.seen().len(), lists + 2, "no second list");
}

#[tokio::test]
async fn a_forgotten_version_means_a_new_list() {
    let (fake, taps) = fake_world(2).await;
    let mut rows = watch(&fake.api().await);
    listed(&mut rows).await;
    taps[0].event(&event("ADDED", true, "103", "a", "x"));
    let gone = json!({"type": "ERROR", "object": status_object(410, "too old resource version")});
    taps[0].event(&gone);
    assert!(matches!(next(&mut rows).await, WatchItem::Changes(_)));
    let (all, replaced) = listed(&mut rows).await;
    assert!(replaced, "the new list replaces the old rows");
    assert_eq!(names(&all), ["a/a1", "a/a2", "b/b1"]);
    taps[1].event(&event("ADDED", true, "110", "a", "x"));
    assert!(matches!(next(&mut rows).await, WatchItem::Changes(_)));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_as_usual_or_falls_silent_is_opened_again_without_a_word() {
    let (fake, mut taps) = fake_world(3).await;
    let mut rows = watch(&fake.api().await);
    listed(&mut rows).await;
    taps[0].event(&event("ADDED", true, "103", "a", "x"));
    assert!(matches!(next(&mut rows).await, WatchItem::Changes(_)));
    // The first falls silent, the second is ended by the server after a while, the third brings something.
    taps[2].event(&event("ADDED", true, "104", "a", "y"));
    let ended = taps.remove(1);
    let end = async {
        while fake.watches().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(ended);
    };
    let (item, ()) = tokio::join!(next(&mut rows), end);
    assert!(matches!(item, WatchItem::Changes(_)), "{item:?}");
    let watches = fake.watches();
    let versions: Vec<&str> = watches
        .iter()
        .map(|seen| seen.query("resourceVersion"))
        .collect();
    assert_eq!(versions, ["100", "103", "103"]);
}

#[tokio::test]
async fn a_server_that_ends_every_watch_at_once_is_not_asked_without_pause() {
    let (taps, watches) = Prepared::new(2);
    drop(taps);
    let fake = Fake::new(move |request| world(request, &watches)).await;
    let mut rows = watch(&fake.api().await);
    listed(&mut rows).await;
    assert_eq!(broken(&mut rows).await.2, 1);
    assert_eq!(next(&mut rows).await, WatchItem::Live);
    assert_eq!(broken(&mut rows).await.2, 2, "the pauses grow");
}

#[tokio::test]
async fn who_may_not_list_namespaces_gets_one_list_of_all() {
    let (taps, watches) = Prepared::new(1);
    let fake = Fake::new(move |request| {
        let first = event("", true, "7", "a", "a1");
        let mut second = event("", true, "7", "b", "b1")["object"].clone();
        let mut first = first["object"].clone();
        first["metadata"]["continue"] = json!("two");
        second["metadata"]["resourceVersion"] = json!("7");
        match (request.path.as_str(), request.query("continue")) {
            ("/api/v1/namespaces", _) => status(403, "namespaces is forbidden"),
            ("/api/v1/pods", _) if request.is_watch() => watches.next(),
            ("/api/v1/pods", "") => Reply::Json(200, first),
            ("/api/v1/pods", _) => Reply::Json(200, second),
            _ => status(404, ""),
        }
    })
    .await;
    let mut rows = watch(&fake.api().await);
    let (all, _) = listed(&mut rows).await;
    assert_eq!(names(&all), ["a/a1", "b/b1"]);
    assert_eq!(fake.seen()[1].query("includeObject"), "Metadata");
    taps[0].event(&event("ADDED", true, "8", "c", "c1"));
    assert!(matches!(next(&mut rows).await, WatchItem::Changes(_)));
    assert_eq!(fake.watches()[0].query("resourceVersion"), "7");
}

#[tokio::test]
async fn a_scope_of_namespaces_asks_for_these_alone() {
    let (taps, watches) = Prepared::new(1);
    let fake = Fake::new(move |request| match request.path.as_str() {
        "/api/v1/namespaces/b/pods" if request.is_watch() => watches.next(),
        "/api/v1/namespaces/b/pods" => Reply::Json(200, pods_table("9", &["b1"], "")),
        _ => status(403, "no"),
    })
    .await;
    let scope = Scope {
        namespaces: vec!["b".to_owned()],
        selector: "app in (a,b)".to_owned(),
        name: "b1".to_owned(),
    };
    let mut rows = fake.api().await.watch(&pods::KIND, &scope);
    assert_eq!(names(&listed(&mut rows).await.0), ["b/b1"]);
    for seen in fake.seen() {
        assert_eq!(seen.query("fieldSelector"), "metadata.name=b1");
    }
    taps[0].event(&event("DELETED", true, "10", "b", "b1"));
    let WatchItem::Changes(changes) = next(&mut rows).await else {
        panic!("a change");
    };
    assert!(matches!(&changes[..], [Change::Gone(key)] if key.to_string() == "b/b1"));
    let seen = fake.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|request| request.query("labelSelector").contains("app")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn an_empty_cluster_replaces_what_was_known_with_nothing() {
    let fake = Fake::new(|request| match request.path.as_str() {
        "/api/v1/namespaces" => Reply::Json(200, namespaces("5", &[])),
        _ => Reply::Silence,
    })
    .await;
    let mut rows = watch(&fake.api().await);
    assert_eq!(listed(&mut rows).await, (Vec::new(), true));
}

#[tokio::test]
async fn nodes_come_as_whole_objects() {
    let (taps, watches) = Prepared::new(1);
    let node = |version: &str, ready: &str| {
        json!({
            "metadata": {"name": "n1", "uid": "u", "resourceVersion": version},
            "status": {"conditions": [{"type": "Ready", "status": ready, "message": "kubelet stopped"}]},
        })
    };
    let fake = Fake::new(move |request| {
        if request.is_watch() {
            return watches.next();
        }
        Reply::Json(200, json!({"kind": "NodeList", "metadata": {"resourceVersion": "3"}, "items": [node("2", "True")]}))
    })
    .await;
    let mut rows = fake.api().await.watch(&nodes::KIND, &Scope::default());
    let (all, _) = listed(&mut rows).await;
    assert!(nodes::status_of_row(&all[0]).ready);
    taps[0].event(&json!({"type": "MODIFIED", "object": node("4", "Unknown")}));
    let WatchItem::Changes(changes) = next(&mut rows).await else {
        panic!("a change");
    };
    let [Change::Set(row)] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(nodes::status_of_row(row).message, "kubelet stopped");
    taps[0].event(&json!({"type": "ERROR", "object": status_object(500, "etcd has no leader")}));
    assert_eq!(broken(&mut rows).await.1, "etcd has no leader");
    assert_eq!(fake.watches()[0].query("resourceVersion"), "3");
}

#[tokio::test]
async fn servers_that_refuse_or_answer_nonsense_are_told_in_words_and_asked_again() {
    type Case = (fn() -> Reply, ProblemKind, &'static str);
    let cases: [Case; 5] = [
        (
            || status(403, "pods is forbidden: User \"x\" cannot list"),
            ProblemKind::Refused,
            "cannot list",
        ),
        (
            || status(401, "Unauthorized"),
            ProblemKind::Refused,
            "Unauthorized",
        ),
        (
            || status(503, "the server is starting"),
            ProblemKind::Unreachable,
            "is starting",
        ),
        (
            || Reply::Html(200, "<!DOCTYPE html><html>Sign in</html>"),
            ProblemKind::Failed,
            "web page",
        ),
        (
            || Reply::Html(502, "<html>Bad gateway</html>"),
            ProblemKind::Unreachable,
            "502",
        ),
    ];
    for (reply, kind, words) in cases {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let fake = Fake::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            reply()
        })
        .await;
        let mut rows = watch(&fake.api().await);
        let (found, why, attempt) = broken(&mut rows).await;
        assert_eq!((found, attempt), (kind, 1), "{why}");
        assert!(why.contains(words), "{why}");
        assert_eq!(broken(&mut rows).await.2, 2);
        assert!(asked.load(Ordering::Relaxed) >= 2);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_in_words() {
    let fake = Fake::new(|_| Reply::Silence).await;
    let api = fake.api().await;
    drop(fake);
    let (kind, why, _) = broken(&mut watch(&api)).await;
    assert_eq!(
        (kind, why.as_str()),
        (ProblemKind::Unreachable, "Connection refused")
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_and_asked_again() {
    let fake = Fake::new(|_| Reply::Silence).await;
    let mut rows = watch(&fake.api().await);
    let (kind, why, _) = broken(&mut rows).await;
    assert_eq!(
        (kind, why.as_str()),
        (ProblemKind::Unreachable, "no answer within 10 s")
    );
    assert_eq!(broken(&mut rows).await.2, 2);
}
