//! The contract of `ContainerRuntime` on the real engine.

use coracle::backend::docker::{Environment, connect};

use crate::contract::site::Ground;

#[expect(clippy::panic, reason = "without an engine every case fails")]
async fn ground() -> Ground {
    let image =
        std::env::var("CORACLE_E2E_BUSYBOX_IMAGE").unwrap_or_else(|_| "busybox:latest".to_owned());
    let runtime = connect(&Environment::of_process(), None)
        .await
        .unwrap_or_else(|tried| panic!("no engine answers: {tried:#?}"));
    Ground { runtime, image }
}

crate::runtime_contract! { #[tokio::test] ground().await }
