//! The operations of this session: what is being planned, what goes on, how it ended.

use jiff::Timestamp;

use crate::{
    domain::{Cluster, Distribution, Problem},
    ops::{Failure, Report, Wish},
    plan::{Event, Outcome, Plan, Progress},
};

/// Where a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// It waits for others, or was given up.
    Waiting,
    /// It is going on.
    Running {
        /// Since when.
        since: Timestamp,
        /// How far it is.
        progress: Progress,
    },
    /// It is done.
    Done(Outcome),
    /// It failed.
    Failed(Problem),
    /// It was taken back.
    Undone,
    /// It could not be taken back.
    Stuck(Problem),
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Well.
    Well(Box<Report>),
    /// Not well.
    Badly(Box<Failure>),
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its number.
    pub id: u64,
    /// What was wanted.
    pub wish: Wish,
    /// What is being done.
    pub plan: Plan,
    /// Where each step is.
    pub steps: Vec<StepState>,
    /// When it began.
    pub started: Timestamp,
    /// When and how it ended.
    pub ended: Option<(Timestamp, Ending)>,
    /// Whether the person asked it to stop.
    pub cancelled: bool,
}

impl Operation {
    /// Takes in what happened to a step.
    pub fn take(&mut self, event: Event, now: Timestamp) {
        let (id, state) = match event {
            Event::Started(id) => (
                id,
                StepState::Running {
                    since: now,
                    progress: Progress::default(),
                },
            ),
            Event::Progress(id, progress) => match self.steps.get(id) {
                Some(StepState::Running { since, .. }) => (
                    id,
                    StepState::Running {
                        since: *since,
                        progress,
                    },
                ),
                _ => return,
            },
            Event::Finished(id, outcome) => (id, StepState::Done(outcome)),
            Event::Failed(id, problem) => (id, StepState::Failed(problem)),
            Event::Undone(id) => (id, StepState::Undone),
            Event::UndoFailed(id, problem) => (id, StepState::Stuck(problem)),
        };
        if let Some(step) = self.steps.get_mut(id) {
            *step = state;
        }
    }

    /// Takes in how it ended. What was going on then did not come to its own end.
    pub fn end(&mut self, now: Timestamp, ending: Ending) {
        for step in &mut self.steps {
            if matches!(step, StepState::Running { .. }) {
                *step = StepState::Waiting;
            }
        }
        self.ended = Some((now, ending));
    }

    /// How many of its steps are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| matches!(step, StepState::Done(_)))
            .count()
    }
}

/// All operations of this session.
#[derive(Debug, Clone, Default)]
pub struct Operations {
    /// The newest last.
    pub all: Vec<Operation>,
    next: u64,
}

/// How many operations are kept; those that go on are never dropped.
const KEPT: usize = 50;

impl Operations {
    /// A number for the next one.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Begins one.
    pub fn begin(&mut self, id: u64, wish: Wish, plan: Plan, now: Timestamp) {
        if self.all.len() >= KEPT
            && let Some(oldest) = self
                .all
                .iter()
                .position(|operation| operation.ended.is_some())
        {
            self.all.remove(oldest);
        }
        let steps = vec![StepState::Waiting; plan.steps.len()];
        self.all.push(Operation {
            id,
            wish,
            plan,
            steps,
            started: now,
            ended: None,
            cancelled: false,
        });
    }

    /// The operation of a number.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Operation> {
        self.all.iter_mut().find(|operation| operation.id == id)
    }

    /// Those that go on.
    #[must_use]
    pub fn running(&self) -> impl DoubleEndedIterator<Item = &Operation> {
        self.all
            .iter()
            .filter(|operation| operation.ended.is_none())
    }

    /// The one that goes on for a cluster; only those of k3s are changed here.
    #[must_use]
    pub fn running_for(&self, cluster: &Cluster) -> Option<&Operation> {
        self.running().find(|operation| {
            let about = operation.plan.about.cluster();
            cluster.distribution == Distribution::K3s && about == Some(&cluster.name)
        })
    }
}
