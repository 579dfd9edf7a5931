//! The contract of `KubeApi`, case by case: what a cluster's API holds, tells and lets read.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use coracle::{
    backend::{Change, ErrorKind, KubeApi, WatchItem},
    domain::{Health, LogLine, ObjectKey, container::LogRequest},
    resources::{KindSpec, Row, Scope, nodes, pods, unlisted::CONFIG_MAPS},
};
use futures::{FutureExt, StreamExt, TryStreamExt, stream::BoxStream};
use serde_json::{Value, json};

pub use super::forward::a_port_of_a_pod_answers_or_refuses;
use super::site::{PATIENCE, soon};

/// Every case, as tests of their own: the attribute says how a test is run, and `$ground` is an expression for the
/// [`Ground`] to run on. Or `@together $ground`: an expression that runs them side by side on one cluster.
#[macro_export]
macro_rules! kube_contract {
    (@together $ground:expr) => {
        $crate::kube_contract! { @cases [@side_by_side $ground] }
    };
    (#[$test:meta] $ground:expr) => {
        $crate::kube_contract! { @cases [@tests #[$test] $ground] }
    };
    (@cases [$($how:tt)*]) => {
        $crate::kube_contract! { $($how)*;
            the_api_says_its_version,
            an_object_is_made_read_changed_and_removed,
            names_of_objects_are_taken_once,
            what_is_not_there_is_not_found,
            a_watch_lists_is_live_and_tells_every_change,
            a_scope_chooses_by_namespace_label_and_name,
            nodes_are_ready_and_can_be_changed,
            pods_are_listed_by_their_node,
            a_log_is_read_by_its_end_and_by_its_times,
            a_followed_log_ends_with_its_container,
            an_evicted_pod_goes,
            use_is_told_or_there_are_no_metrics,
            a_port_of_a_pod_answers_or_refuses,
        }
    };
    (@side_by_side $ground:expr; $($case:ident,)*) => {
        tokio::join!($($ground.run(stringify!($case), $crate::contract::kube::$case)),*)
    };
    (@tests #[$test:meta] $ground:expr; $($case:ident,)*) => {
        $(
            #[$test]
            async fn $case() {
                let ground: $crate::contract::kube::Ground = $ground;
                ground.run(stringify!($case), $crate::contract::kube::$case).await;
            }
        )*
    };
}

/// The API that the suite runs on.
#[derive(Clone)]
pub struct Ground {
    /// The adapter.
    pub api: Arc<dyn KubeApi>,
    /// An image with a shell that the cluster's nodes have or get.
    pub image: String,
}

/// Where one case works.
pub struct Site {
    /// The adapter.
    pub api: Arc<dyn KubeApi>,
    image: String,
    prefix: String,
    made: Mutex<Vec<(&'static KindSpec, ObjectKey)>>,
}

/// Where all objects of the suite are made.
const NAMESPACE: &str = "default";

impl Ground {
    /// Runs a case, and takes down what it has made, also when it fails.
    pub async fn run(self, case: &str, body: impl AsyncFnOnce(&Site)) {
        let case: String = case.replace('_', "-").chars().take(24).collect();
        let site = Site {
            api: self.api,
            image: self.image,
            // It is a label too, which ends in a letter.
            prefix: format!("c{}-{}", std::process::id(), case.trim_end_matches('-')),
            made: Mutex::default(),
        };
        let outcome = AssertUnwindSafe(body(&site)).catch_unwind().await;
        let made = std::mem::take(&mut *site.made.lock().unwrap());
        for (kind, key) in made {
            // Most are gone by themselves.
            let _ = site.api.delete(kind, &key).await;
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Site {
    fn key(&self, what: &str) -> ObjectKey {
        ObjectKey::new(NAMESPACE, format!("{}-{what}", self.prefix))
    }

    async fn config_map(&self, what: &str, data: Value) -> ObjectKey {
        let key = self.key(what);
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": &*key.name }, "data": data,
        });
        self.made.lock().unwrap().push((&CONFIG_MAPS, key.clone()));
        self.api
            .create(&CONFIG_MAPS, NAMESPACE, &object)
            .await
            .unwrap();
        key
    }

    /// A pod whose shell runs the script once.
    pub async fn pod(&self, what: &str, script: &str) -> ObjectKey {
        let key = self.key(what);
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": &*key.name, "labels": { "contract": self.prefix, "what": what } },
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "main", "image": self.image, "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", script],
                }],
            },
        });
        self.made.lock().unwrap().push((&pods::KIND, key.clone()));
        self.api
            .create(&pods::KIND, NAMESPACE, &object)
            .await
            .unwrap();
        key
    }

    /// Waits until a pod is in a phase.
    pub async fn phase(&self, pod: &ObjectKey, wanted: &[&str]) {
        let reached = async {
            loop {
                let object = self.api.get(&pods::KIND, pod).await.unwrap();
                let phase = object["status"]["phase"].as_str().unwrap_or_default();
                if wanted.contains(&phase) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        soon("the pod's phase", reached).await;
    }

    /// The pods of this case alone.
    fn own(&self) -> Scope {
        Scope {
            namespaces: vec![NAMESPACE.to_owned()],
            selector: format!("contract={}", self.prefix),
            ..Scope::default()
        }
    }

    fn log(
        &self,
        pod: &ObjectKey,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, coracle::backend::Error>> {
        self.api.logs(pod, "main", request)
    }

    async fn texts(&self, pod: &ObjectKey, request: &LogRequest) -> Vec<String> {
        let lines: Vec<LogLine> = soon("the log", self.log(pod, request).try_collect())
            .await
            .unwrap();
        lines.iter().map(|line| line.text.to_string()).collect()
    }
}

/// A watch, and what it has told so far.
struct Watched {
    items: BoxStream<'static, WatchItem>,
    rows: Vec<Row>,
    begun: bool,
    live: bool,
}

impl Watched {
    fn new(site: &Site, kind: &'static KindSpec, scope: &Scope) -> Self {
        Self {
            items: site.api.watch(kind, scope),
            rows: Vec::new(),
            begun: false,
            live: false,
        }
    }

    /// Takes in what is told until it is as wanted.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let reached = async {
            while !wanted(self) {
                match self.items.next().await.expect("a watch does not end") {
                    WatchItem::Page { rows, first } => {
                        assert!(!self.live, "a list that comes anew although nothing broke");
                        assert_eq!(first, !self.begun, "{what}");
                        self.begun = true;
                        self.rows.extend(rows);
                    }
                    WatchItem::Live => self.live = true,
                    WatchItem::Changes(changes) => {
                        assert!(self.live, "changes before the list was complete");
                        for change in changes {
                            let key = match &change {
                                Change::Set(row) => &row.key,
                                Change::Gone(key) => key,
                            };
                            self.rows.retain(|row| row.key != *key);
                            self.rows.extend(match change {
                                Change::Set(row) => Some(row),
                                Change::Gone(_) => None,
                            });
                        }
                    }
                    WatchItem::Unseen(unseen) => panic!("{what}: {unseen:?}"),
                    WatchItem::Broken { problem, .. } => panic!("{what}: {problem}"),
                }
            }
        };
        soon(what, reached).await;
    }

    fn row(&self, key: &ObjectKey) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == *key)
    }
}

