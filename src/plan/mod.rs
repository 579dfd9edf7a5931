//! Every change as data, before it happens.
//!
//! A builder (one file a verb) takes what was observed and what is wanted and returns a [`Plan`]: steps with the
//! order that they need. The screen and the command line show that plan; `ops::execute` carries it out, independent
//! steps at the same time, and undoes it in reverse when a step fails. Nothing in here does I/O, so every builder is
//! tested by comparing plans.

pub mod create;
pub mod delete;
pub mod edit;
mod event;
pub mod finish;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod images;
mod json;
pub mod lasting;
mod mend;
pub mod node;
pub mod prune;
pub mod registry;
pub mod restart;
pub mod scale;
pub mod start;
mod step;
pub mod stop;
mod subject;
mod text;
mod upstreams;

pub use event::{Event, Outcome, Progress};
pub use step::{KubeAccess, Step, Undo};
pub use subject::Subject;
pub use upstreams::Upstreams;

use std::{collections::BTreeSet, time::Duration};

use crate::{
    distro::k3s::{kubeconfig, names},
    domain::{Cluster, ClusterName, Role},
};

/// A step's place in its plan.
pub type StepId = usize;

/// What happens to the person's default kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kubeconfig {
    /// It is left alone.
    Untouched,
    /// The cluster's context is added.
    Merge,
    /// It is added and made the current one.
    #[default]
    MergeAndSwitch,
}

impl Kubeconfig {
    /// The step that does it, if there is one to do.
    fn step(self, cluster: &ClusterName, access: &KubeAccess) -> Option<Step> {
        (self != Self::Untouched).then(|| Step::MergeKubeconfig {
            access: access.clone(),
            context: kubeconfig::context(cluster),
            switch: self == Self::MergeAndSwitch,
        })
    }
}

impl KubeAccess {
    /// The way to the API of a cluster that is there: servers that run are asked for the kubeconfig first.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let mut servers: Vec<_> = cluster.with_role(Role::Server).collect();
        servers.sort_by_key(|node| !node.is_running());
        Self {
            servers: servers.into_iter().map(|node| node.name.clone()).collect(),
            url: kubeconfig::url(&cluster.api),
            published: kubeconfig::published(&cluster.api),
        }
    }
}

/// A change that can be shown, carried out and undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it does, as a sentence begins: `create cluster "demo"`.
    pub title: String,
    /// What it is about.
    pub about: Subject,
    /// The steps, each after the ones it depends on.
    pub steps: Vec<PlannedStep>,
    /// Whether a failure takes back what was done. Destructive plans go on as far as they can instead.
    pub undoable: bool,
    /// What a person should know before it begins although it is no reason to refuse, one sentence each.
    pub warnings: Vec<String>,
}

/// A step and what has to be done before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// What is done.
    pub step: Step,
    /// The steps that have to be done before.
    pub after: Vec<StepId>,
}

impl Plan {
    /// An empty plan.
    #[must_use]
    pub fn new(title: impl Into<String>, about: impl Into<Subject>) -> Self {
        Self {
            title: title.into(),
            about: about.into(),
            steps: Vec::new(),
            undoable: true,
            warnings: Vec::new(),
        }
    }

    /// Adds a step that starts when all of `after` are done. Only earlier steps can be named, so a plan has no cycle.
    pub fn add(&mut self, step: Step, after: impl IntoIterator<Item = StepId>) -> StepId {
        let id = self.steps.len();
        let earlier: BTreeSet<StepId> = after.into_iter().filter(|step| *step < id).collect();
        let after = earlier.into_iter().collect();
        self.steps.push(PlannedStep { step, after });
        id
    }

    /// The last step's place, for the next one to stand after; `None` while the plan is empty.
    #[must_use]
    pub fn last(&self) -> Option<StepId> {
        self.steps.len().checked_sub(1)
    }

    /// What is lost for good when this is carried out, one sentence each; empty for a harmless plan. The mark of an
    /// operation is nobody's loss.
    #[must_use]
    pub fn risk(&self) -> Vec<String> {
        let mark = self.about.cluster().map(names::mark_volume);
        self.steps
            .iter()
            .filter(|planned| match &planned.step {
                Step::RemoveVolume { volume } => Some(volume) != mark.as_ref(),
                _ => true,
            })
            .filter_map(|planned| planned.step.loses())
            .collect()
    }

    /// Whether it takes away what it does not bring back: a person is asked then, and a hasty key is no answer.
    #[must_use]
    pub fn destroys(&self) -> bool {
        let removes = |step: &Step| {
            matches!(
                step,
                Step::RemoveNetwork { .. }
                    | Step::RemovePath { .. }
                    | Step::RemoveKubeconfig { .. }
            )
        };
        !self.risk().is_empty() || self.steps.iter().any(|planned| removes(&planned.step))
    }

    /// How long it usually takes when everything is at hand: the longest chain of steps.
    #[must_use]
    pub fn usual(&self) -> Duration {
        let mut ends: Vec<Duration> = Vec::with_capacity(self.steps.len());
        for planned in &self.steps {
            let start = planned
                .after
                .iter()
                .map(|id| ends[*id])
                .max()
                .unwrap_or_default();
            ends.push(start + planned.step.usual());
        }
        ends.into_iter().max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
