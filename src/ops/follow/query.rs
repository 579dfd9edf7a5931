//! Whose logs are wanted, and which part of them.

use std::time::Duration;

use crate::ops::logs::Pattern;
use jiff::Timestamp;

use crate::{
    domain::{Workload, WorkloadKind},
    resources::followed::{Container, ContainerRole, Doing},
};

/// As many containers are followed at once where nothing else is said: each is a connection that the API server and a
/// kubelet keep open.
pub const MOST_LOGS: usize = 50;

/// Whose logs are wanted, and which part of them. The default is everything of every pod, read and not followed.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub struct Query {
    /// Pods that fit one of them are meant.
    pub targets: Vec<Target>,
    /// Pods whose name fits one of these are not.
    pub exclude_pods: Vec<Pattern>,
    /// Only containers whose name fits one of these; none is all.
    pub containers: Vec<Pattern>,
    /// Containers whose name fits one of these are left out.
    pub exclude_containers: Vec<Pattern>,
    /// Whether containers that prepare a pod are meant.
    pub init: bool,
    /// Whether containers that a person added to a pod are meant.
    pub ephemeral: bool,
    /// Only containers in one of these states, once they are in it; none is all.
    pub states: Vec<State>,
    /// Only lines since then.
    pub since: Option<Timestamp>,
    /// Only lines that are not older than this, by the clock of the node, which need not be that of this machine.
    pub ago: Option<Duration>,
    /// Whether lines come with what was written, up to a million bytes, because a program reads them.
    pub whole: bool,
    /// Of the past at most so many lines of each container; `None` is all. Containers that begin later are always read
    /// from their first line.
    pub tail: Option<u32>,
    /// The run before the present one, which is over, in place of it.
    pub previous: bool,
    /// Whether it goes on as lines, containers and pods come.
    pub follow: bool,
    /// At most so many containers at once; the others wait for a place.
    pub most: usize,
}

/// What a container does, as far as it is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does not run, or not yet.
    Waiting,
    /// It runs.
    Running,
    /// It has ended.
    Terminated,
}

/// Which pods are meant.
#[derive(Debug, Clone)]
pub enum Target {
    /// Those of the namespaces (none is all) whose labels fit the selector (empty is all) and whose name fits the
    /// expression.
    Pods {
        /// The namespaces.
        namespaces: Vec<String>,
        /// A label selector as the API takes it.
        selector: String,
        /// An expression for the name.
        name: Option<Pattern>,
    },
    /// Those that an object stands for, or the one pod.
    Of(Workload),
}

impl Default for Query {
    fn default() -> Self {
        Self {
            targets: vec![Target::Pods {
                namespaces: Vec::new(),
                selector: String::new(),
                name: None,
            }],
            exclude_pods: Vec::new(),
            containers: Vec::new(),
            exclude_containers: Vec::new(),
            init: true,
            ephemeral: true,
            states: Vec::new(),
            since: None,
            ago: None,
            whole: false,
            tail: None,
            previous: false,
            follow: false,
            most: MOST_LOGS,
        }
    }
}

impl Query {
    /// Whether all that is meant are single pods, so that there is an end of it.
    pub(super) fn is_of_pods(&self) -> bool {
        let pod = |target: &Target| matches!(target, Target::Of(workload) if workload.kind == WorkloadKind::Pod);
        self.targets.iter().all(pod)
    }

    /// Whether a container is meant, as it is now.
    pub(super) fn wants(&self, container: &Container) -> bool {
        let role = match container.role {
            ContainerRole::Init => self.init,
            ContainerRole::Main => true,
            ContainerRole::Ephemeral => self.ephemeral,
        };
        let state = match container.state {
            Doing::Waits(_) => State::Waiting,
            Doing::Runs(_) => State::Running,
            Doing::Ended(_) => State::Terminated,
        };
        let fits = |expressions: &[Pattern]| {
            let mut expressions = expressions.iter();
            expressions.any(|expression| expression.is_match(&container.name))
        };
        role && (self.states.is_empty() || self.states.contains(&state))
            && (self.containers.is_empty() || fits(&self.containers))
            && !fits(&self.exclude_containers)
    }
}
