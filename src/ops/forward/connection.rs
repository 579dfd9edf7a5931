//! Leads each caller to a pod: takes it in, finds a pod that is ready, tries the next one where a pod does not take it.

use std::{io, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    net::TcpListener,
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    Pauses,
    finder::{Finder, Seen},
    ports::{self, Lead},
    relay::{Caller, End, Local, relay},
    status::Counts,
};
use crate::{
    backend::{KubeApi, PodConnection},
    domain::{ForwardTarget, ObjectKey, Problem, ProblemKind, RemotePort},
};

/// Connections of one forward at the same time; each holds two sockets here and one at the API server. A browser has six,
/// a benchmark hundreds; further ones wait in the system's queue.
const AT_ONCE: usize = 256;

/// A connection that lasted so long was a success, whatever ends it.
const LASTED: Duration = Duration::from_secs(1);

/// How long pods that are ready, but do not listen, are tried: some say that they are ready before they are, and some
/// ports are wrong.
const REFUSED: Duration = Duration::from_secs(10);

/// When the system has no socket for a caller, it is asked again after so long.
const NO_SOCKET: Duration = Duration::from_millis(100);

/// Leads callers of one forward. Clones share everything.
#[derive(Clone)]
pub(super) struct Leader(Arc<Inner>);

struct Inner {
    finder: Arc<Finder>,
    counts: Arc<Counts>,
    target: ForwardTarget,
    wait: Duration,
    places: Arc<Semaphore>,
    crowded: Notify,
}

/// One caller's search for a pod.
struct Search {
    seen: watch::Receiver<Seen>,
    /// Pods that did not take this caller, since it last paused.
    tried: Vec<ObjectKey>,
    pauses: Pauses,
    /// What went wrong last.
    last: Option<Problem>,
}

impl Leader {
    pub(super) fn new(
        finder: Arc<Finder>,
        counts: Arc<Counts>,
        target: ForwardTarget,
        wait: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            finder,
            counts,
            target,
            wait,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            crowded: Notify::new(),
        }))
    }

    /// Takes callers in, for ever.
    pub(super) async fn accept(self, listener: TcpListener, remote: RemotePort) {
        let mut callers = JoinSet::new();
        loop {
            let Some(place) = self.0.place().await else {
                return;
            };
            let taken = tokio::select! {
                taken = listener.accept() => taken,
                // Takes the ended ones out of the set.
                Some(_) = callers.join_next() => continue,
            };
            let Ok((socket, _)) = taken else {
                tokio::time::sleep(NO_SOCKET).await;
                continue;
            };
            // What a pod sends is passed on at once: small answers shall not wait for each other.
            let _ = socket.set_nodelay(true);
            let (leader, remote) = (self.clone(), remote.clone());
            callers.spawn(async move {
                leader.lead(Box::new(socket), &remote).await;
                drop(place);
            });
        }
    }

    /// Leads one caller, to its end.
    pub(super) async fn lead(&self, local: Box<dyn Local>, remote: &RemotePort) {
        self.0.lead(Caller::new(local), remote).await;
    }
}

