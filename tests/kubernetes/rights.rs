//! People who may see some namespaces only: what they may see is there, and what they may not is said.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use coracle::{
    backend::{Change, KubeApi, KubeConnect, KubeTarget, Unseen, WatchItem, kubernetes::Connector},
    resources::{Scope, pods},
};
use futures::{StreamExt, stream::BoxStream};
use serde_json::json;

use super::server::{
    Fake, Reply, Tap, event, namespaces, pods as pods_table, status, status_object, stream,
};

const ALL: &str = "/api/v1/pods";
const NAMES: &str = "/api/v1/namespaces";

/// A server with the namespaces a, b and c, each with one pod, which refuses what is in a list.
struct Server {
    fake: Fake,
    refused: Arc<Mutex<Vec<String>>>,
    streams: Arc<Mutex<Streams>>,
    folder: tempfile::TempDir,
}

impl Server {
    async fn refusing(paths: &[&str]) -> Self {
        let refused: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let refused = Arc::new(Mutex::new(refused));
        let streams = Arc::new(Mutex::new(Streams::default()));
        let (no, open) = (refused.clone(), streams.clone());
        let fake = Fake::new(move |request| {
            let path = request.path.as_str();
            if no.lock().unwrap().iter().any(|refused| refused == path) {
                return status(403, "pods is forbidden: User \"x\" cannot list");
            }
            if request.is_watch() {
                return open.lock().unwrap().open(path);
            }
            let namespace = path
                .strip_prefix("/api/v1/namespaces/")
                .and_then(|rest| rest.strip_suffix("/pods"));
            match (path, namespace) {
                (NAMES, _) => Reply::Json(200, namespaces("9", &["a", "b", "c"])),
                (ALL, _) => Reply::Json(200, pods_table("9", &[], "")),
                (_, Some(name)) => {
                    let pod = format!("{name}1");
                    Reply::Json(200, pods_table("9", &[&pod], ""))
                }
                _ => status(404, "no such thing"),
            }
        })
        .await;
        Self {
            fake,
            refused,
            streams,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn refuse(&self, paths: &[&str]) {
        *self.refused.lock().unwrap() = paths.iter().map(|path| (*path).to_owned()).collect();
    }

    /// The API as a person meets it whose context names a namespace.
    async fn api(&self, namespace: &str) -> Arc<dyn KubeApi> {
        let file = self.folder.path().join("config");
        let url = self.fake.url();
        let text = format!(
            "current-context: c\n\
             clusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n\
             users: [{{name: u, user: {{}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u{namespace}}}}}]\n"
        );
        std::fs::write(&file, text).unwrap();
        let target = KubeTarget::Context {
            files: vec![file],
            name: "c".to_owned(),
        };
        Connector.connect(&target).await.unwrap()
    }

    /// The latest watch of a path, or the next one if there was none.
    fn tap(&self, path: &str) -> Tap {
        self.streams.lock().unwrap().tap(path)
    }
}

/// The watches by path: whichever of test and server comes first makes the stream.
#[derive(Default)]
struct Streams {
    taps: HashMap<String, Tap>,
    prepared: HashMap<String, Reply>,
}

impl Streams {
    fn tap(&mut self, path: &str) -> Tap {
        if let Some(tap) = self.taps.get(path) {
            return tap.clone();
        }
        let (tap, reply) = stream();
        self.taps.insert(path.to_owned(), tap.clone());
        self.prepared.insert(path.to_owned(), reply);
        tap
    }

    fn open(&mut self, path: &str) -> Reply {
        if let Some(reply) = self.prepared.remove(path) {
            return reply;
        }
        let (tap, reply) = stream();
        self.taps.insert(path.to_owned(), tap);
        reply
    }
}

fn of(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

struct Watch {
    items: BoxStream<'static, WatchItem>,
    unseen: Unseen,
    rows: Vec<String>,
}

impl Watch {
    async fn next(&mut self) -> WatchItem {
        // The limit is only there so that a test that would wait for ever fails.
        tokio::time::timeout(Duration::from_secs(600), self.items.next())
            .await
            .unwrap()
            .unwrap()
    }

    /// Takes in what is told until the list is complete.
    async fn live(&mut self) {
        loop {
            match self.next().await {
                WatchItem::Page { rows, first } => {
                    if first {
                        self.rows.clear();
                    }
                    self.rows.extend(rows.iter().map(|row| row.key.to_string()));
                    self.rows.sort();
                }
                WatchItem::Unseen(unseen) => self.unseen = unseen,
                WatchItem::Live => return,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn change(&mut self) -> String {
        match self.next().await {
            WatchItem::Changes(changes) => match &changes[..] {
                [Change::Set(row)] => row.key.to_string(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
}

fn watch(api: &Arc<dyn KubeApi>, scope: &Scope) -> Watch {
    Watch {
        items: api.watch(&pods::KIND, scope),
        unseen: Unseen::default(),
        rows: Vec::new(),
    }
}

#[tokio::test]
async fn who_may_see_one_namespace_sees_that_of_the_context() {
    for (named, home) in [(", namespace: a", "a"), ("", "default")] {
        let server = Server::refusing(&[ALL, NAMES]).await;
        let mut watch = watch(&server.api(named).await, &Scope::default());
        watch.live().await;
        assert_eq!(watch.rows, [format!("{home}/{home}1")]);
        assert_eq!(watch.unseen.only.as_deref(), Some(home));
        let tap = server.tap(&of(home));
        tap.event(&event("ADDED", true, "10", home, "x"));
        assert_eq!(watch.change().await, format!("{home}/x"));
    }
}

#[tokio::test]
async fn a_namespace_that_is_refused_or_breaks_leaves_the_others() {
    let b = of("b");
    let server = Server::refusing(&[ALL, &b]).await;
    let mut watch = watch(&server.api("").await, &Scope::default());
    watch.live().await;
    assert_eq!(watch.rows, ["a/a1", "c/c1"]);
    assert_eq!(watch.unseen.refused, ["b"]);
    let (a, c) = (server.tap(&of("a")), server.tap(&of("c")));
    a.cut();
    assert!(matches!(watch.next().await, WatchItem::Broken { .. }));
    c.event(&event("ADDED", true, "10", "c", "x"));
    assert_eq!(watch.next_name().await, "c/x");
    watch.live().await;
    assert_eq!(watch.rows, ["a/a1", "c/c1", "c/x"]);
    // A right that is taken away later concerns that namespace alone.
    server.refuse(&[ALL, &b, &of("c")]);
    c.cut();
    loop {
        match watch.next().await {
            WatchItem::Unseen(unseen) => {
                assert_eq!(unseen.refused, ["b", "c"]);
                break;
            }
            WatchItem::Broken { .. } | WatchItem::Live => {}
            other => panic!("{other:?}"),
        }
    }
}

impl Watch {
    /// A row that comes before the list is complete again.
    async fn next_name(&mut self) -> String {
        match self.next().await {
            WatchItem::Page { rows, first: false } if rows.len() == 1 => {
                self.rows.push(rows[0].key.to_string());
                self.rows.sort();
                rows[0].key.to_string()
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_given_later_is_noticed() {
    let b = of("b");
    let server = Server::refusing(&[ALL, &b]).await;
    let mut watch = watch(&server.api("").await, &Scope::default());
    watch.live().await;
    assert_eq!(watch.rows, ["a/a1", "c/c1"]);
    server.refuse(&[ALL]);
    watch.live().await;
    assert_eq!(watch.rows, ["a/a1", "b/b1", "c/c1"]);
    assert_eq!(watch.unseen, Unseen::default());
    let watches = |path: &str| {
        let seen = server.fake.watches();
        seen.iter().filter(|one| one.path == path).count()
    };
    assert_eq!(watches(ALL), 0);
    // And then all at once.
    server.refuse(&[]);
    watch.live().await;
    let tap = server.tap(ALL);
    tap.event(&event("ADDED", true, "10", "b", "x"));
    assert_eq!(watch.change().await, "b/x");
    assert_eq!(watches(ALL), 1);
}

#[tokio::test]
async fn several_namespaces_that_are_named_are_asked_for_by_themselves() {
    let server = Server::refusing(&[ALL, NAMES]).await;
    let scope = Scope {
        namespaces: vec!["a".to_owned(), "c".to_owned()],
        ..Scope::default()
    };
    let mut watch = watch(&server.api("").await, &scope);
    watch.live().await;
    assert_eq!(watch.rows, ["a/a1", "c/c1"]);
    assert_eq!(watch.unseen, Unseen::default());
    for namespace in ["a", "c"] {
        let tap = server.tap(&of(namespace));
        tap.event(&event("ADDED", true, "10", namespace, "x"));
        assert_eq!(watch.change().await, format!("{namespace}/x"));
    }
    let seen = server.fake.seen();
    let others = seen
        .iter()
        .filter(|one| one.path == ALL || one.path == NAMES);
    assert_eq!(others.count(), 0);
}

#[tokio::test]
async fn a_namespace_that_has_to_be_listed_anew_brings_a_list_of_all() {
    let server = Server::refusing(&[ALL]).await;
    let mut watch = watch(&server.api("").await, &Scope::default());
    // Each namespace may be listed, so that only the watch of all is refused.
    watch.live().await;
    watch.live().await;
    let gone = json!({"type": "ERROR", "object": status_object(410, "too old")});
    server.tap(&of("b")).event(&gone);
    assert!(matches!(watch.next().await, WatchItem::Broken { .. }));
    watch.rows.push("b/deleted-meanwhile".to_owned());
    watch.live().await;
    assert_eq!(watch.rows, ["a/a1", "b/b1", "c/c1"]);
}

#[tokio::test]
async fn what_pods_use_is_asked_for_in_the_namespace_of_the_context_where_all_are_refused() {
    let fake = Fake::new(|request| match request.path.as_str() {
        "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods" => {
            let usage = json!({"name": "x", "usage": {"cpu": "250m", "memory": "64Mi"}});
            let pod =
                json!({"metadata": {"name": "p", "namespace": "default"}, "containers": [usage]});
            Reply::Json(200, json!({"items": [pod]}))
        }
        _ => status(403, "no"),
    })
    .await;
    let usage = fake.api().await.pod_usage(&Scope::default()).await.unwrap();
    assert_eq!(usage.len(), 1);
    assert_eq!(usage[0].0.to_string(), "default/p");
    assert_eq!(usage[0].1.memory, 64 * 1024 * 1024);
}
