//! The adapter for Docker's API against engines that misbehave, which no real one can be made to do on demand.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "functions that are called from tests fail as tests do"
)]

pub mod fake;
mod faults;
