//! What the steps of one run share: the world, the way to tell how it goes, clients, what each step is at.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;

use super::feed::Feeds;
use crate::{
    backend::{Backends, ErrorKind, KubeApi},
    distro::k3s::kubeconfig::Admin,
    domain::{ClusterName, Problem, log::sanitize},
    ops::{
        kubeconfig,
        kubeconfig_file::{Before, KubeconfigFiles},
        reach,
    },
    plan::{Event, KubeAccess, Plan, Progress, StepId},
};

/// How long a receiver of events that does not keep up may hold up a step.
const PATIENCE: Duration = Duration::from_millis(500);

/// As many lines of a log explain a failure.
const LAST_LINES: usize = 20;

/// What a step is at, kept for the day it fails.
#[derive(Debug, Default)]
struct Notes {
    message: String,
    answer: String,
    lines: VecDeque<String>,
}

/// One execution of a plan.
pub(in crate::ops) struct Run<'a> {
    pub(in crate::ops) backends: &'a Backends,
    pub(in crate::ops) plan: &'a Plan,
    pub(super) files: &'a KubeconfigFiles,
    pub(super) feeds: Feeds,
    events: &'a mpsc::Sender<Event>,
    clients: Mutex<HashMap<String, Arc<dyn KubeApi>>>,
    notes: Mutex<BTreeMap<StepId, Notes>>,
    kubeconfigs: Mutex<BTreeMap<StepId, Before>>,
    warnings: Mutex<Vec<Problem>>,
    cut_off: OnceLock<Problem>,
}

impl<'a> Run<'a> {
    pub(in crate::ops) fn new(
        backends: &'a Backends,
        files: &'a KubeconfigFiles,
        plan: &'a Plan,
        events: &'a mpsc::Sender<Event>,
    ) -> Self {
        Self {
            backends,
            plan,
            files,
            feeds: Feeds::default(),
            events,
            clients: Mutex::default(),
            notes: Mutex::default(),
            kubeconfigs: Mutex::default(),
            warnings: Mutex::default(),
            cut_off: OnceLock::new(),
        }
    }

    /// Tells an event that must not be lost, but does not wait for a receiver that is stuck.
    pub(in crate::ops) async fn tell(&self, event: Event) {
        let _ = self.events.send_timeout(event, PATIENCE).await;
    }

    /// Tells how far a step is; lost when the receiver does not keep up, because a later one says more.
    pub(super) fn progress(&self, id: StepId, progress: Progress) {
        let _ = self.events.try_send(Event::Progress(id, progress));
    }

    /// Tells, and remembers, what a step is at.
    pub(super) fn message(&self, id: StepId, text: &str) {
        let mut all = lock(&self.notes);
        let notes = all.entry(id).or_default();
        if notes.message == text {
            return;
        }
        text.clone_into(&mut notes.message);
        drop(all);
        self.progress(
            id,
            Progress {
                message: text.to_owned(),
                ..Progress::default()
            },
        );
    }

    /// Remembers what was answered last where something is asked again and again; it is told only when that was in vain.
    pub(super) fn answer(&self, id: StepId, problem: &impl ToString) {
        let text = problem.to_string();
        lock(&self.notes).entry(id).or_default().answer = text;
    }

    /// Remembers a line of a log that a step follows, and shows it.
    pub(super) fn line(&self, id: StepId, text: &str) {
        let text = sanitize(text.as_bytes());
        {
            let mut all = lock(&self.notes);
            let lines = &mut all.entry(id).or_default().lines;
            if lines.len() == LAST_LINES {
                lines.pop_front();
            }
            lines.push_back(text.clone());
        }
        self.message(id, &text);
    }

    /// Whether the step saw any line of a log.
    pub(super) fn has_lines(&self, id: StepId) -> bool {
        lock(&self.notes)
            .get(&id)
            .is_some_and(|notes| !notes.lines.is_empty())
    }