pub async fn the_api_says_its_version(site: &Site) {
    let health = site.api.health().await.unwrap();
    assert!(health.version.starts_with("v1."), "{}", health.version);
    assert!(health.latency < PATIENCE);
}

pub async fn an_object_is_made_read_changed_and_removed(site: &Site) {
    let key = site.config_map("it", json!({ "a": "1", "b": "2" })).await;
    let read = site.api.get(&CONFIG_MAPS, &key).await.unwrap();
    assert_eq!(read["data"], json!({ "a": "1", "b": "2" }));
    let patch = json!({ "data": { "a": null, "b": "3" } });
    site.api.patch(&CONFIG_MAPS, &key, &patch).await.unwrap();
    let by_name = format!("metadata.name={}", key.name);
    let listed = site
        .api
        .list(&CONFIG_MAPS, NAMESPACE, &by_name)
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["data"], json!({ "b": "3" }));
    assert!(
        site.api
            .list(&CONFIG_MAPS, "kube-system", &by_name)
            .await
            .unwrap()
            .is_empty()
    );
    site.api.delete(&CONFIG_MAPS, &key).await.unwrap();
    let gone = site.api.get(&CONFIG_MAPS, &key).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
}

pub async fn names_of_objects_are_taken_once(site: &Site) {
    let key = site.config_map("it", json!({})).await;
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": &*key.name },
    });
    let taken = site
        .api
        .create(&CONFIG_MAPS, NAMESPACE, &object)
        .await
        .unwrap_err();
    assert_eq!(taken.kind, ErrorKind::Conflict, "{taken}");
}

