//! Which containers are followed: pods come, change and go, as one watch of each selection tells.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered, SelectAll},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    jobs::Jobs,
    lane::{Lane, Part, Seen},
    merge::Entry,
    query::Query,
    selection::Selection,
};
use crate::{
    backend::{Change, KubeApi, WatchItem},
    domain::{Mark, MarkEvent, ObjectKey, Problem, Source},
    resources::{Row, followed, followed::Followed},
};

/// How long a pod of the same name is waited for after one was deleted: a `StatefulSet`'s comes back within seconds, a
/// Deployment's never.
const COMES_BACK: Duration = Duration::from_secs(60);

/// Items that one container's log is read ahead: enough that one slow log does not hold up reading the others.
const AHEAD: usize = 32;

type Uid = Box<str>;

/// The pods and containers that are followed.
pub(super) struct Members {
    api: Arc<dyn KubeApi>,
    query: Query,
    selections: Vec<Known>,
    watches: SelectAll<BoxStream<'static, (usize, WatchItem)>>,
    pods: HashMap<Uid, Pod>,
    /// The revision of the newest pod of each workload.
    revisions: BTreeMap<(Arc<str>, Box<str>), Box<str>>,
    /// Containers that wait: until the first list is complete, or for a place.
    waiting: VecDeque<Waiting>,
    running: FuturesUnordered<BoxFuture<'static, Uid>>,
    /// What the merger is still to be told.
    outbox: VecDeque<Entry>,
    /// Whether all selections were listed once.
    complete: bool,
    /// Whether it was told that some wait for a place.
    limit_told: bool,
    epoch: u64,
    last_end: Instant,
    jobs: Jobs,
}

/// What is known of a selection.
struct Known {
    selection: Selection,
    uids: BTreeMap<ObjectKey, Uid>,
    /// The pods of the list that is coming in.
    listed: BTreeSet<ObjectKey>,
    live: bool,
    /// Whether the watch is broken, and whether that was told.
    broken: bool,
    told: bool,
}

/// A pod.
struct Pod {
    key: ObjectKey,
    info: Followed,
    lanes: BTreeMap<Box<str>, watch::Sender<Seen>>,
    /// How many of its containers are followed now.
    followed: Arc<AtomicUsize>,
    gone: bool,
    /// What its first log begins with.
    opening: Vec<MarkEvent>,
    /// Whether it was there from the beginning.
    initial: bool,
}

/// A container that waits to be followed.
struct Waiting {
    uid: Uid,
    runs: bool,
    source: Source,
    part: Part,
    seen: watch::Receiver<Seen>,
}

impl Members {
    pub(super) fn new(api: Arc<dyn KubeApi>, query: Query, selections: Vec<Selection>) -> Self {
        let watches = selections.iter().enumerate().map(|(place, selection)| {
            let watch = api.watch(&followed::KIND, &selection.scope);
            watch.map(move |item| (place, item)).boxed()
        });
        Self {
            watches: watches.collect(),
            selections: selections
                .into_iter()
                .map(|selection| Known {
                    selection,
                    uids: BTreeMap::new(),
                    listed: BTreeSet::new(),
                    live: false,
                    broken: false,
                    told: false,
                })
                .collect(),
            jobs: Jobs::of(&query),
            api,
            query,
            pods: HashMap::new(),
            revisions: BTreeMap::new(),
            waiting: VecDeque::new(),
            running: FuturesUnordered::new(),
            outbox: VecDeque::new(),
            complete: false,
            limit_told: false,
            epoch: 0,
            last_end: Instant::now(),
        }
    }

    /// Keeps the membership up to date and drives all followers, until there is nothing more to come.
    pub(super) async fn run(mut self, entries: &mpsc::Sender<Entry>) {
        loop {
            self.jobs.ask(
                &self.api,
                self.complete && self.running.is_empty() && self.waiting.is_empty(),
            );
            let patience = match self.end() {
                Some(moment) if moment <= Instant::now() && self.outbox.is_empty() => return,
                moment => moment,
            };
            tokio::select! {
                permit = entries.reserve(), if !self.outbox.is_empty() => match permit {
                    Ok(permit) => if let Some(entry) = self.outbox.pop_front() {
                        permit.send(entry);
                    },
                    // Nobody listens any more.
                    Err(_) => return,
                },
                Some((place, item)) = self.watches.next() => self.take(place, item),
                Some(uid) = self.running.next() => self.ended(&uid),
                () = self.jobs.answer() => {}
                () = tokio::time::sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() && self.outbox.is_empty() => {}
            }
        }
    }

    /// When all of it is over, if nothing else happens; `None` is never.
    fn end(&self) -> Option<Instant> {
        if !self.complete || !self.running.is_empty() || !self.waiting.is_empty() {
            return None;
        }
        if !self.query.follow {
            return Some(Instant::now());
        }
        if self.jobs.over {
            return Some(Instant::now());
        }
        if !self.query.is_of_pods() {
            return None;
        }
        let there = self.pods.values().any(|pod| !pod.gone);
        let never = self.pods.is_empty();
        Some(if there || never {
            Instant::now()
        } else {
            self.last_end + COMES_BACK
        })
    }