    /// Adds the last lines that a step saw, or what it was at, to an explanation.
    pub(in crate::ops) fn add_last_words(&self, id: StepId, why: &mut String) {
        let all = lock(&self.notes);
        let Some(notes) = all.get(&id) else { return };
        let mut add = |text: &str| {
            why.push_str("\n  ");
            why.push_str(text);
        };
        notes.lines.iter().for_each(|line| add(line));
        if !notes.message.is_empty() && notes.lines.back() != Some(&notes.message) {
            add(&notes.message);
        }
        if !notes.answer.is_empty() {
            add(&format!("last answer: {}", notes.answer));
        }
    }

    /// The problem of a step that ran out of time.
    pub(in crate::ops) fn too_late(&self, id: StepId, limit: Duration) -> Problem {
        let mut why = format!("it was not done within {}", super::seconds(limit));
        self.add_last_words(id, &mut why);
        Problem::failed(self.plan.steps[id].step.describe(), why)
    }

    /// Remembers what did not work, where that is no reason to take all the rest back.
    pub(super) fn warn(&self, problem: Problem) {
        lock(&self.warnings).push(problem);
    }

    pub(in crate::ops) fn warnings(&self) -> Vec<Problem> {
        lock(&self.warnings).clone()
    }

    pub(super) fn remember_kubeconfig(&self, id: StepId, before: Before) {
        lock(&self.kubeconfigs).insert(id, before);
    }

    pub(in crate::ops) fn kubeconfig_before(&self, id: StepId) -> Option<Before> {
        lock(&self.kubeconfigs).get(&id).cloned()
    }

    /// The cluster that the plan is about.
    pub(super) fn cluster(&self) -> Result<&'a ClusterName, Problem> {
        self.plan.about.cluster().ok_or_else(|| {
            Problem::failed(
                format!("could not {}", self.plan.title),
                "a step of it works on a cluster, and it is about none",
            )
        })
    }

    /// The admin kubeconfig, as the first of the servers that has one wrote it.
    pub(super) async fn admin_kubeconfig(&self, access: &KubeAccess) -> Result<Admin, Problem> {
        kubeconfig::admin(self.backends, self.cluster()?, access).await
    }

    /// A client for the cluster's API.
    pub(super) async fn kube(&self, access: &KubeAccess) -> Result<Arc<dyn KubeApi>, Problem> {
        if let Some(client) = lock(&self.clients).get(&access.url) {
            return Ok(Arc::clone(client));
        }
        let client = reach::connect(self.backends, access).await?;
        lock(&self.clients).insert(access.url.clone(), Arc::clone(&client));
        Ok(client)
    }

    /// Asks the API from now on at the address at which it is published, if it answers there.
    pub(super) async fn go_round(&self, access: &KubeAccess) -> bool {
        if access.url == access.published {
            return false;
        }
        let Ok(client) = reach::connect_at(self.backends, access, &access.published).await else {
            return false;
        };
        let answers = client.health().await.is_ok();
        if answers {
            lock(&self.clients).insert(access.url.clone(), client);
        }
        answers
    }

    /// Remembers that the cluster runs and its API is not reached from here.
    pub(super) fn set_cut_off(&self, problem: Problem) {
        // The first to notice has said it.
        let _ = self.cut_off.set(problem);
    }

    /// What is said of an API that answers inside of the cluster and is not reached from here.
    pub(in crate::ops) fn cut_off(&self) -> Option<&Problem> {
        self.cut_off.get()
    }

    /// Forgets a client whose credentials are not accepted: a server that is made anew writes new ones.
    pub(super) fn forget_client(&self, access: &KubeAccess, kind: ErrorKind) {
        if matches!(kind, ErrorKind::Forbidden | ErrorKind::Failed) {
            lock(&self.clients).remove(&access.url);
        }
    }
}

/// None of these locks is held across a call that could panic or wait, so a poisoned one still holds whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
