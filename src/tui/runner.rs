//! The one place that starts tasks. Each has a name; starting a name that runs ends the old one first, and news of an
//! old one are dropped by their generation.
//!
//! Two channels bring news back. What changes the world (`control`) is awaited and never lost. Rows and log lines come
//! through `bulk`: when the screen cannot keep up, the reader waits, and with it the sender at the other end of the
//! connection.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    jobs::{self, Context},
    msg::{ClusterId, News, TaskKey},
};
use crate::{backend::back_off, domain::Problem, ops::Cancel};

/// News that are a few a second at most: enough for a burst of a whole plan's events.
const CONTROL: usize = 256;
/// Batches of rows and lines; each may hold hundreds, so few are enough and more would only be memory.
const BULK: usize = 16;
/// A watch that nobody looks at is kept as long: going back to a cluster within a minute needs no new list.
const KEPT: Duration = Duration::from_secs(60);
/// A task that ran for as long before it broke again did not break at once: its pause begins small again.
const CALM: Duration = Duration::from_secs(60);

/// News with the name and generation of the task that sent them.
pub(super) type Stamped = (TaskKey, u64, News);

/// What happened at the runner.
pub(super) enum Turn {
    /// A task has news.
    News(Box<Stamped>),
    /// A task broke.
    Broke(TaskKey, Problem),
    /// A moment has come that [`Runner::sync`] waited for.
    Due,
}

/// Where a task sends its news.
#[derive(Clone)]
pub(super) struct Sink {
    key: TaskKey,
    generation: u64,
    control: mpsc::Sender<Stamped>,
    bulk: mpsc::Sender<Stamped>,
}

impl Sink {
    /// Sends news; `false` when nobody listens any more.
    pub(super) async fn send(&self, news: News) -> bool {
        let channel = match news {
            News::Rows(_) | News::Log(_) => &self.bulk,
            _ => &self.control,
        };
        channel
            .send((self.key.clone(), self.generation, news))
            .await
            .is_ok()
    }
}

struct Live {
    generation: u64,
    cancel: CancellationToken,
    /// When it ends, since nobody wants it any more.
    expires: Option<Instant>,
}

/// A task that broke: how often in a row, when, and until when it is not started anew.
struct Breakage {
    times: u32,
    last: Instant,
    pause: Option<Instant>,
}

/// Starts and ends tasks.
pub(super) struct Runner {
    tasks: JoinSet<()>,
    broken: HashMap<TaskKey, Breakage>,
    names: HashMap<Id, (TaskKey, u64)>,
    live: HashMap<TaskKey, Live>,
    generation: u64,
    control: (mpsc::Sender<Stamped>, mpsc::Receiver<Stamped>),
    bulk: (mpsc::Sender<Stamped>, mpsc::Receiver<Stamped>),
    operations: HashMap<u64, Cancel>,
    context: Context,
}

impl Runner {
    pub(super) fn new(context: Context) -> Self {
        Self {
            tasks: JoinSet::new(),
            broken: HashMap::new(),
            names: HashMap::new(),
            live: HashMap::new(),
            generation: 0,
            control: mpsc::channel(CONTROL),
            bulk: mpsc::channel(BULK),
            operations: HashMap::new(),
            context,
        }
    }

    /// What tasks work with.
    pub(super) fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Starts what is wanted and does not run, ends what runs and is no longer wanted.
    pub(super) fn sync(&mut self, wanted: Vec<TaskKey>) {
        let set: HashSet<&TaskKey> = wanted.iter().collect();
        let now = Instant::now();
        for (key, live) in &mut self.live {
            match (set.contains(key), key) {
                (true, _) => live.expires = None,
                // One-shot work ends by itself.
                (
                    false,
                    TaskKey::Plan(_)
                    | TaskKey::Operation(_)
                    | TaskKey::Older(..)
                    | TaskKey::Export
                    | TaskKey::Check
                    | TaskKey::Keep(..),
                ) => {}
                (false, TaskKey::Pods(_) | TaskKey::Nodes(_)) => {
                    let at = *live.expires.get_or_insert(now + KEPT);
                    if at <= now {
                        live.cancel.cancel();
                    }
                }
                (false, _) => live.cancel.cancel(),
            }
        }
        self.live.retain(|_, live| !live.cancel.is_cancelled());
        self.broken.retain(|key, _| set.contains(key));
        for key in wanted {
            if let Some(breakage) = self.broken.get_mut(&key) {
                if breakage.pause.is_some_and(|until| until > now) {
                    continue;
                }
                breakage.pause = None;
            }
            if !self.live.contains_key(&key)
                && let Some(job) = jobs::continuous(&key, &self.context)
            {
                self.start(key, job);
            }
        }
    }

