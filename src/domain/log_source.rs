//! Where a line of a log comes from.

use std::fmt;

/// One container whose log is followed. A container at the engine has no namespace and no pod.
///
/// Lines carry it behind an `Arc`, because there are few sources and many lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Source {
    /// The pod's namespace.
    pub namespace: Box<str>,
    /// The pod's name.
    pub pod: Box<str>,
    /// The container's name.
    pub container: Box<str>,
    /// The pod's UID: another pod of the same name is another source.
    pub uid: Box<str>,
}

impl fmt::Display for Source {
    /// `web-1/app`, without the namespace; the container alone where there is no pod.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pod.is_empty(), self.container.is_empty()) {
            (true, _) => f.write_str(&self.container),
            (false, true) => f.write_str(&self.pod),
            (false, false) => write!(f, "{}/{}", self.pod, self.container),
        }
    }
}