    fn take(&mut self, place: usize, item: WatchItem) {
        match item {
            WatchItem::Page { rows, first } => {
                if first {
                    self.selections[place].listed.clear();
                }
                for row in rows {
                    self.selections[place].listed.insert(row.key.clone());
                    self.set(place, &row);
                }
            }
            WatchItem::Changes(changes) => {
                for change in changes {
                    match change {
                        Change::Set(row) => self.set(place, &row),
                        Change::Gone(key) => self.gone(place, &key),
                    }
                }
            }
            WatchItem::Live => self.live(place),
            WatchItem::Unseen(unseen) => {
                let words = match unseen.words() {
                    words if words.is_empty() => "all namespaces may be listed".to_owned(),
                    words => words,
                };
                self.outbox.push_back(Entry::Mark(Mark::note(words)));
            }
            WatchItem::Broken {
                problem, attempt, ..
            } => self.broken(place, problem, attempt),
        }
    }

    fn live(&mut self, place: usize) {
        let known = &mut self.selections[place];
        // After a break without a list nothing was listed, and nothing is known to be gone.
        let listed = std::mem::take(&mut known.listed);
        if !listed.is_empty() || !known.live {
            let gone: Vec<ObjectKey> = known
                .uids
                .keys()
                .filter(|key| !listed.contains(*key))
                .cloned()
                .collect();
            for key in gone {
                self.gone(place, &key);
            }
        }
        let known = &mut self.selections[place];
        known.live = true;
        if std::mem::take(&mut known.told) {
            let mark = Mark::of(None, MarkEvent::Reconnected);
            self.outbox.push_back(Entry::Mark(mark));
        }
        if std::mem::take(&mut known.broken) {
            self.epoch += 1;
            self.tell_all();
        }
        if !self.complete && self.selections.iter().all(|known| known.live) {
            self.begin();
        }
    }

    fn broken(&mut self, place: usize, problem: Problem, attempt: u32) {
        let known = &mut self.selections[place];
        known.broken = true;
        // One that is back at once needs no words.
        if !known.told && (!known.live || attempt > 1) {
            known.told = true;
            let mark = Mark::of(None, MarkEvent::Problem(problem));
            self.outbox.push_back(Entry::Mark(mark));
        }
        if !self.query.follow && !self.complete {
            self.watches.clear();
            self.complete = true;
        }
        self.tell_all();
    }

    /// All that was there at the beginning is known.
    fn begin(&mut self) {
        self.complete = true;
        let mut waiting: Vec<Waiting> = self.waiting.drain(..).collect();
        waiting.sort_by(|a, b| (!a.runs, &a.source).cmp(&(!b.runs, &b.source)));
        self.waiting = waiting.into();
        self.start();
        self.outbox.push_back(Entry::Complete);
        let mut missing = false;
        for known in &self.selections {
            if !known.selection.scope.name.is_empty() && known.uids.is_empty() {
                missing = true;
                let what = format!("{} is not there", known.selection.name);
                let problem = Problem::not_found(what, "the cluster has no such pod");
                let mark = Mark::of(None, MarkEvent::Problem(problem));
                self.outbox.push_back(Entry::Mark(mark));
            }
        }
        if self.pods.is_empty() && !missing {
            let words = if self.query.follow {
                "no pod fits yet"
            } else {
                "no pod fits"
            };
            self.outbox.push_back(Entry::Mark(Mark::note(words)));
        }
        if !self.query.follow {
            self.watches.clear();
        }
    }

    fn set(&mut self, place: usize, row: &Row) {
        let Some(info) = Followed::of_row(row) else {
            return;
        };
        let uid = row
            .uid
            .clone()
            .unwrap_or_else(|| row.key.to_string().into());
        let known = &mut self.selections[place];
        let excluded = self.query.exclude_pods.iter();
        if !known.selection.fits(&row.key)
            || excluded
                .into_iter()
                .any(|name| name.is_match(&row.key.name))
        {
            return;
        }
        if known.uids.get(&row.key).is_some_and(|old| *old != uid) {
            self.gone(place, &row.key);
        }
        self.selections[place]
            .uids
            .insert(row.key.clone(), uid.clone());
        if !self.pods.contains_key(&uid) {
            let opening = self.opening(&row.key, &info);
            let pod = Pod {
                key: row.key.clone(),
                info: info.clone(),
                lanes: BTreeMap::new(),
                followed: Arc::default(),
                gone: false,
                opening,
                initial: !self.complete,
            };
            self.pods.insert(uid.clone(), pod);
        }
        self.update(&uid, info);
        self.start();
    }

