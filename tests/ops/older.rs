//! Older lines, page by page, as somebody scrolls up.

use coracle::{
    domain::log::LogItem,
    ops::follow::{Query, older},
};
use serde_json::json;

use super::follow_pods::{Scene, all, moment};

#[tokio::test(start_paused = true)]
async fn older_lines_are_fetched_up_to_those_that_are_known() {
    let scene = Scene::new().await;
    let key = scene.pod("web", &json!({}));
    let write = async |from: u32, to: u32| {
        for n in from..to {
            scene.stage.write(&key, "app", &n.to_string());
            moment().await;
        }
    };
    write(0, 100).await;
    scene.stage.restart(&key, "app", 1, "Error");
    scene.stage.show(&key);
    write(100, 1_000).await;
    let all = Query {
        follow: false,
        tail: Some(10),
        ..all()
    };
    let log = scene.follow(all);
    log.after(1).await;
    let mut known: Vec<u32> = Vec::new();
    let LogItem::Line(first) = &log.items()[0] else {
        panic!("a line")
    };
    let mut before = first.time.unwrap();
    // As somebody scrolls up, page by page, into the run before and to its beginning.
    loop {
        let page = older(scene.api.as_ref(), &key, "app", before, 40)
            .await
            .unwrap();
        let Some(first) = page.first() else { break };
        before = first.time.unwrap();
        let numbers = page.iter().map(|line| line.text.parse::<u32>().unwrap());
        known = numbers.chain(known).collect();
    }
    assert_eq!(known, (0..990).collect::<Vec<_>>());
    let missing = older(scene.api.as_ref(), &key, "none", before, 40).await;
    assert!(missing.is_err());
}
