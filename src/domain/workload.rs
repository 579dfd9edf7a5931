//! What runs pods, in kubectl's words: `deploy/web`, `svc/db`, `pod/web-1`.

use std::{fmt, str::FromStr};

use super::{ObjectKey, Problem};

/// A kind of object that stands for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// A single pod.
    Pod,
    /// A Deployment.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
    /// A `DaemonSet`.
    DaemonSet,
    /// A `ReplicaSet`.
    ReplicaSet,
    /// A Job.
    Job,
    /// A Service.
    Service,
}

/// Each kind with every word that kubectl takes for it, the one that is printed first.
const WORDS: [(WorkloadKind, &[&str]); 7] = [
    (WorkloadKind::Pod, &["pod", "pods", "po"]),
    (
        WorkloadKind::Deployment,
        &["deployment", "deployments", "deploy"],
    ),
    (
        WorkloadKind::StatefulSet,
        &["statefulset", "statefulsets", "sts"],
    ),
    (WorkloadKind::DaemonSet, &["daemonset", "daemonsets", "ds"]),
    (
        WorkloadKind::ReplicaSet,
        &["replicaset", "replicasets", "rs"],
    ),
    (WorkloadKind::Job, &["job", "jobs"]),
    (WorkloadKind::Service, &["service", "services", "svc"]),
];

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = WORDS.iter().find(|(kind, _)| kind == self);
        f.write_str(found.map_or("", |(_, words)| words[0]))
    }
}

impl FromStr for WorkloadKind {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let word = text.to_ascii_lowercase();
        // `deployment.apps` is what kubectl prints with `-o name`.
        let word = word.split('.').next().unwrap_or_default();
        WORDS
            .iter()
            .find(|(_, words)| words.contains(&word))
            .map(|(kind, _)| *kind)
            .ok_or_else(|| {
                let all: Vec<&str> = WORDS.iter().map(|(_, words)| words[0]).collect();
                Problem::usage(
                    format!("{text:?} is no kind that runs pods"),
                    format!("the kinds are {}", all.join(", ")),
                )
            })
    }
}

/// One object that stands for pods. `FromStr` takes `KIND/NAME` and a lone `NAME`, which is a pod's, and leaves the
/// namespace empty for the caller to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Workload {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Namespace and name.
    pub key: ObjectKey,
}

impl Workload {
    /// The same in a namespace.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.key.namespace = namespace.into();
        self
    }
}

impl fmt::Display for Workload {
    /// `deployment/web`, without the namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.key.name)
    }
}

impl FromStr for Workload {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind.parse()?, name),
            None => (WorkloadKind::Pod, text),
        };
        let plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if name.is_empty() || name.len() > 253 || !name.chars().all(plain) {
            return Err(Problem::usage(
                format!("{text:?} names no object"),
                "a name has lower-case letters, digits, '-' and '.'",
            )
            .with_hint("for example deploy/web, svc/db or a pod's name"));
        }
        Ok(Self {
            kind,
            key: ObjectKey::new("", name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_s_words_are_understood() {
        for (text, shown) in [
            ("deploy/web", "deployment/web"),
            ("deployment.apps/web", "deployment/web"),
            ("SVC/db", "service/db"),
            ("sts/a.b", "statefulset/a.b"),
            ("web-1", "pod/web-1"),
        ] {
            assert_eq!(text.parse::<Workload>().unwrap().to_string(), shown);
        }
        for text in ["", "x/y", "svc/", "svc/a b", "svc/\u{1b}[31m", "a/b/c"] {
            assert!(text.parse::<Workload>().is_err(), "{text:?}");
        }
    }
}
