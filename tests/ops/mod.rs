//! What the product does, on worlds in memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod fake;
mod faults;
mod kubeconfig_file;
