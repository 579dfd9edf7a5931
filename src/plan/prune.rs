//! What crashes and other tools left behind, and its removal. Nothing of a living cluster is among it: what might be
//! in use is left where it is.

mod find;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use self::find::find;
use super::{Plan, Step, StepId, Subject};
use crate::domain::{
    Cluster, ClusterName,
    container::{ContainerInfo, DiskUsage, NetworkInfo, VolumeSpec},
};

/// What leftovers are looked for in.
#[derive(Debug, Clone, Copy)]
pub struct Prune<'a> {
    /// The clusters.
    pub clusters: &'a [Cluster],
    /// All containers of the engine.
    pub containers: &'a [ContainerInfo],
    /// All networks of the engine.
    pub networks: &'a [NetworkInfo],
    /// The volumes with k3d's label.
    pub volumes: &'a [VolumeSpec],
    /// How much each takes; empty where the engine does not tell.
    pub sizes: &'a DiskUsage,
    /// Clusters whose making was begun by a process that is gone.
    pub abandoned: &'a [ClusterName],
    /// What may belong to clusters outside of the engine.
    pub local: &'a [Local],
    /// Whether an abandoned cluster is removed although a server of it runs.
    pub interrupted: bool,
    /// The time.
    pub now: Timestamp,
}

/// Something on this machine that belongs to a cluster, if that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// A directory with files that are mounted into a node.
    NodeFiles {
        /// Where it is.
        path: String,
        /// The node's name.
        node: String,
        /// Its size.
        bytes: u64,
    },
    /// A kubeconfig file of one cluster whose server does not answer.
    Kubeconfig {
        /// Where it is.
        path: String,
        /// The cluster.
        cluster: ClusterName,
        /// Its size.
        bytes: u64,
    },
    /// A context of the person's kubeconfig whose server, on this machine, does not answer.
    Context {
        /// The cluster.
        cluster: ClusterName,
    },
}

/// One thing that is left over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is.
    pub kind: Kind,
    /// Its name or path.
    pub name: String,
    /// Why nobody needs it, in a few words.
    pub why: String,
    /// The bytes that it takes, where that is known.
    pub bytes: Option<u64>,
    /// The containers among the leftovers that have to go before it.
    pub after: Vec<String>,
}

/// What kind of thing a leftover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// A context of the kubeconfig.
    Context,
    /// A file or directory of this machine.
    Path,
}

impl Kind {
    /// Its name in one word, stable for scripts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Context => "context",
            Self::Path => "path",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The leftovers: containers, networks, volumes, contexts, paths.
    pub leftovers: Vec<Leftover>,
    /// What a person should know: what was left out although it looks like a leftover.
    pub warnings: Vec<String>,
    /// Registries that live on and have to leave a network before it can go: network and container.
    guests: Vec<(String, String)>,
    /// The marks of interrupted operations, which go last.
    marks: BTreeSet<String>,
}

impl Found {
    /// Adds a leftover that is not known yet.
    fn add(&mut self, leftover: Leftover) {
        let same = |known: &Leftover| known.kind == leftover.kind && known.name == leftover.name;
        if !self.leftovers.iter().any(same) {
            self.leftovers.push(leftover);
        }
    }

    /// The same with these names or paths alone; all of it where none is named.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        if !names.is_empty() {
            self.leftovers
                .retain(|leftover| names.contains(&leftover.name));
            self.guests.retain(|(network, _)| names.contains(network));
        }
        self
    }

    /// The same with what is to be kept among the leftovers alone.
    #[must_use]
    pub fn keeping(mut self, mut wanted: impl FnMut(&Leftover) -> bool) -> Self {
        self.leftovers.retain(|leftover| wanted(leftover));
        let left = &self.leftovers;
        self.guests.retain(|(network, _)| {
            left.iter()
                .any(|leftover| leftover.kind == Kind::Network && leftover.name == *network)
        });
        self
    }

    /// The bytes of all that is left over, as far as they are known.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.leftovers
            .iter()
            .filter_map(|leftover| leftover.bytes)
            .sum()
    }
}

/// The plan that removes what was found.
#[must_use]
pub fn plan(found: &Found) -> Plan {
    let mut plan = Plan::new("remove leftovers", Subject::Leftovers);
    plan.undoable = false;
    plan.warnings.clone_from(&found.warnings);
    let mut gone: Vec<(&str, StepId)> = Vec::new();
    for (network, container) in &found.guests {
        let (network, name) = (network.clone(), container.clone());
        let step = Step::Disconnect {
            network,
            container: name,
        };
        gone.push((container, plan.add(step, [])));
    }
    let mut last: Vec<&Leftover> = Vec::new();
    for leftover in &found.leftovers {
        let name = leftover.name.clone();
        // Nothing else is waited for: what cannot be removed keeps nothing but its own.
        let after: Vec<StepId> = gone
            .iter()
            .filter(|(container, _)| leftover.after.iter().any(|name| name == container))
            .map(|(_, step)| *step)
            .collect();
        match leftover.kind {
            Kind::Container => {
                let step = Step::RemoveContainer { container: name };
                gone.push((&leftover.name, plan.add(step, [])));
            }
            Kind::Network => {
                plan.add(Step::RemoveNetwork { network: name }, after);
            }
            Kind::Volume if found.marks.contains(&name) => last.push(leftover),
            Kind::Volume => {
                plan.add(Step::RemoveVolume { volume: name }, after);
            }
            Kind::Context => {
                plan.add(Step::RemoveKubeconfig { context: name }, []);
            }
            Kind::Path => {
                plan.add(Step::RemovePath { path: name }, []);
            }
        }
    }
    for mark in last {
        let everything = 0..plan.steps.len();
        let volume = mark.name.clone();
        plan.add(Step::RemoveVolume { volume }, everything);
    }
    plan
}

#[cfg(test)]
mod tests;
