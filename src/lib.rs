//! coracle: a full-screen terminal manager for Kubernetes clusters that run in containers.

pub mod backend;
pub mod cli;
pub mod config;
pub mod distro;
pub mod domain;
pub mod ops;
pub mod plan;
pub mod resources;
pub mod tui;
