//! The contract of `KubeApi` on the API of a real cluster.

use crate::{contract::kube::Ground, life::Life};

#[tokio::test]
async fn the_api_of_a_real_cluster_keeps_the_contract() {
    let life = Life::new("kube").await;
    life.run(Life::create(life.spec(1, 0))).await.unwrap();
    let ground = Ground {
        api: life.api().await,
        // Every k3s node has it, for its volumes.
        image: "rancher/mirrored-library-busybox:1.36.1".to_owned(),
    };
    crate::kube_contract! { @together ground.clone() };
    life.run(coracle::ops::Wish::Delete(life.name.clone()))
        .await
        .unwrap();
}