    /// Starts a task under a name, ending the one that has it.
    pub(super) fn start(&mut self, key: TaskKey, job: jobs::Job) {
        self.generation += 1;
        let generation = self.generation;
        let cancel = CancellationToken::new();
        let sink = Sink {
            key: key.clone(),
            generation,
            control: self.control.0.clone(),
            bulk: self.bulk.0.clone(),
        };
        let token = cancel.clone();
        let handle = self.tasks.spawn(async move {
            token.run_until_cancelled(job(sink)).await;
        });
        self.names.insert(handle.id(), (key.clone(), generation));
        if let Some(old) = self.live.insert(
            key,
            Live {
                generation,
                cancel,
                expires: None,
            },
        ) {
            old.cancel.cancel();
        }
    }

    /// Starts an operation. It is not ended by being unwanted, only by its own end or its cancel.
    pub(super) fn execute(&mut self, id: u64, job: impl FnOnce(Cancel) -> jobs::Job) {
        let cancel = Cancel::new();
        self.operations.insert(id, cancel.clone());
        self.start(TaskKey::Operation(id), job(cancel));
    }

    /// Asks an operation to stop.
    pub(super) fn cancel_operation(&mut self, id: u64) {
        if let Some(cancel) = self.operations.get(&id) {
            cancel.cancel();
        }
    }

    /// Asks all operations to stop; one that was asked before gives up taking back what it did.
    pub(super) fn cancel_operations(&self) {
        for cancel in self.operations.values() {
            cancel.cancel();
        }
    }

    /// Ends a task; the next [`Runner::sync`] starts it anew if it is wanted.
    pub(super) fn restart(&mut self, key: &TaskKey) {
        self.broken.remove(key);
        if let Some(live) = self.live.remove(key) {
            live.cancel.cancel();
        }
    }

    /// Ends all work on a cluster and closes its client: it is gone, or another one has its name now, whose
    /// certificates are others.
    pub(super) fn forget(&mut self, id: &ClusterId) {
        self.context.connections.forget(id);
        let keys: Vec<TaskKey> = self
            .live
            .keys()
            .filter(|key| key.cluster() == Some(id))
            .cloned()
            .collect();
        for key in keys {
            self.restart(&key);
        }
    }

    /// When [`Runner::sync`] has something to do although nothing happens.
    fn due(&self) -> Option<Instant> {
        let ends = self.live.values().filter_map(|live| live.expires);
        let starts = self.broken.values().filter_map(|breakage| breakage.pause);
        ends.chain(starts).min()
    }

