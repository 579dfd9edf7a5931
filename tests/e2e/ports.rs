//! Ports, nodes and servers that come and go on clusters that are there, on a real engine.

use coracle::{
    domain::{ObjectKey, Role},
    ops::{self, Wish},
    resources::{nodes, unlisted},
};
use serde_json::json;

use crate::life::Life;

fn scale(life: &Life, servers: Option<u16>, agents: Option<u16>) -> Wish {
    Wish::Scale {
        cluster: life.name.clone(),
        servers,
        agents,
    }
}

/// How many nodes Kubernetes knows, and how many of them are Ready.
async fn nodes_of(life: &Life) -> (usize, usize) {
    let objects = life.api().await.list(&nodes::KIND, "", "").await.unwrap();
    let ready = objects
        .iter()
        .filter(|node| nodes::status(node).is_some_and(|status| status.ready));
    (objects.len(), ready.count())
}

#[tokio::test]
async fn a_lone_server_grows_to_three_and_keeps_what_it_had() {
    let life = Life::new("ports-grow").await;
    life.run(Life::create(life.spec(1, 1))).await.unwrap();
    let key = ObjectKey::new("default", "kept");
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "kept" }, "data": { "word": "tide" },
    });
    let api = life.api().await;
    api.create(&unlisted::CONFIG_MAPS, "default", &object)
        .await
        .unwrap();
    let before = life.anonymous_volumes().await;

    let report = life.run(scale(&life, Some(3), None)).await.unwrap();
    println!("from one server to three in {:?}", report.took);
    assert_eq!(nodes_of(&life).await, (4, 4));
    let kept = life.api().await.get(&unlisted::CONFIG_MAPS, &key).await;
    assert_eq!(kept.unwrap()["data"]["word"], "tide");
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap();
    assert_eq!(cluster.count(Role::Server), (3, 3));

    // It is a cluster of three: with its first server down it goes on, and stops and starts as a whole.
    let first = format!("k3d-{}-server-0", life.name);
    life.backends
        .runtime
        .stop(&first, std::time::Duration::from_secs(20))
        .await
        .unwrap();
    let members = life.api().await.list(&nodes::KIND, "", "").await.unwrap();
    assert_eq!(members.len(), 4);
    life.run(Wish::Restart(life.name.clone())).await.unwrap();
    assert_eq!(nodes_of(&life).await, (4, 4));

    let mut volumes = life.anonymous_volumes().await;
    volumes.extend(before);
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&volumes).await, Vec::<String>::new());
}
