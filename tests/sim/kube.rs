//! A simulated cluster's API keeps the contract that a real one keeps.

use coracle::backend::{KubeTarget, sim::World};

use crate::contract::kube::Ground;

async fn ground() -> Ground {
    let target = KubeTarget::Context {
        files: Vec::new(),
        name: "k3d-dev".to_owned(),
    };
    let kube = World::named("default").unwrap().backends().kube;
    Ground {
        api: kube.connect(&target).await.unwrap(),
        image: "busybox:latest".to_owned(),
    }
}

crate::kube_contract! { #[tokio::test(start_paused = true)] ground().await }