    /// What happens next: news, the end of a task, a moment. Cancel safe.
    pub(super) async fn next(&mut self) -> Turn {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                Some(news) = self.control.1.recv() => return Turn::News(Box::new(news)),
                Some(news) = self.bulk.1.recv() => return Turn::News(Box::new(news)),
                Some(end) = self.tasks.join_next_with_id() => {
                    if let Some((key, problem)) = self.ended(&end) {
                        return Turn::Broke(key, problem);
                    }
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    return Turn::Due;
                }
                // This runner's own senders keep the channels open, so only a new task can change anything.
                else => std::future::pending().await,
            }
        }
    }

    /// News that are there already.
    pub(super) fn more(&mut self) -> Option<Stamped> {
        self.control
            .1
            .try_recv()
            .or_else(|_| self.bulk.1.try_recv())
            .ok()
    }

    /// Whether news are of the task that has the name now.
    pub(super) fn is_current(&self, key: &TaskKey, generation: u64) -> bool {
        self.live
            .get(key)
            .is_some_and(|live| live.generation == generation)
    }

    /// The end of a task; a panic becomes a failure to show, and the task's name is free again.
    fn ended(&mut self, end: &Result<(Id, ()), JoinError>) -> Option<(TaskKey, Problem)> {
        let (id, panic) = match end {
            Ok((id, ())) => (*id, None),
            Err(error) => (error.id(), error.is_panic().then(|| error.to_string())),
        };
        let (key, generation) = self.names.remove(&id)?;
        // The last news of an operation may still be in the channel, so its name stays known.
        if let TaskKey::Operation(id) = key {
            self.operations.remove(&id);
        }
        if let Some(why) = panic {
            if self.is_current(&key, generation) {
                self.live.remove(&key);
                self.pause(&key);
            }
            tracing::error!(task = ?key, why, "a task broke");
            return Some((key, Problem::failed("a part of the program broke", why)));
        }
        None
    }

    /// What breaks as soon as it starts is not started in a circle.
    fn pause(&mut self, key: &TaskKey) {
        let now = Instant::now();
        let before = self.broken.get(key);
        let times = 1 + before.map_or(0, |breakage| {
            if now.duration_since(breakage.last) < CALM {
                breakage.times
            } else {
                0
            }
        });
        let breakage = Breakage {
            times,
            last: now,
            pause: Some(now + back_off(times)),
        };
        self.broken.insert(key.clone(), breakage);
    }

    /// Ends everything and waits for it.
    pub(super) async fn shutdown(&mut self) {
        for live in self.live.values() {
            live.cancel.cancel();
        }
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::msg::ClusterId;

    fn runner() -> Runner {
        Runner::new(Context::detached())
    }

    async fn news(runner: &mut Runner) -> Stamped {
        match runner.next().await {
            Turn::News(news) => *news,
            Turn::Broke(key, problem) => panic!("{key:?} broke: {problem}"),
            Turn::Due => panic!("nothing was waited for"),
        }
    }

    fn say(text: &'static str) -> jobs::Job {
        Box::new(move |sink| {
            Box::pin(async move {
                sink.send(News::Broke(Problem::failed(text, ""))).await;
                std::future::pending::<()>().await;
            })
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_is_started_again_has_one_task_and_its_old_news_are_stale() {
        let mut runner = runner();
        let key = TaskKey::Plan(1);
        runner.start(key.clone(), say("old"));
        let (_, old, _) = news(&mut runner).await;
        assert!(runner.is_current(&key, old));
        runner.start(key.clone(), say("new"));
        assert!(!runner.is_current(&key, old));
        let (_, new, _) = news(&mut runner).await;
        assert!(runner.is_current(&key, new));
        // The old task ends, the new one goes on.
        let idle = tokio::time::timeout(Duration::from_secs(1), runner.next()).await;
        assert!(idle.is_err());
        assert_eq!(runner.tasks.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_to_show_and_the_name_is_free_again() {
        let mut runner = runner();
        let key = TaskKey::Engine;
        runner.start(
            key.clone(),
            Box::new(|_| Box::pin(async { panic!("boom") })),
        );
        let Turn::Broke(broken, problem) = runner.next().await else {
            panic!("no news were sent")
        };
        assert_eq!(broken, key);
        assert!(problem.why.contains("panic"), "{problem}");
        assert!(runner.live.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_kept_for_a_minute_and_other_work_ends_at_once() {
        let mut runner = runner();
        let pods = TaskKey::Pods(ClusterId::k3s("a"));
        runner.start(pods.clone(), say("pods"));
        runner.start(TaskKey::Contexts, say("contexts"));
        runner.sync(vec![]);
        assert!(runner.live.contains_key(&pods) && runner.live.len() == 1);
        tokio::time::advance(KEPT / 2).await;
        runner.sync(vec![]);
        assert!(runner.live.contains_key(&pods));
        tokio::time::advance(KEPT).await;
        runner.sync(vec![]);
        assert!(runner.live.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_breaks_at_once_is_started_again_after_growing_pauses() {
        let mut runner = runner();
        runner.context().open = std::sync::Arc::new(|| panic!("boom"));
        let mut pauses = Vec::new();
        for _ in 0..4 {
            runner.sync(vec![TaskKey::Engine]);
            assert!(matches!(
                runner.next().await,
                Turn::Broke(TaskKey::Engine, _)
            ));
            let broke = Instant::now();
            runner.sync(vec![TaskKey::Engine]);
            assert!(runner.live.is_empty(), "started again without a pause");
            assert!(matches!(runner.next().await, Turn::Due));
            pauses.push(broke.elapsed());
        }
        assert!(pauses.is_sorted_by(|a, b| a < b), "{pauses:?}");
        // A person who asks for it does not wait.
        runner.restart(&TaskKey::Engine);
        runner.sync(vec![TaskKey::Engine]);
        assert_eq!(runner.live.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_watch_ends_in_time_although_nothing_else_happens() {
        let mut runner = runner();
        runner.start(
            TaskKey::Pods(ClusterId::k3s("a")),
            Box::new(|_| Box::pin(std::future::pending())),
        );
        let left = Instant::now();
        runner.sync(vec![]);
        assert!(matches!(runner.next().await, Turn::Due));
        assert!(left.elapsed() >= KEPT);
        runner.sync(vec![]);
        assert!(runner.live.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_is_forgotten_has_no_tasks_and_others_keep_theirs() {
        let mut runner = runner();
        let (gone, other) = (ClusterId::k3s("a"), ClusterId::k3s("b"));
        for id in [&gone, &other] {
            runner.start(TaskKey::Pods(id.clone()), say("pods"));
        }
        runner.sync(vec![]);
        runner.forget(&gone);
        assert_eq!(
            runner.live.keys().collect::<Vec<_>>(),
            [&TaskKey::Pods(other)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_waits_when_the_screen_does_not_keep_up_and_nothing_is_lost() {
        let mut runner = runner();
        runner.start(
            TaskKey::Contexts,
            Box::new(|sink| {
                Box::pin(async move {
                    for _ in 0..1_000 {
                        sink.send(News::Log(Vec::new())).await;
                    }
                })
            }),
        );
        for _ in 0..1_000 {
            assert!(matches!(news(&mut runner).await.2, News::Log(_)));
        }
        assert!(runner.more().is_none());
    }
}
