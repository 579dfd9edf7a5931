//! Which pods of a forward are ready, known from a watch that all its connections share and that nobody keeps up when
//! there are none.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::StreamExt;
use tokio::sync::{Notify, watch};

use super::{ApiSource, Pauses, check::phase, ports};
use crate::{
    backend::{Change, KubeApi, WatchItem},
    domain::{ForwardTarget, Health, ObjectKey, Problem},
    resources::{Cell, Row, Scope, pods},
};

/// How long the watch is kept after the last connection: whoever reloads a page finds it there.
const KEEP: Duration = Duration::from_secs(60);

/// The place of a pod's status among its cells.
const STATUS: usize = 2;

/// What is known now.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// The API that said so, and the selector; `None` while it is not reached.
    pub api: Option<(Arc<dyn KubeApi>, Arc<str>)>,
    /// The pods that take connections, by name: those that are ready, or the one that is named if it runs.
    pub ready: Vec<ObjectKey>,
    /// Why there is none, once that is known.
    pub why: Option<Problem>,
}

/// Finds pods. One for a forward.
pub(super) struct Finder {
    source: ApiSource,
    target: ForwardTarget,
    users: watch::Sender<usize>,
    seen: watch::Sender<Seen>,
    again: Notify,
}

impl Finder {
    pub(super) fn new(source: ApiSource, target: ForwardTarget) -> Self {
        Self {
            source,
            target,
            users: watch::Sender::new(0),
            seen: watch::Sender::new(Seen::default()),
            again: Notify::new(),
        }
    }

    /// What is known, kept up to date until the guard is dropped.
    pub(super) fn look(&self) -> (watch::Receiver<Seen>, Looking<'_>) {
        let receiver = self.seen.subscribe();
        self.users.send_modify(|users| *users += 1);
        (receiver, Looking(self))
    }

    /// The API and its watch are to be asked for anew: what it says does not fit what was met.
    pub(super) fn again(&self) {
        self.again.notify_waiters();
    }

    /// Watches while anybody looks.
    pub(super) async fn run(&self) {
        let mut users = self.users.subscribe();
        // Nobody can close the channel, which is part of the same thing.
        while users.wait_for(|users| *users > 0).await.is_ok() {
            tokio::select! {
                () = unused(&mut users) => {}
                () = self.watch_on() => {}
            }
            self.seen.send_replace(Seen::default());
        }
    }

    async fn watch_on(&self) {
        let mut pauses = Pauses::new();
        loop {
            let told = tokio::select! {
                told = self.watch(&mut pauses) => told,
                () = self.again.notified() => Ok(()),
            };
            if let Err(problem) = told {
                self.seen.send_replace(Seen {
                    why: Some(problem),
                    ..Seen::default()
                });
            }
            pauses.pause().await;
        }
    }

    /// Watches until the connection breaks.
    async fn watch(&self, pauses: &mut Pauses) -> Result<(), Problem> {
        let api = (self.source)().await?;
        let selector = ports::selector_of(api.as_ref(), &self.target).await?;
        let scope = Scope {
            namespaces: vec![self.target.namespace().to_owned()],
            selector: selector.clone(),
            name: self.target.pod().unwrap_or_default().to_owned(),
        };
        let by = (Arc::clone(&api), Arc::from(selector));
        let mut rows = BTreeMap::new();
        let mut live = false;
        let mut items = api.watch(&pods::KIND, &scope);
        while let Some(item) = items.next().await {
            match item {
                WatchItem::Page { rows: page, first } => {
                    if first {
                        rows.clear();
                    }
                    rows.extend(page.into_iter().map(|row| (row.key.clone(), row)));
                }
                WatchItem::Live => {
                    live = true;
                    pauses.reset();
                }
                WatchItem::Changes(changes) => {
                    for change in changes {
                        match change {
                            Change::Set(row) => drop(rows.insert(row.key.clone(), row)),
                            Change::Gone(key) => drop(rows.remove(&key)),
                        }
                    }
                }
                // It is one namespace that is asked.
                WatchItem::Unseen(_) => {}
                // Its own next try would go to the same address.
                WatchItem::Broken { problem, .. } => return Err(problem),
            }
            let mut ready: Vec<ObjectKey> = rows
                .values()
                .filter(|row| row.health == Health::Good)
                .map(|row| row.key.clone())
                .collect();
            if let (true, Some(_), Some(row)) =
                (ready.is_empty(), self.target.pod(), rows.values().next())
                && runs(api.as_ref(), &row.key).await
            {
                ready.push(row.key.clone());
            }
            if live || !ready.is_empty() {
                let why = live.then(|| self.why_none(&rows));
                self.seen.send_replace(Seen {
                    api: Some(by.clone()),
                    ready,
                    why,
                });
            }
        }
        Ok(())
    }

    fn why_none(&self, rows: &BTreeMap<ObjectKey, Row>) -> Problem {
        let what = format!("{} has no pod that is ready", self.target);
        let namespace = self.target.namespace();
        let why = match rows.values().next() {
            None => format!("there is none in namespace {namespace}"),
            Some(row) => {
                let word = match row.cells.get(STATUS) {
                    Some(Cell::Text(word)) if &**word != "Running" => word,
                    _ => "not ready",
                };
                match rows.len() {
                    1 => format!("{} is {word}", row.key.name),
                    all => format!(
                        "{} is {word}, and {} more are not ready",
                        row.key.name,
                        all - 1
                    ),
                }
            }
        };
        Problem::failed(what, why)
    }
}

/// Whether a pod runs, ready or not: one that is named is reached as it is, as with `kubectl port-forward`, because
/// whoever looks into a pod that does not become ready names it. It is asked for when the pod changed, so not often.
async fn runs(api: &dyn KubeApi, pod: &ObjectKey) -> bool {
    let object = api.get(&pods::KIND, pod).await;
    object.is_ok_and(|object| phase(&object) == "Running")
}

/// Returns when there was no user for a while.
async fn unused(users: &mut watch::Receiver<usize>) {
    loop {
        if users.wait_for(|users| *users == 0).await.is_err() {
            return;
        }
        let again = users.wait_for(|users| *users > 0);
        if tokio::time::timeout(KEEP, again).await.is_err() {
            return;
        }
    }
}

/// One who looks.
pub(super) struct Looking<'a>(&'a Finder);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.users.send_modify(|users| *users -= 1);
    }
}
