//! Following pods: who is followed, in which order, and what is said between the lines.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use coracle::ops::logs::Pattern;
use coracle::{
    backend::{
        ErrorKind, KubeApi, KubeTarget,
        sim::{Fault, Stage, World},
    },
    domain::{MarkEvent, ObjectKey, log::LogItem},
    ops::follow::{Query, State, Target, follow, follow_pod},
};
use futures::StreamExt;
use serde_json::{Value, json};

/// A cluster whose API answers, with a stage for pods in a namespace of its own.
pub struct Scene {
    pub world: World,
    pub stage: Stage,
    pub api: Arc<dyn KubeApi>,
}

impl Scene {
    pub async fn new() -> Self {
        Self::of("empty", "stage").await
    }

    pub async fn of(world: &str, cluster: &str) -> Self {
        let world = World::named(world).unwrap();
        let target = KubeTarget::Context {
            files: Vec::new(),
            name: cluster.to_owned(),
        };
        let stage = world.stage(cluster.trim_start_matches("k3d-"));
        let api = world.backends().kube.connect(&target).await.unwrap();
        Self { world, stage, api }
    }

    /// A pod with one container, whose UID is its name with a number.
    pub fn pod(&self, name: &str, extra: &Value) -> ObjectKey {
        let key = ObjectKey::new("test", name);
        self.stage.pod(&key, &format!("{name}-1"), &["app"], extra);
        key
    }

    pub fn follow(&self, query: Query) -> Reader {
        Reader::new(follow(self.api.clone(), query))
    }
}

