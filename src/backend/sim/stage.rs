//! Pods that a test puts on a stage: it says what their containers write, when they end and are started again, what
//! the kubelet throws away and which connections break.
//!
//! What can be read of their logs is what a kubelet lets read: the latest run's file since its last rotation, and of
//! the run before what `previous` asks for, if it was kept. What the API says of a pod may lag behind ([`Stage::show`]).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{StreamExt, stream, stream::BoxStream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    Fault, World,
    cluster::{Cluster, merge},
};
use crate::{
    backend::{Error, ErrorKind},
    domain::{LogLine, ObjectKey, container::LogRequest},
};

/// The pods on the stage of one cluster.
#[derive(Clone)]
pub struct Stage {
    world: World,
    cluster: String,
}

/// A pod on a stage.
pub(super) struct Staged {
    /// The object as the API shows it.
    pub(super) shown: Value,
    /// The object as it is.
    object: Value,
    containers: BTreeMap<String, Player>,
}

/// A container.
#[derive(Default)]
struct Player {
    runs: Vec<Arc<Run>>,
    /// Whether the run before the latest was thrown away.
    lost_previous: bool,
}

/// One run of a container, and what it wrote.
struct Run {
    file: Mutex<File>,
    /// Rings at every change.
    bell: watch::Sender<()>,
}

#[derive(Default)]
struct File {
    lines: Vec<(Timestamp, String)>,
    /// Lines before it are in files that nobody is given any more.
    rotated: usize,
    over: bool,
    /// How often connections broke, and whether the last time they ended as if the log were over.
    cuts: (u64, bool),
}

impl Run {
    fn new() -> Arc<Self> {
        let (bell, _) = watch::channel(());
        Arc::new(Self {
            file: Mutex::default(),
            bell,
        })
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, work: impl FnOnce(&mut File)) {
        work(&mut self.file());
        self.bell.send_replace(());
    }
}

impl World {
    /// The stage of a cluster, by its name; where there is none of that name, there is one now, somewhere else, whose
    /// API always answers.
    #[must_use]
    pub fn stage(&self, cluster: &str) -> Stage {
        let mut state = self.lock();
        let clusters = &mut state.clusters;
        clusters
            .entry(cluster.to_owned())
            .or_insert_with(|| Cluster::new(Vec::new(), Some(1)));
        Stage {
            world: self.clone(),
            cluster: cluster.to_owned(),
        }
    }
}

impl Stage {
    /// Puts a pod on the stage, whose containers run; `extra` is merged into its object.
    pub fn pod(&self, key: &ObjectKey, uid: &str, containers: &[&str], extra: &Value) {
        let running = json!({ "running": { "startedAt": self.world.0.clock.now().to_string() } });
        let statuses: Vec<Value> = containers
            .iter()
            .map(|name| json!({ "name": name, "ready": true, "restartCount": 0, "state": running }))
            .collect();
        let specs: Vec<Value> = containers
            .iter()
            .map(|name| json!({ "name": name }))
            .collect();
        let mut object = json!({
            "metadata": { "namespace": &*key.namespace, "name": &*key.name, "uid": uid },
            "spec": { "restartPolicy": "Always", "containers": specs },
            "status": { "phase": "Running", "containerStatuses": statuses },
        });
        merge(&mut object, extra);
        let players = containers.iter().map(|name| {
            let player = Player {
                runs: vec![Run::new()],
                lost_previous: false,
            };
            ((*name).to_owned(), player)
        });
        let staged = Staged {
            shown: object.clone(),
            object,
            containers: players.collect(),
        };
        let mut state = self.world.lock();
        if let Some(cluster) = state.clusters.get_mut(&self.cluster) {
            cluster.staged.insert(key.clone(), staged);
        }
    }

    /// A container writes a line, now.
    pub fn write(&self, key: &ObjectKey, container: &str, text: &str) {
        let now = self.world.0.clock.now();
        self.run(key, container, |run| {
            run.change(|file| file.lines.push((now, text.to_owned())));
        });
    }