pub async fn what_is_not_there_is_not_found(site: &Site) {
    let (api, key) = (&site.api, site.key("nothing"));
    let mut errors = vec![
        api.get(&CONFIG_MAPS, &key).await.unwrap_err(),
        api.patch(&CONFIG_MAPS, &key, &json!({ "data": {} }))
            .await
            .unwrap_err(),
        api.delete(&CONFIG_MAPS, &key).await.unwrap_err(),
        api.evict(&key).await.unwrap_err(),
    ];
    let mut log = site.log(&key, &LogRequest::default());
    errors.extend(log.next().await.expect("an answer").err());
    errors.extend(api.forward(&key, 80).await.err());
    assert_eq!(errors.len(), 6);
    for error in errors {
        assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    }
}

pub async fn a_watch_lists_is_live_and_tells_every_change(site: &Site) {
    let first = site.pod("first", "sleep 600").await;
    site.phase(&first, &["Running"]).await;
    let mut watched = Watched::new(site, &pods::KIND, &site.own());
    watched.until("the list", |watched| watched.live).await;
    assert_eq!(watched.rows.len(), 1);
    assert_eq!(watched.rows[0].health, Health::Good, "{:?}", watched.rows);
    let second = site.pod("second", "sleep 1; exit 3").await;
    watched
        .until("a new pod", |watched| watched.row(&second).is_some())
        .await;
    let failing = |watched: &Watched| {
        watched
            .row(&second)
            .is_some_and(|row| row.health == Health::Failing)
    };
    watched.until("a pod that fails", failing).await;
    site.api.delete(&pods::KIND, &first).await.unwrap();
    watched
        .until("a pod that goes", |watched| watched.row(&first).is_none())
        .await;
    assert_eq!(watched.rows.len(), 1);
}

pub async fn a_scope_chooses_by_namespace_label_and_name(site: &Site) {
    let chosen = site.pod("chosen", "sleep 600").await;
    site.pod("other", "sleep 600").await;
    let by_label = Scope {
        selector: format!("contract={},what=chosen", site.prefix),
        ..Scope::default()
    };
    let by_name = Scope {
        namespaces: vec![NAMESPACE.to_owned()],
        name: chosen.name.to_string(),
        ..Scope::default()
    };
    for scope in [by_label, by_name] {
        let mut watched = Watched::new(site, &pods::KIND, &scope);
        watched.until("the list", |watched| watched.live).await;
        let keys: Vec<&ObjectKey> = watched.rows.iter().map(|row| &row.key).collect();
        assert_eq!(keys, [&chosen], "{scope:?}");
    }
    let elsewhere = Scope {
        namespaces: vec!["kube-system".to_owned()],
        ..site.own()
    };
    let mut watched = Watched::new(site, &pods::KIND, &elsewhere);
    watched.until("the list", |watched| watched.live).await;
    assert_eq!(watched.rows, []);
}

pub async fn nodes_are_ready_and_can_be_changed(site: &Site) {
    let mut watched = Watched::new(site, &nodes::KIND, &Scope::default());
    let ready = |watched: &Watched| {
        watched.live && watched.rows.iter().any(|row| row.health == Health::Good)
    };
    watched.until("a node that is ready", ready).await;
    let node = watched.rows[0].key.clone();
    assert!(node.namespace.is_empty());
    let label = |object: &Value| object["metadata"]["labels"]["contract"].clone();
    for wanted in [json!(site.prefix), Value::Null] {
        let patch = json!({ "metadata": { "labels": { "contract": wanted } } });
        site.api.patch(&nodes::KIND, &node, &patch).await.unwrap();
        let read = site.api.get(&nodes::KIND, &node).await.unwrap();
        assert_eq!(label(&read), wanted);
    }
}

