//! The product on a real engine with real nodes.

mod contract;
#[path = "e2e/engine.rs"]
mod engine;
