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
//!
//! # A program of one's own
//!
//! Everything that the two faces do is a call of [`ops`]. This creates a cluster, lists what is there and deletes the
//! cluster again:
//!
//! ```
//! use coracle::{
//!     domain::{ClusterName, ClusterSpec, Problem},
//!     ops::{self, Cancel, Request, Wish, kubeconfig_file::KubeconfigFiles, open::{Where, open}},
//!     plan::Kubeconfig,
//! };
//! use tokio::sync::mpsc;
//!
//! # // Time that is waited for does not have to pass in a simulated world.
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Problem> { example().await }
//! async fn example() -> Result<(), Problem> {
//!     // A simulated world; `Where::default()` is the engine that the docker command would use.
//!     let place = Where { simulate: Some("empty".to_owned()), ..Where::default() };
//!     let backends = open(&place).await?.backends()?;
//!
//!     let name = ClusterName::parse("demo")?;
//!     let (image, proxy) = ("rancher/k3s:v1.34.2-k3s1", "ghcr.io/k3d-io/k3d-proxy:5.9.0");
//!     let spec = ClusterSpec { agents: 1, ..ClusterSpec::new(name.clone(), image, proxy) };
//!     let create = Wish::Create { spec: Box::new(spec), kubeconfig: Kubeconfig::Untouched };
//!
//!     for wish in [create, Wish::Delete(name)] {
//!         let request = Request { files: KubeconfigFiles::none(), ..Request::new(&backends, wish) };
//!         // A plan is made first, and can be shown; nothing has changed yet.
//!         let plan = ops::prepare(&backends, &request).await?;
//!         print!("{}", plan.to_text());
//!         // The receiver would get an event for each step as it begins and ends.
//!         let (events, _receiver) = mpsc::channel(256);
//!         let report = ops::carry_out(&backends, &request, plan, events, &Cancel::new())
//!             .await
//!             .map_err(|failure| failure.problem)?;
//!         println!("done in {:?}", report.took);
//!
//!         for cluster in ops::observe(&backends).await?.clusters {
//!             println!("{}: {}", cluster.name, cluster.state);
//!         }
//!     }
//!     assert!(ops::observe(&backends).await?.clusters.is_empty());
//!     Ok(())
//! }
//! ```

pub mod backend;
pub mod cli;
pub mod config;
pub mod distro;
pub mod domain;
pub mod ops;
pub mod plan;
pub mod resources;
pub mod tui;
