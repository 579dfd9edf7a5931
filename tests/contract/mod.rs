//! What every adapter of the two doors has to do, as one suite: the simulated world runs it always, the real engine in
//! the end-to-end tests, so that the simulation cannot drift from the truth.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "functions that are called from tests fail as tests do"
)]

pub mod activity;
mod forward;
mod input;
pub mod kube;
mod networks;
pub mod runtime;
pub mod site;