    /// What was written so far can no longer be asked for; connections that are open still bring it.
    pub fn rotate(&self, key: &ObjectKey, container: &str) {
        self.run(key, container, |run| {
            run.change(|file| file.rotated = file.lines.len());
        });
    }

    /// All connections to the log break; `clean` ends them as a server does that lost the kubelet.
    pub fn cut(&self, key: &ObjectKey, container: &str, clean: bool) {
        self.run(key, container, |run| {
            run.change(|file| file.cuts = (file.cuts.0 + 1, clean));
        });
    }

    /// The container's run ends, and the next one begins at once. The API shows it only after [`Stage::show`].
    pub fn restart(&self, key: &ObjectKey, container: &str, code: i64, reason: &str) {
        self.end_run(key, container);
        let now = self.world.0.clock.now().to_string();
        self.with(key, |staged| {
            if let Some(player) = staged.containers.get_mut(container) {
                player.runs.push(Run::new());
                player.lost_previous = false;
            }
            let Some(status) = status(&mut staged.object, container) else {
                return;
            };
            let count = status["restartCount"].as_u64().unwrap_or(0);
            status["restartCount"] = json!(count + 1);
            // One that waited has its end there already.
            if status["state"]["waiting"].is_null() {
                status["lastState"] = ended(code, reason);
            }
            status["state"] = json!({ "running": { "startedAt": now } });
        });
    }

    /// The container's run ends, and it waits to be started again, as in `CrashLoopBackOff`; or it is over for good.
    pub fn end(&self, key: &ObjectKey, container: &str, code: i64, waits: bool) {
        self.end_run(key, container);
        self.with(key, |staged| {
            if let Some(status) = status(&mut staged.object, container) {
                let end = ended(code, if code == 0 { "Completed" } else { "Error" });
                if waits {
                    status["lastState"] = end;
                    status["state"] = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
                } else {
                    status["state"] = end;
                }
            }
        });
    }

    /// The API shows the pod as it is.
    pub fn show(&self, key: &ObjectKey) {
        self.with(key, |staged| staged.shown = staged.object.clone());
    }

    /// What there is of the run before the latest is thrown away.
    pub fn lose_previous(&self, key: &ObjectKey, container: &str) {
        self.with(key, |staged| {
            if let Some(player) = staged.containers.get_mut(container) {
                player.lost_previous = true;
            }
        });
    }

    /// The pod is being deleted, as the API shows at once.
    pub fn leave(&self, key: &ObjectKey) {
        let now = self.world.0.clock.now().to_string();
        self.with(key, |staged| {
            staged.object["metadata"]["deletionTimestamp"] = json!(now);
            staged.shown = staged.object.clone();
        });
    }

    /// The pod is gone; its containers have ended.
    pub fn remove(&self, key: &ObjectKey) {
        let mut state = self.world.lock();
        let cluster = state.clusters.get_mut(&self.cluster);
        let removed = cluster.and_then(|cluster| cluster.staged.remove(key));
        drop(state);
        let players = removed
            .into_iter()
            .flat_map(|staged| staged.containers.into_values());
        for run in players.filter_map(|mut player| player.runs.pop()) {
            run.change(|file| file.over = true);
        }
    }

    fn end_run(&self, key: &ObjectKey, container: &str) {
        self.run(key, container, |run| run.change(|file| file.over = true));
    }

    fn run(&self, key: &ObjectKey, container: &str, work: impl FnOnce(&Run)) {
        self.with(key, |staged| {
            let player = staged.containers.get(container);
            if let Some(run) = player.and_then(|player| player.runs.last()) {
                work(run);
            }
        });
    }

    fn with(&self, key: &ObjectKey, work: impl FnOnce(&mut Staged)) {
        let mut state = self.world.lock();
        let cluster = state.clusters.get_mut(&self.cluster);
        if let Some(staged) = cluster.and_then(|cluster| cluster.staged.get_mut(key)) {
            work(staged);
        }
    }
}

fn ended(code: i64, reason: &str) -> Value {
    json!({ "terminated": { "exitCode": code, "reason": reason } })
}

