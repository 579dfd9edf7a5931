//! coracle: a full-screen terminal manager for Kubernetes clusters that run in containers.
//!
//! # The map
//!
//! Rooms are layers; each may name only those above it in this list. `docs/architecture.md` says more, and
//! `tests/layering.rs` keeps it true.
//!
//! | room | what lives there |
//! |---|---|
//! | [`domain`] | the vocabulary: names, specifications, clusters, nodes, log lines, problems |
//! | [`config`] | `.tui.toml` and its layers, key chords, colours; kubeconfig files as documents |
//! | [`distro`] | how a cluster looks in an engine, translated both ways |
//! | [`plan`] | every change as data: steps, their order, their undoing; one builder a verb |
//! | [`resources`] | how each Kubernetes kind becomes rows |
//! | [`backend`] | the two doors to the world, `ContainerRuntime` and `KubeApi`: Docker, Kubernetes, a simulation |
//! | [`ops`] | what the product does: find, observe, prepare, carry out, follow |
//! | [`tui`] | the screen |
//! | [`cli`] | the command line |

pub mod backend;
pub mod cli;
pub mod config;
pub mod distro;
pub mod domain;
pub mod ops;
pub mod plan;
pub mod resources;
pub mod tui;
