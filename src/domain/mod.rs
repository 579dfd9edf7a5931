//! The vocabulary of the product: values that validate when they are parsed, and nothing else.
//!
//! Nothing in here does I/O or asks for the time, so that every other layer can speak in these words
//! and every rule about them is tested with plain values. What Docker calls things and how k3d labels them
//! is not decided here but in [`crate::distro`].

pub mod api_endpoint;
pub mod cluster;
pub mod container;
pub mod forward;
pub mod host_alias;
pub mod image;
pub mod image_archive;
pub mod kube;
pub mod limits;
pub mod log;
pub mod log_mark;
pub mod log_source;
pub mod mask;
pub mod name;
pub mod node_filter;
pub mod paint;
pub mod port;
pub mod problem;
pub mod proxy_setting;
pub mod registry;
pub mod secret;
pub mod spec;
pub mod subnet;
pub mod subnet6;
pub mod workload;

pub use api_endpoint::ApiEndpoint;
pub use cluster::{Cluster, ClusterState, Node, Role};
pub use forward::{Forward, ForwardPort, ForwardState, ForwardTarget, RemotePort};
pub use host_alias::HostAlias;
pub use kube::{Health, ObjectKey};
pub use limits::Limits;
pub use log::LogLine;
pub use log_mark::{Mark, MarkEvent};
pub use log_source::Source;
pub use name::ClusterName;
pub use node_filter::{ForNodes, NodeFilter};
pub use port::{PortMapping, Protocol, PublishedPort};
pub use problem::{Problem, ProblemKind};
pub use registry::{Registries, Registry, RegistrySpec};
pub use secret::Secret;
pub use spec::{ClusterNetwork, ClusterSpec, Distribution, ImageVolume};
pub use subnet::Subnet;
pub use subnet6::Subnet6;
pub use workload::{Workload, WorkloadKind};