    /// What is said of a pod when it comes.
    fn opening(&mut self, key: &ObjectKey, info: &Followed) -> Vec<MarkEvent> {
        let mut marks = Vec::new();
        if self.complete {
            marks.push(MarkEvent::Joined);
        }
        if info.workload.is_empty() || info.revision.is_empty() {
            return marks;
        }
        let workload = (key.namespace.clone(), info.workload.clone());
        let before = self.revisions.insert(workload, info.revision.clone());
        if let Some(from) = before.filter(|from| self.complete && *from != info.revision) {
            let (workload, to) = (info.workload.clone(), info.revision.clone());
            marks.insert(0, MarkEvent::Rollout { workload, from, to });
        }
        marks
    }

    /// Takes over what is new of a pod.
    fn update(&mut self, uid: &Uid, info: Followed) {
        let (broken, epoch) = (self.is_broken(), self.epoch);
        let Some(pod) = self.pods.get_mut(uid) else {
            return;
        };
        for container in &info.containers {
            let seen = Seen {
                container: container.clone(),
                over: info.over,
                gone: pod.gone,
                broken,
                epoch,
            };
            if let Some(lane) = pod.lanes.get(&container.name) {
                lane.send_replace(seen);
                continue;
            }
            if !self.query.wants(container) {
                continue;
            }
            let runs = container.runs();
            let (sender, seen) = watch::channel(seen);
            pod.lanes.insert(container.name.clone(), sender);
            // What comes later is read from its beginning.
            let past = pod.initial && !self.complete;
            self.waiting.push_back(Waiting {
                uid: uid.clone(),
                runs,
                source: Source {
                    namespace: (&*pod.key.namespace).into(),
                    pod: pod.key.name.clone(),
                    container: container.name.clone(),
                    uid: uid.clone(),
                },
                part: Part {
                    follow: self.query.follow && !self.query.previous,
                    previous: self.query.previous,
                    tail: self.query.tail.filter(|_| past),
                    since: self.query.since.filter(|_| past),
                    ago: self.query.ago.filter(|_| past),
                    whole: self.query.whole,
                },
                seen,
            });
        }
        pod.info = info;
    }

    fn gone(&mut self, place: usize, key: &ObjectKey) {
        let Some(uid) = self.selections[place].uids.remove(key) else {
            return;
        };
        let elsewhere = self
            .selections
            .iter()
            .any(|known| known.uids.get(key) == Some(&uid));
        let Some(pod) = self.pods.get_mut(&uid).filter(|_| !elsewhere) else {
            return;
        };
        pod.gone = true;
        self.waiting.retain(|waiting| waiting.uid != uid);
        for lane in pod.lanes.values() {
            lane.send_modify(|seen| seen.gone = true);
        }
        if pod.followed.load(Ordering::Relaxed) == 0 {
            // Otherwise its last container says it, behind its last line.
            let source = Source {
                container: "".into(),
                namespace: (&*pod.key.namespace).into(),
                pod: pod.key.name.clone(),
                uid: uid.clone(),
            };
            let mark = Mark::of(Some(Arc::new(source)), MarkEvent::Gone);
            self.outbox.push_back(Entry::Mark(mark));
            self.last_end = Instant::now();
            self.forget(&uid);
        }
    }

    /// A container is not followed any more.
    fn ended(&mut self, uid: &Uid) {
        self.last_end = Instant::now();
        self.forget(uid);
        self.start();
    }

    /// A pod that went is remembered only where it is the one that was asked for.
    fn forget(&mut self, uid: &Uid) {
        let over = |pod: &Pod| pod.gone && pod.followed.load(Ordering::Relaxed) == 0;
        if self.pods.get(uid).is_some_and(over) && !self.query.is_of_pods() {
            self.pods.remove(uid);
        }
    }

    /// Follows as many of those that wait as there are places.
    fn start(&mut self) {
        if !self.complete {
            return;
        }
        while self.running.len() < self.query.most.max(1) {
            let Some(waiting) = self.waiting.pop_front() else {
                break;
            };
            let Some(pod) = self.pods.get_mut(&waiting.uid) else {
                continue;
            };
            let (told, log) = mpsc::channel(AHEAD);
            self.outbox.push_back(Entry::Log(log));
            let lane = Lane::new(
                self.api.clone(),
                waiting.source,
                waiting.part,
                waiting.seen,
                told,
            )
            .of_pod(pod.followed.clone(), std::mem::take(&mut pod.opening));
            let uid = waiting.uid;
            self.running.push(lane.run().map(move |()| uid).boxed());
        }
        if !self.waiting.is_empty() && !std::mem::replace(&mut self.limit_told, true) {
            let event = MarkEvent::Limited {
                followed: self.running.len(),
                left_out: self.waiting.len(),
            };
            self.outbox.push_back(Entry::Mark(Mark::of(None, event)));
        }
        self.limit_told &= !self.waiting.is_empty();
    }

    fn is_broken(&self) -> bool {
        self.selections.iter().any(|known| known.broken)
    }

    fn tell_all(&self) {
        let (broken, epoch) = (self.is_broken(), self.epoch);
        for lane in self.pods.values().flat_map(|pod| pod.lanes.values()) {
            lane.send_modify(|seen| (seen.broken, seen.epoch) = (broken, epoch));
        }
    }
}