pub async fn pods_are_listed_by_their_node(site: &Site) {
    let pod = site.pod("it", "sleep 600").await;
    site.phase(&pod, &["Running"]).await;
    let object = site.api.get(&pods::KIND, &pod).await.unwrap();
    let node = object["spec"]["nodeName"]
        .as_str()
        .expect("it runs somewhere");
    let there = async |node: &str| {
        let selector = format!("spec.nodeName={node}");
        let listed = site.api.list(&pods::KIND, "", &selector).await.unwrap();
        let mut names = listed.iter().map(|object| &object["metadata"]["name"]);
        names.any(|name| *name == *pod.name)
    };
    let (here, elsewhere) = (there(node).await, there("no-such-node").await);
    assert_eq!((here, elsewhere), (true, false));
}

pub async fn a_log_is_read_by_its_end_and_by_its_times(site: &Site) {
    let script = "echo one; echo two; sleep 1.2; echo three; sleep 600";
    let pod = site.pod("it", script).await;
    site.phase(&pod, &["Running"]).await;
    let follow = LogRequest {
        follow: true,
        ..LogRequest::default()
    };
    let lines = site.log(&pod, &follow).take(3).try_collect();
    let lines: Vec<LogLine> = soon("three lines", lines).await.unwrap();
    let times: Vec<_> = lines
        .iter()
        .map(|line| line.time.expect("the kubelet's time"))
        .collect();
    assert!(times.is_sorted() && times[1] < times[2], "{times:?}");
    let tail = LogRequest {
        tail: Some(1),
        ..LogRequest::default()
    };
    assert_eq!(site.texts(&pod, &tail).await, ["three"]);
    assert_eq!(
        site.texts(&pod, &LogRequest::default()).await,
        ["one", "two", "three"]
    );
    // The API takes whole seconds; what it then brings too much of has to be told from what is new by its time.
    let since = LogRequest {
        since: Some(times[2]),
        ..LogRequest::default()
    };
    let since = site.texts(&pod, &since).await;
    assert_eq!(since.last().map(String::as_str), Some("three"));
    assert!(!since.contains(&"one".to_owned()), "{since:?}");
    // Nothing old, and what is new.
    let new = LogRequest {
        tail: Some(0),
        ..follow
    };
    let mut log = site.log(&pod, &new);
    let waited = tokio::time::timeout(Duration::from_millis(300), log.next()).await;
    assert!(waited.is_err(), "nothing is written any more");
}

pub async fn a_followed_log_ends_with_its_container(site: &Site) {
    let pod = site
        .pod("it", "sleep 0.5; echo one; sleep 0.5; echo two")
        .await;
    site.phase(&pod, &["Running", "Succeeded"]).await;
    let follow = LogRequest {
        follow: true,
        ..LogRequest::default()
    };
    assert_eq!(site.texts(&pod, &follow).await, ["one", "two"]);
    site.phase(&pod, &["Succeeded"]).await;
    assert_eq!(
        site.texts(&pod, &LogRequest::default()).await,
        ["one", "two"]
    );
    let previous = LogRequest {
        previous: true,
        ..LogRequest::default()
    };
    let mut log = site.log(&pod, &previous);
    let error = soon("an answer", log.next())
        .await
        .expect("an answer")
        .unwrap_err();
    assert_eq!(
        error.kind,
        ErrorKind::Invalid,
        "it was never started again: {error}"
    );
}

pub async fn an_evicted_pod_goes(site: &Site) {
    let pod = site.pod("it", "sleep 600").await;
    site.phase(&pod, &["Running"]).await;
    let follow = LogRequest {
        follow: true,
        ..LogRequest::default()
    };
    let log = site.texts(&pod, &follow);
    let evicted = async {
        site.api.evict(&pod).await.unwrap();
        let gone = async {
            while site.api.get(&pods::KIND, &pod).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        soon("the pod to be gone", gone).await;
    };
    let (log, ()) = tokio::join!(log, evicted);
    assert_eq!(log, [] as [&str; 0], "its log ends with it");
    let error = site.api.get(&pods::KIND, &pod).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

pub async fn use_is_told_or_there_are_no_metrics(site: &Site) {
    match site.api.pod_usage(&Scope::default()).await {
        Ok(usage) => assert!(usage.iter().all(|(_, usage)| usage.cpu_cores >= 0.0)),
        Err(error) => assert!(
            matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unreachable),
            "{error}"
        ),
    }
}