/// Takes what comes, as somebody who looks at it does.
pub struct Reader {
    seen: Arc<Mutex<Vec<LogItem>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Reader {
    pub fn new(mut items: futures::stream::BoxStream<'static, LogItem>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let taken = seen.clone();
        let task = tokio::spawn(async move {
            while let Some(item) = items.next().await {
                taken.lock().unwrap().push(item);
            }
        });
        Self { seen, task }
    }

    /// What has come after so long.
    pub async fn after(&self, seconds: u64) -> Vec<String> {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.items().iter().map(words).collect()
    }

    pub fn items(&self) -> Vec<LogItem> {
        self.seen.lock().unwrap().clone()
    }

    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn words(item: &LogItem) -> String {
    match item {
        LogItem::Line(line) => format!("{}: {}", line.source.as_ref().unwrap(), line.text),
        LogItem::Mark(mark) => format!("-- {mark}"),
    }
}

pub fn all() -> Query {
    Query {
        targets: vec![Target::Pods {
            namespaces: vec!["test".to_owned()],
            selector: String::new(),
            name: None,
        }],
        follow: true,
        ..Query::default()
    }
}

pub async fn moment() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn the_past_of_many_pods_comes_in_time_order_and_then_the_news() {
    let scene = Scene::new().await;
    let (a, b) = (scene.pod("a", &json!({})), scene.pod("b", &json!({})));
    for n in 0..20 {
        let key = if n % 3 == 0 { &a } else { &b };
        scene.stage.write(key, "app", &n.to_string());
        moment().await;
    }
    let log = scene.follow(all());
    let past = log.after(1).await;
    for n in 20..40 {
        let key = if n % 2 == 0 { &a } else { &b };
        scene.stage.write(key, "app", &n.to_string());
        moment().await;
    }
    let seen = log.after(1).await;
    assert_eq!(past, seen[..20]);
    let numbers: Vec<usize> = seen
        .iter()
        .map(|words| words.split_once(": ").unwrap().1.parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn pods_join_and_go_and_a_rollout_is_marked() {
    let scene = Scene::new().await;
    let of = |revision: &str| {
        json!({ "metadata": {
            "labels": { "pod-template-hash": revision },
            "ownerReferences": [{ "name": format!("web-{revision}"), "controller": true }],
        } })
    };
    let old = scene.pod("web-aa-1", &of("aa"));
    scene.stage.write(&old, "app", "one");
    let log = scene.follow(all());
    assert_eq!(log.after(1).await, ["web-aa-1/app: one"]);
    let new = scene.pod("web-bb-1", &of("bb"));
    scene.stage.write(&new, "app", "two");
    log.after(1).await;
    scene.stage.leave(&old);
    scene.stage.write(&old, "app", "three");
    log.after(1).await;
    scene.stage.write(&old, "app", "last words");
    scene.stage.remove(&old);
    assert_eq!(
        log.after(5).await,
        [
            "web-aa-1/app: one",
            "-- web rolls out: bb takes over from aa",
            "-- pod web-bb-1 joined",
            "web-bb-1/app: two",
            "web-aa-1/app: three",
            "web-aa-1/app: last words",
            "-- pod web-aa-1 is gone",
        ]
    );
    assert!(!log.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_marked_with_its_reason_where_it_was() {
    let scene = Scene::new().await;
    let key = scene.pod("web", &json!({}));
    scene.stage.write(&key, "app", "first life");
    let log = scene.follow(all());
    log.after(1).await;
    scene.stage.restart(&key, "app", 137, "OOMKilled");
    scene.stage.write(&key, "app", "second life");
    scene.stage.show(&key);
    assert_eq!(
        log.after(5).await,
        [
            "web/app: first life",
            "-- web/app was started again (OOMKilled, exit code 137)",
            "web/app: second life",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_that_crashes_over_and_over_shows_each_of_its_lives() {
    let scene = Scene::new().await;
    let key = scene.pod("web", &json!({}));
    scene.stage.write(&key, "app", "0");
    let log = scene.follow(all());
    for life in 1..4 {
        log.after(1).await;
        scene.stage.end(&key, "app", 1, true);
        scene.stage.show(&key);
        log.after(9).await;
        scene.stage.restart(&key, "app", 1, "Error");
        scene.stage.write(&key, "app", &life.to_string());
        scene.stage.show(&key);
    }
    let again = "-- web/app was started again (exit code 1)";
    assert_eq!(
        log.after(5).await,
        [
            "web/app: 0",
            again,
            "web/app: 1",
            again,
            "web/app: 2",
            again,
            "web/app: 3"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_single_pod_that_is_done_or_gone_ends_its_log() {
    let scene = Scene::new().await;
    let never = json!({ "spec": { "restartPolicy": "Never" } });
    let key = scene.pod("job", &never);
    scene.stage.write(&key, "app", "work");
    let log = Reader::new(follow_pod(scene.api.clone(), key.clone(), 100));
    log.after(1).await;
    scene.stage.write(&key, "app", "done");
    scene.stage.end(&key, "app", 3, false);
    scene.stage.show(&key);
    let words = [
        "job/app: work",
        "job/app: done",
        "-- job/app ended (exit code 3)",
    ];
    assert_eq!(log.after(5).await, words);
    assert!(log.is_over());

    let key = scene.pod("db-0", &json!({}));
    scene.stage.write(&key, "app", "old");
    let log = Reader::new(follow_pod(scene.api.clone(), key.clone(), 100));
    log.after(1).await;
    scene.stage.remove(&key);
    log.after(30).await;
    assert!(!log.is_over(), "another one may come");
    scene.stage.pod(&key, "another", &["app"], &json!({}));
    scene.stage.write(&key, "app", "new");
    log.after(1).await;
    scene.stage.remove(&key);
    let words = log.after(70).await;
    let gone = "-- pod db-0 is gone";
    assert_eq!(
        words,
        [
            "db-0/app: old",
            gone,
            "-- pod db-0 joined",
            "db-0/app: new",
            gone
        ]
    );
    assert!(log.is_over());

    let log = Reader::new(follow_pod(scene.api.clone(), key, 100));
    assert_eq!(
        log.after(1).await,
        ["-- pod/db-0 is not there: the cluster has no such pod"]
    );
    assert!(log.is_over());
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_is_what_comes() {
    let scene = Scene::new().await;
    let labels = |app: &str| json!({ "metadata": { "labels": { "app": app } } });
    let key = |name: &str| ObjectKey::new("test", name);
    scene
        .stage
        .pod(&key("web-1"), "1", &["app", "proxy"], &labels("web"));
    scene.stage.pod(&key("db-1"), "2", &["app"], &labels("db"));
    for (pod, container) in [("web-1", "app"), ("web-1", "proxy"), ("db-1", "app")] {
        for n in 0..3 {
            scene.stage.write(&key(pod), container, &n.to_string());
            moment().await;
        }
    }
    let expression = |text: &str| Pattern::new(text).unwrap();
    let read = async |query: Query| {
        let log = scene.follow(Query {
            follow: false,
            ..query
        });
        let words = log.after(1).await;
        assert!(log.is_over());
        words
    };
    let tail = Query {
        tail: Some(1),
        ..all()
    };
    assert_eq!(
        read(tail.clone()).await,
        ["web-1/app: 2", "web-1/proxy: 2", "db-1/app: 2"]
    );
    let pods = |selector: &str, name: Option<Pattern>| Target::Pods {
        namespaces: vec!["test".to_owned()],
        selector: selector.to_owned(),
        name,
    };
    let of = |target: Target| Query {
        targets: vec![target],
        ..tail.clone()
    };
    assert_eq!(read(of(pods("app=db", None))).await, ["db-1/app: 2"]);
    let web = || of(pods("", Some(expression("^web"))));
    assert_eq!(read(web()).await, ["web-1/app: 2", "web-1/proxy: 2"]);
    let excluded = Query {
        exclude_containers: vec![expression("pro")],
        ..web()
    };
    assert_eq!(read(excluded).await, ["web-1/app: 2"]);
    let included = Query {
        containers: vec![expression("pro")],
        exclude_pods: vec![expression("db")],
        ..tail.clone()
    };
    assert_eq!(read(included).await, ["web-1/proxy: 2"]);
    let states = Query {
        states: vec![State::Terminated],
        ..tail.clone()
    };
    assert!(read(states).await.is_empty());
    // A pod that two targets mean is read once.
    let twice = Query {
        targets: vec![
            pods("", Some(expression("db"))),
            Target::Of(
                "pod/db-1"
                    .parse::<coracle::domain::Workload>()
                    .unwrap()
                    .within("test"),
            ),
        ],
        ..tail.clone()
    };
    assert_eq!(read(twice).await, ["db-1/app: 2"]);
    assert_eq!(read(of(pods("app=none", None))).await, ["-- no pod fits"]);
}

#[tokio::test(start_paused = true)]
async fn more_containers_than_may_be_followed_wait_and_are_told_of() {
    let scene = Scene::new().await;
    let never = json!({ "spec": { "restartPolicy": "Never" } });
    let keys: Vec<ObjectKey> = (0..5)
        .map(|n| scene.pod(&format!("p{n}"), &never))
        .collect();
    for key in &keys {
        scene.stage.write(key, "app", "x");
    }
    let log = scene.follow(Query { most: 3, ..all() });
    let seen = log.after(1).await;
    assert_eq!(seen.len(), 4);
    assert!(
        seen.contains(&"-- 3 containers are followed at once; 2 more wait for a place".to_owned())
    );
    for key in &keys[..2] {
        scene.stage.end(key, "app", 0, false);
        scene.stage.show(key);
    }
    let seen = log.after(5).await;
    let lines = seen.iter().filter(|words| words.ends_with(": x")).count();
    assert_eq!(lines, 5);
}

#[tokio::test(start_paused = true)]
async fn the_run_before_is_read_where_it_is_asked_for() {
    let scene = Scene::new().await;
    let key = scene.pod("web", &json!({}));
    scene.stage.write(&key, "app", "before");
    scene.stage.restart(&key, "app", 1, "Error");
    scene.stage.write(&key, "app", "now");
    scene.stage.show(&key);
    let query = Query {
        previous: true,
        ..all()
    };
    let log = scene.follow(Query {
        follow: false,
        ..query.clone()
    });
    assert_eq!(log.after(1).await, ["web/app: before"]);
    scene.stage.lose_previous(&key, "app");
    let log = scene.follow(Query {
        follow: false,
        ..query
    });
    let words = log.after(1).await;
    assert!(
        words[0].contains("previous terminated container not found"),
        "{words:?}"
    );
    assert!(log.is_over());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_goes_away_is_told_once_and_nothing_is_lost() {
    let scene = Scene::of("default", "k3d-dev").await;
    let key = scene.pod("web", &json!({}));
    scene.stage.write(&key, "app", "one");
    let log = scene.follow(all());
    log.after(1).await;
    let runtime = scene.world.backends().runtime;
    runtime
        .stop("k3d-dev-server-0", Duration::ZERO)
        .await
        .unwrap();
    scene.stage.cut(&key, "app", false);
    for n in 0..20 {
        scene.stage.write(&key, "app", &n.to_string());
        log.after(1).await;
    }
    runtime.start("k3d-dev-server-0").await.unwrap();
    let seen = log.after(60).await;
    let lines: Vec<&str> = seen
        .iter()
        .filter_map(|words| words.strip_prefix("web/app: "))
        .collect();
    let mut wanted = vec!["one".to_owned()];
    wanted.extend((0..20).map(|n| n.to_string()));
    assert_eq!(lines, wanted);
    let marks: Vec<&String> = seen
        .iter()
        .filter(|words| words.starts_with("--"))
        .collect();
    assert_eq!(marks.len(), 2, "{marks:?}");
    assert!(
        marks[0].contains("refused") && marks[1].contains("watched again"),
        "{marks:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_may_not_be_read_is_a_problem_and_the_others_go_on() {
    let scene = Scene::new().await;
    let (a, b) = (scene.pod("a", &json!({})), scene.pod("b", &json!({})));
    for n in 0..9 {
        let fault = Fault::Fail(ErrorKind::Forbidden);
        scene.world.faults().add("log test/a/app", n, fault);
    }
    scene.stage.write(&a, "app", "secret");
    scene.stage.write(&b, "app", "open");
    let log = scene.follow(all());
    log.after(5).await;
    let items = log.items();
    let problems = items.iter().filter(
        |item| matches!(item, LogItem::Mark(mark) if matches!(mark.event, MarkEvent::Problem(_))),
    );
    assert_eq!(problems.count(), 1);
    assert!(items.iter().any(|item| words(item) == "b/app: open"));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_log_ends_every_request_of_it() {
    let scene = Scene::new().await;
    let key = scene.pod("a", &json!({}));
    scene.stage.write(&key, "app", "x");
    let mut log = follow(scene.api.clone(), all());
    assert_eq!(words(&log.next().await.unwrap()), "a/app: x");
    drop(log);
    let asked = scene.world.faults().journal().len();
    for _ in 0..100 {
        scene.stage.write(&key, "app", "y");
        scene.stage.cut(&key, "app", false);
        moment().await;
    }
    assert_eq!(scene.world.faults().journal().len(), asked);
}
