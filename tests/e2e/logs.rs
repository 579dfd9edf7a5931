//! Logs on real nodes: pods that number their lines are followed through rollouts, restarts, cut connections and a node
//! that is stopped. No line is missing and none comes twice, or a mark says so at that very place.
//!
//! `CORACLE_E2E_ROLLOUTS` says how many rollouts there are; the default keeps the test short.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use coracle::{
    backend::KubeApi,
    domain::{MarkEvent, ObjectKey, Source, log::LogItem},
    ops::{
        Wish,
        follow::{Query, Target, follow},
    },
    resources::{pods, unlisted},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::life::Life;

const IMAGE: &str = "rancher/mirrored-library-busybox:1.36.1";
const REPLICAS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(120);

/// Twenty lines a second, each with its number; the last one says that it is the last.
const SCRIPT: &str = "n=0; trap 'echo end $n; exit 0' TERM; \
    while true; do n=$((n+1)); echo line $n; sleep 0.05; done";

fn deployment(round: usize) -> Value {
    let labels = json!({ "app": "count" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "count" },
        "spec": {
            "replicas": REPLICAS,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels, "annotations": { "round": round.to_string() } },
                "spec": {
                    "terminationGracePeriodSeconds": 10,
                    "containers": [{
                        "name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
                        "command": ["sh", "-c", SCRIPT],
                    }],
                },
            },
        },
    })
}

/// Waits until all pods are of a round and ready, and no other is left.
async fn settled(api: &dyn KubeApi, round: usize) {
    let begun = Instant::now();
    let wanted = round.to_string();
    loop {
        assert!(begun.elapsed() < PATIENCE, "round {round} did not settle");
        let all = api
            .list(&pods::KIND, "default", "")
            .await
            .unwrap_or_default();
        let good = |pod: &Value| {
            let conditions = pod["status"]["conditions"].as_array();
            let ready = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            ready && pod["metadata"]["annotations"]["round"] == *wanted
        };
        if all.len() == REPLICAS && all.iter().all(good) {
            return;
        }
        sleep(Duration::from_millis(250)).await;
    }
}

/// Waits until every container was started again.
async fn restarted(api: &dyn KubeApi) {
    let begun = Instant::now();
    let again =
        |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_u64() > Some(0);
    while !api
        .list(&pods::KIND, "default", "")
        .await
        .unwrap()
        .iter()
        .all(again)
    {
        assert!(
            begun.elapsed() < PATIENCE,
            "the containers were not started again"
        );
        sleep(Duration::from_millis(250)).await;
    }
}

/// What was seen of one container.
#[derive(Default)]
struct Seen {
    last: u64,
    lines: u64,
    gaps: u64,
    /// Whether a mark has said that lines may be missing before the next one.
    gap: bool,
    /// Whether the next run may begin.
    restarted: bool,
    ended: bool,
}

impl Seen {
    fn line(&mut self, source: &Source, text: &str) {
        let number: u64 = match text.split_once(' ') {
            Some(("line", number)) => number.parse().unwrap(),
            Some(("end", number)) => {
                assert_eq!(
                    number.parse(),
                    Ok(self.last),
                    "{source}: the end is not its end"
                );
                self.ended = true;
                return;
            }
            _ => panic!("{source} wrote {text:?}"),
        };
        let next = number == self.last + 1;
        // A run that was killed has no end of its own.
        let again = number == 1 && (self.ended || self.restarted);
        let after_gap = self.gap && (number > self.last || self.restarted);
        assert!(
            next || again || after_gap,
            "{source}: {number} after {}, restarted {}, gap {}",
            self.last,
            self.restarted,
            self.gap,
        );
        (self.last, self.lines, self.gap) = (number, self.lines + 1, false);
        if number == 1 {
            (self.restarted, self.ended) = (false, false);
        }
    }
}

/// Checks every line and mark that came.
fn check(items: &[LogItem]) -> BTreeMap<Arc<Source>, Seen> {
    let mut seen: BTreeMap<Arc<Source>, Seen> = BTreeMap::new();
    for item in items {
        match item {
            LogItem::Line(line) => {
                let source = line.source.clone().unwrap();
                seen.entry(source.clone())
                    .or_default()
                    .line(&source, &line.text);
            }
            LogItem::Mark(mark) => {
                let about = |source: &Source| {
                    mark.source.as_ref().is_none_or(|of| {
                        of.pod == source.pod
                            && (of.container.is_empty() || of.container == source.container)
                    })
                };
                let theirs = seen.iter_mut().filter(|(source, _)| about(source));
                for (_, seen) in theirs {
                    match mark.event {
                        MarkEvent::Gap(_) => (seen.gap, seen.gaps) = (true, seen.gaps + 1),
                        MarkEvent::Restarted(_) => seen.restarted = true,
                        _ => {}
                    }
                }
            }
        }
    }
    seen
}