impl Inner {
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let places = Arc::clone(&self.places);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return Some(place);
        }
        self.crowded.notify_one();
        let place = places.acquire_owned().await.ok();
        // Where nobody had to go, nobody has to go later.
        let _ = self.crowded.notified().now_or_never();
        place
    }

    async fn lead(&self, mut caller: Caller, remote: &RemotePort) {
        let _connected = self.counts.connected();
        let (seen, _looking) = self.finder.look();
        let mut search = Search {
            seen,
            tried: Vec::new(),
            pauses: Pauses::new(),
            last: None,
        };
        let mut started = Instant::now();
        let mut deadline = started + self.wait;
        loop {
            let (pod, connection) = match self.reach(&mut search, remote, deadline).await {
                Ok(reached) => reached,
                Err(problem) => {
                    self.counts.gone_wrong(&problem, true);
                    caller.reset();
                    return;
                }
            };
            let begun = Instant::now();
            let answers = || self.counts.led_to(&pod);
            let counts = &self.counts;
            let end = relay(&mut caller, connection, counts, answers, &self.crowded).await;
            let port = format!("port {remote} of pod {}", pod.name);
            match end {
                End::Done => return,
                End::Broken(error) => {
                    let what = format!("the connection to {port} broke");
                    let problem = Problem::unreachable(what, error.to_string());
                    self.counts.gone_wrong(&problem, false);
                    caller.reset();
                    return;
                }
                End::Refused(error) => {
                    if begun.elapsed() >= LASTED {
                        started = Instant::now();
                        deadline = started + self.wait;
                        search.pauses.reset();
                    }
                    let problem = if error.kind() == io::ErrorKind::ConnectionRefused {
                        deadline = deadline.min(started + REFUSED);
                        Problem::failed(
                            format!("{port} takes no connections"),
                            "nothing listens there",
                        )
                    } else {
                        Problem::unreachable(format!("{port} was not reached"), error.to_string())
                    };
                    self.counts.gone_wrong(&problem, false);
                    search.failed(pod, problem);
                }
            }
        }
    }

    /// A connection to a pod, before the deadline.
    async fn reach(
        &self,
        search: &mut Search,
        remote: &RemotePort,
        deadline: Instant,
    ) -> Result<(ObjectKey, PodConnection), Problem> {
        let waits = self.counts.waits();
        let late = |search: &Search| {
            let seconds = self.wait.as_secs();
            let seen = search.seen.borrow();
            // The last refusal says nothing where the pods that refused are not ready any more.
            let none = seen.why.clone().filter(|_| seen.ready.is_empty());
            let problem = none.or(search.last.clone()).unwrap_or_else(|| {
                let what = format!("{} was not reached", self.target);
                Problem::unreachable(what, "the API gave no answer in time")
            });
            let hint =
                format!("a connection was given up after {seconds} s; the next one is tried anew");
            problem.with_hint(hint)
        };
        loop {
            let found = timeout_at(deadline, search.pod(|why| waits.because(why))).await;
            let Ok((api, selector, pod)) = found else {
                return Err(late(search));
            };
            let dial = async {
                match ports::of_pod(api.as_ref(), &self.target, &selector, &pod, remote).await? {
                    Lead::Port(port) => {
                        let connection = api.forward(&pod, port).await.map_err(Problem::from)?;
                        Ok::<_, Problem>(Some(connection))
                    }
                    Lead::OtherPods => Ok(None),
                }
            };
            match timeout_at(deadline, dial).await {
                Ok(Ok(Some(connection))) => return Ok((pod, connection)),
                Ok(Ok(None)) => {
                    let what = format!("{} has other pods than it had", self.target);
                    let problem = Problem::failed(what, "its selector was changed");
                    self.finder.again();
                    search.failed(pod, problem);
                }
                // Waiting mends neither a port that is not there nor missing rights.
                Ok(Err(problem))
                    if matches!(problem.kind, ProblemKind::Usage | ProblemKind::Refused) =>
                {
                    return Err(problem);
                }
                Ok(Err(problem)) => {
                    if problem.kind == ProblemKind::Unreachable {
                        self.finder.again();
                    }
                    waits.because(&problem);
                    search.failed(pod, problem);
                }
                Err(_) => return Err(late(search)),
            }
        }
    }
}

impl Search {
    fn failed(&mut self, pod: ObjectKey, problem: Problem) {
        self.last = Some(problem);
        self.tried.push(pod);
    }

    /// A ready pod that was not tried, as soon as there is one. When all were tried they are tried again after a pause,
    /// which is over as soon as the pods change.
    async fn pod(&mut self, waits: impl Fn(&Problem)) -> (Arc<dyn KubeApi>, Arc<str>, ObjectKey) {
        loop {
            let seen = self.seen.borrow_and_update().clone();
            // One that was away in between may have become another.
            self.tried.retain(|pod| seen.ready.contains(pod));
            let next = seen.ready.iter().find(|pod| !self.tried.contains(pod));
            if let (Some((api, selector)), Some(pod)) = (&seen.api, next) {
                return (Arc::clone(api), Arc::clone(selector), pod.clone());
            }
            if seen.ready.is_empty() {
                if let Some(why) = &seen.why {
                    waits(why);
                }
                // While the forward is open the finder is there.
                let _ = self.seen.changed().await;
            } else {
                tokio::select! {
                    () = self.pauses.pause() => self.tried.clear(),
                    _ = self.seen.changed() => {}
                }
            }
        }
    }
}
