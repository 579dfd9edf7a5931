//! The adapter for the Kubernetes API against servers that answer what no real one can be made to answer on demand.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "functions that are called from tests fail as tests do"
)]

mod credentials;
mod deployed;
mod measure;
mod objects;
mod rights;
pub mod server;
mod watch;
