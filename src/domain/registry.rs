//! Registries that the nodes of a cluster get images from, as a person wants them.

use std::net::IpAddr;

use super::Secret;

/// The registries of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registries {
    /// One that is made with the cluster and goes with it.
    pub create: Option<RegistrySpec>,
    /// Those that are there, by the names of their containers, with or without `k3d-`.
    pub used: Vec<String>,
    /// A `registries.yaml` of the person's own, which has the last word.
    pub config: Option<String>,
}

/// A registry that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistrySpec {
    /// The name of its container; empty chooses one.
    pub name: String,
    /// The image; empty is the usual one.
    pub image: String,
    /// The host's address that its port is bound to; `None` is the usual one.
    pub host: Option<IpAddr>,
    /// The host's port; `None` lets one be chosen.
    pub port: Option<u16>,
    /// The registry that it keeps copies of.
    pub proxy: Option<RegistryProxy>,
    /// Mounts, `[SOURCE:]TARGET[:OPTIONS]`.
    pub volumes: Vec<String>,
    /// Whether images can be removed from it.
    pub delete_enabled: bool,
    /// Whether it has the same port inside of its container as on the host.
    pub same_port: bool,
}

/// A registry that another one keeps copies of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryProxy {
    /// Its URL.
    pub url: String,
    /// The account there; empty is none.
    pub username: String,
    /// The account's password.
    pub password: Secret,
}