fn status<'a>(object: &'a mut Value, container: &str) -> Option<&'a mut Value> {
    let statuses = object["status"]["containerStatuses"].as_array_mut()?;
    statuses
        .iter_mut()
        .find(|status| status["name"] == container)
}

impl Staged {
    /// What a kubelet answers to a request for a log.
    pub(super) fn log(
        &self,
        world: &World,
        key: &ObjectKey,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let what = format!("log of {key} ({container})");
        let refuse = |why: &str| {
            let error = Error::new(ErrorKind::Invalid, what.clone(), why);
            stream::iter([Err(error)]).boxed()
        };
        if let Some(fault) = world.faults().strike(&format!("log {key}/{container}")) {
            return match fault {
                Fault::Fail(kind) => {
                    let error = Error::new(kind, what, "a fault of the simulation");
                    stream::iter([Err(error)]).boxed()
                }
                Fault::Hang | Fault::Delay(_) => stream::pending().boxed(),
                Fault::End => stream::empty().boxed(),
            };
        }
        let Some(player) = self.containers.get(container) else {
            return refuse("there is no such container");
        };
        let latest = player.runs.len().saturating_sub(1);
        let waits = status(&mut self.object.clone(), container)
            .is_some_and(|status| status["state"]["waiting"].is_object());
        let wanted = match request.previous {
            false => Some(latest),
            true if waits => Some(latest),
            true if player.lost_previous => None,
            true => latest.checked_sub(1),
        };
        let Some(run) = wanted.and_then(|wanted| player.runs.get(wanted)) else {
            return refuse("previous terminated container not found");
        };
        read(
            world.clone(),
            format!("line of {key}/{container}"),
            what,
            run.clone(),
            request,
        )
    }
}

/// The lines of a run's file, and, where it is followed, those that are still to come.
fn read(
    world: World,
    line: String,
    what: String,
    run: Arc<Run>,
    request: &LogRequest,
) -> BoxStream<'static, Result<LogLine, Error>> {
    let mut bell = run.bell.subscribe();
    bell.mark_unchanged();
    let ago = |ago| world.0.clock.now().checked_sub(ago).ok();
    let since = request.since.or_else(|| request.ago.and_then(ago));
    let follow = request.follow;
    let wanted = move |time: Timestamp| since.is_none_or(|since| time >= since);
    let (past, next, cuts) = {
        let file = run.file();
        let lines = &file.lines[file.rotated..];
        let past: VecDeque<_> = lines
            .iter()
            .filter(|(time, _)| wanted(*time))
            .cloned()
            .collect();
        let skip = request
            .tail
            .map_or(0, |tail| past.len().saturating_sub(tail as usize));
        let past: VecDeque<_> = past.into_iter().skip(skip).collect();
        (past, file.lines.len(), file.cuts.0)
    };
    let begin = (past, next, Some(bell));
    stream::unfold(begin, move |(mut past, mut next, bell)| {
        let (world, line, what, run) = (world.clone(), line.clone(), what.clone(), run.clone());
        async move {
            let mut bell = bell?;
            let broken = || Error::new(ErrorKind::Unreachable, what.clone(), "connection reset");
            loop {
                let (cut, clean, over) = {
                    let file = run.file();
                    if past.is_empty() && follow {
                        past.extend(file.lines[next..].iter().cloned());
                        next = file.lines.len();
                    }
                    (file.cuts.0 != cuts, file.cuts.1, file.over)
                };
                if cut {
                    return (!clean).then(|| (Err(broken()), (past, next, None)));
                }
                if let Some((time, text)) = past.pop_front() {
                    let struck = world.faults().strike(&line);
                    return match struck {
                        Some(Fault::End) => None,
                        // Nothing more comes, and nobody says so.
                        Some(Fault::Hang) => std::future::pending().await,
                        Some(_) => Some((Err(broken()), (past, next, None))),
                        None => {
                            let line = LogLine::whole(Some(time), text.as_bytes(), 0);
                            Some((Ok(line), (past, next, Some(bell))))
                        }
                    };
                }
                if over || !follow || bell.changed().await.is_err() {
                    return None;
                }
            }
        }
    })
    .boxed()
}