/// Containers are killed, connections cut, a node stopped, the server restarted.
async fn break_everything(life: &Life, api: &dyn KubeApi, round: usize) {
    let runtime = &life.backends.runtime;
    let node = |role: &str| format!("k3d-{}-{role}", life.name);
    println!("containers are killed");
    for role in ["server-0", "agent-0"] {
        // The brackets keep the command from finding itself.
        let kill = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline | grep -q '[e]cho end' \
            && kill -9 ${p#/proc/}; done; true";
        let command = ["sh", "-c", kill];
        let done = runtime.exec(&node(role), &command, PATIENCE).await.unwrap();
        assert_eq!(done.code, 0, "{done:?}");
    }
    restarted(api).await;
    settled(api, round).await;
    println!("all connections are cut");
    let grace = Duration::from_secs(1);
    runtime.stop(&node("serverlb"), grace).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    runtime.start(&node("serverlb")).await.unwrap();
    settled(api, round).await;
    println!("a node is stopped");
    runtime.stop(&node("agent-0"), grace).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    runtime.start(&node("agent-0")).await.unwrap();
    settled(api, round).await;
    println!("the server is restarted");
    runtime
        .stop(&node("server-0"), Duration::from_secs(10))
        .await
        .unwrap();
    runtime.start(&node("server-0")).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    settled(api, round).await;
}

#[tokio::test]
async fn no_line_is_lost_or_doubled_unsaid() {
    let rollouts: usize = std::env::var("CORACLE_E2E_ROLLOUTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2);
    let life = Life::new("logs").await;
    life.run(Life::create(life.steady_spec(1, 1)))
        .await
        .unwrap();
    let api = life.api().await;
    api.create(&unlisted::DEPLOYMENTS, "default", &deployment(0))
        .await
        .unwrap();
    settled(api.as_ref(), 0).await;

    let items: Arc<Mutex<Vec<LogItem>>> = Arc::default();
    let query = Query {
        targets: vec![Target::Of(
            "deploy/count"
                .parse::<coracle::domain::Workload>()
                .unwrap()
                .within("default"),
        )],
        follow: true,
        ..Query::default()
    };
    let mut stream = follow(api.clone(), query);
    let taken = Arc::clone(&items);
    let following = tokio::spawn(async move {
        while let Some(item) = stream.next().await {
            if let LogItem::Mark(mark) = &item {
                println!("-- {mark}");
            }
            taken.lock().unwrap().push(item);
        }
    });

    let key = ObjectKey::new("default", "count");
    for round in 1..=rollouts {
        println!("rollout {round}");
        let patch = json!({ "spec": { "template": deployment(round)["spec"]["template"] } });
        api.patch(&unlisted::DEPLOYMENTS, &key, &patch)
            .await
            .unwrap();
        settled(api.as_ref(), round).await;
    }
    break_everything(&life, api.as_ref(), rollouts).await;

    // Everybody who writes now is heard.
    let heard = || items.lock().unwrap().len();
    let before = heard();
    let begun = Instant::now();
    while heard() < before + 100 {
        assert!(begun.elapsed() < PATIENCE, "nothing comes any more");
        sleep(Duration::from_millis(200)).await;
    }
    following.abort();
    let items = std::mem::take(&mut *items.lock().unwrap());
    let seen = check(&items);
    let lines: u64 = seen.values().map(|seen| seen.lines).sum();
    let restarts = items
        .iter()
        .filter(|item| matches!(item, LogItem::Mark(mark) if matches!(mark.event, MarkEvent::Restarted(_))))
        .count();
    assert!(restarts >= REPLICAS, "{restarts} restarts were marked");
    let gaps: u64 = seen.values().map(|seen| seen.gaps).sum();
    println!(
        "{lines} lines of {} containers, {gaps} gaps that were marked",
        seen.len()
    );
    assert!(
        seen.len() >= REPLICAS * (rollouts + 1),
        "{} containers",
        seen.len()
    );
    assert!(lines > 500, "{lines} lines");

    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}
