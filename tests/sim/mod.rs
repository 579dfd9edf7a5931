//! The simulated world keeps the contract that the real engine keeps, and a cluster lives in it as in the real one.

mod clusters;
mod kube;
mod workloads;

use coracle::backend::sim::World;

use crate::contract::site::Ground;

fn ground() -> Ground {
    let world = World::named("empty").unwrap();
    Ground {
        runtime: world.backends().runtime,
        image: "busybox:latest".to_owned(),
    }
}

crate::runtime_contract! { #[tokio::test(start_paused = true)] ground() }
