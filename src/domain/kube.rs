//! What the product knows of Kubernetes objects: how they are named and how well they are.

use std::fmt;

/// Namespace and name of an object; the namespace is empty for objects of the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The namespace, shared by all objects in it, because a cluster has few namespaces and many objects.
    pub namespace: std::sync::Arc<str>,
    /// The name.
    pub name: Box<str>,
}

impl ObjectKey {
    /// A key from its two parts.
    pub fn new(namespace: impl Into<std::sync::Arc<str>>, name: impl Into<Box<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// How an object is, in the order in which a person wants to see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Health {
    /// It fails, and will not stop failing by itself.
    Failing,
    /// Something is off.
    Warning,
    /// On its way.
    Progressing,
    /// As it should be.
    Good,
    /// Finished or switched off, on purpose.
    Idle,
}

/// How the Kubernetes API of a cluster answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiHealth {
    /// How long one request took.
    pub latency: std::time::Duration,
    /// The server's version: `v1.34.2+k3s1`.
    pub version: String,
}

/// A Kubernetes node's own view of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Whether the kubelet reports Ready.
    pub ready: bool,
    /// The Ready condition's message where it is not.
    pub message: String,
    /// Whether new pods are kept away.
    pub cordoned: bool,
    /// The kubelet's version.
    pub version: String,
    /// Its internal address.
    pub address: Option<std::net::IpAddr>,
}

/// A context that a kubeconfig names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextInfo {
    /// Its name.
    pub name: String,
    /// The URL of its server.
    pub server: String,
    /// The namespace that it begins in; empty where it says none.
    pub namespace: String,
    /// Whether it is the current one.
    pub current: bool,
}
