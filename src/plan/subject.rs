//! What a plan is about: mostly a cluster, but also what lives beside clusters and outlives them.

use std::fmt;

use crate::domain::ClusterName;

/// The thing that a plan changes. Printed, it is how a sentence names it: `cluster "demo"`, `registry "k3d-registry"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A cluster, or something in it.
    Cluster(ClusterName),
    /// A registry, by its container's name.
    Registry(String),
    /// A volume.
    Volume(String),
    /// A network.
    Network(String),
    /// What crashes and other tools left behind.
    Leftovers,
}

impl Subject {
    /// The cluster that it is, or is part of.
    #[must_use]
    pub const fn cluster(&self) -> Option<&ClusterName> {
        match self {
            Self::Cluster(name) => Some(name),
            _ => None,
        }
    }

    /// Its name alone; the leftovers have none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Cluster(name) => name.as_str(),
            Self::Registry(name) | Self::Volume(name) | Self::Network(name) => name,
            Self::Leftovers => "",
        }
    }

    /// Its kind in one word, stable for scripts.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "cluster",
            Self::Registry(_) => "registry",
            Self::Volume(_) => "volume",
            Self::Network(_) => "network",
            Self::Leftovers => "leftovers",
        }
    }
}

impl From<ClusterName> for Subject {
    fn from(name: ClusterName) -> Self {
        Self::Cluster(name)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leftovers => f.write_str(self.kind()),
            _ => write!(f, "{} \"{}\"", self.kind(), self.name()),
        }
    }
}
