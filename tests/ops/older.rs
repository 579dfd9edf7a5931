//! Older lines, page by page, as somebody scrolls up.

use coracle::{
    domain::{ObjectKey, log::LogItem},
    ops::{
        follow::{Beginning, Query, older},
        logs::Store,
    },
};
use serde_json::json;

use super::follow_pods::{Scene, all, moment};

/// What is known at first, and then page by page until there is no more: all texts in the order of the store.
async fn read_to_the_beginning(scene: &Scene, lines: usize) -> Vec<String> {
    let log = scene.follow(Query {
        follow: false,
        tail: Some(10),
        ..all()
    });
    log.after(1).await;
    let mut store = Store::new(1 << 24);
    store.extend(&log.items());
    loop {
        let page = older(scene.api.as_ref(), &beginnings(&store), lines)
            .await
            .unwrap();
        let page: Vec<LogItem> = page.into_iter().map(LogItem::Line).collect();
        if page.is_empty() {
            break;
        }
        assert_eq!(store.prepend(&page).taken(), page.len());
    }
    let all = store.lines().range(0..u64::MAX);
    all.map(|line| line.text().to_owned()).collect()
}

fn beginnings(store: &Store) -> Vec<Beginning> {
    let lines = store.lines();
    lines
        .sources()
        .filter_map(|(id, known)| {
            let mut all = lines.range(0..u64::MAX);
            let first = all.find(|line| line.source() == id && line.mark().is_none())?;
            Some(Beginning {
                source: known.source.clone()?,
                time: first.time()?,
            })
        })
        .collect()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

async fn write(scene: &Scene, pods: &[&ObjectKey], range: std::ops::Range<u32>) {
    for (n, pod) in range.zip(pods.iter().cycle()) {
        scene.stage.write(pod, "app", &n.to_string());
        moment().await;
    }
}

#[tokio::test(start_paused = true)]
async fn older_lines_go_back_into_the_run_before_and_to_its_beginning() {
    let scene = Scene::new().await;
    let key = scene.pod("web", &json!({}));
    write(&scene, &[&key], 0..100).await;
    scene.stage.restart(&key, "app", 1, "Error");
    scene.stage.show(&key);
    write(&scene, &[&key], 100..1_000).await;
    assert_eq!(read_to_the_beginning(&scene, 40).await, numbers(0..1_000));
}

#[tokio::test(start_paused = true)]
async fn of_several_pods_nothing_is_missing_between_the_pages() {
    let scene = Scene::new().await;
    let busy = scene.pod("busy", &json!({}));
    let quiet = scene.pod("quiet", &json!({}));
    let turns = [&busy, &busy, &busy, &busy, &quiet];
    write(&scene, &turns, 0..500).await;
    for page in [7, 40, 1_000] {
        assert_eq!(
            read_to_the_beginning(&scene, page).await,
            numbers(0..500),
            "{page}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_gone_has_no_older_lines() {
    let scene = Scene::new().await;
    let key = scene.pod("web", &json!({}));
    write(&scene, &[&key], 0..100).await;
    let log = scene.follow(Query {
        follow: false,
        tail: Some(10),
        ..all()
    });
    log.after(1).await;
    let mut store = Store::new(1 << 20);
    store.extend(&log.items());
    let mut known = beginnings(&store);
    let mut gone = (*known[0].source).clone();
    gone.pod = "gone".into();
    known[0].source = gone.into();
    assert_eq!(older(scene.api.as_ref(), &known, 40).await.unwrap(), []);
}
