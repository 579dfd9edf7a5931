//! Logs that go on: of a container, or of all containers of a pod, through restarts and broken connections.
//!
//! A follower asks again from the time of the last line and drops what it has seen at the seam. It never drops a line
//! of its own: when nobody takes what it has, it stops reading, and the engine or the kubelet keeps the rest.

mod container;
mod jobs;
mod lane;
mod members;
mod merge;
mod older;
mod query;
mod runs;
mod said;
mod second_look;
mod selection;

pub use older::{Beginning, older, older_of_container};
pub use query::{MOST_LOGS, Query, State, Target};

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use tokio::sync::mpsc;

use crate::{
    backend::{ContainerRuntime, KubeApi},
    domain::{
        Mark, MarkEvent, ObjectKey, ProblemKind, Workload, WorkloadKind,
        log::{LogItem, MAX_LINE_BYTES},
    },
};

/// Items that are read ahead of whoever takes them: a screenful or two of lines, so that reading goes on while a frame
/// is drawn.
const AHEAD: usize = 256;

/// The first and the longest pause before asking again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Follows the log of a container at the engine, beginning with the last `tail` lines. It goes on when the container is
/// started again, and ends, with a word about it, when the container is removed.
#[must_use]
pub fn follow_container(
    runtime: Arc<dyn ContainerRuntime>,
    container: impl Into<String>,
    tail: u32,
) -> BoxStream<'static, LogItem> {
    let (lines, taken) = mpsc::channel(AHEAD);
    let container = container.into();
    driven(
        taken,
        Box::pin(async move {
            // It ends early only when nobody listens any more.
            let _ = container::follow(runtime.as_ref(), &container, tail, &lines).await;
        }),
    )
}

/// Reads or follows the logs that a query asks for, in time order: first what there is of all of them, then the news.
///
/// Pods that come while it follows join, and marks say so; they also say who went, what was started again and how it
/// had ended, and where lines may be missing. It never drops a line of its own: who does not take what it has stops it
/// reading. It ends when all is read, or, where it follows single pods, when they are over; a query that cannot be
/// followed ends with a [`MarkEvent::Problem`].
#[must_use]
pub fn follow(api: Arc<dyn KubeApi>, query: Query) -> BoxStream<'static, LogItem> {
    let (lines, taken) = mpsc::channel(AHEAD);
    driven(
        taken,
        Box::pin(async move {
            let Some(selections) = resolve(api.as_ref(), &query, &lines).await else {
                return;
            };
            // Logs that begin; more wait with who begins them.
            let (entries, told) = mpsc::channel(16);
            let members = members::Members::new(api, query, selections);
            let members = async move { members.run(&entries).await };
            let (_, ()) = tokio::join!(merge::merge(told, &lines), members);
        }),
    )
}

/// What a query means, once the API says it; `None` where it means nothing.
async fn resolve(
    api: &dyn KubeApi,
    query: &Query,
    lines: &mpsc::Sender<LogItem>,
) -> Option<Vec<selection::Selection>> {
    let mut pauses = Pauses::new();
    let mut told = false;
    loop {
        let problem = match selection::selections(api, query).await {
            Ok(selections) => return Some(selections),
            Err(problem) => problem,
        };
        let passing = query.follow && problem.kind == ProblemKind::Unreachable;
        if !std::mem::replace(&mut told, true) {
            let mark = Mark::of(None, MarkEvent::Problem(problem));
            hand_on(lines, LogItem::Mark(mark)).await.ok()?;
        }
        if !passing {
            return None;
        }
        pauses.pause().await;
    }
}

/// Follows the logs of all containers of a pod, each beginning with its last `tail` lines. It goes on when a container is
/// started again and when a pod of the same name takes the place of a deleted one, and ends, with a word about it, when
/// all containers are done or the pod does not come back.
#[must_use]
pub fn follow_pod(api: Arc<dyn KubeApi>, pod: ObjectKey, tail: u32) -> BoxStream<'static, LogItem> {
    let target = Workload {
        kind: WorkloadKind::Pod,
        key: pod,
    };
    let query = Query {
        targets: vec![Target::Of(target)],
        tail: Some(tail),
        follow: true,
        ..Query::default()
    };
    follow(api, query)
}

/// Nobody takes the items any more.
struct Abandoned;

/// Hands an item on, waiting until there is room.
async fn hand_on(lines: &mpsc::Sender<LogItem>, item: LogItem) -> Result<(), Abandoned> {
    send(lines, bytes(&item), item).await
}

/// A line from which on it takes all the room of a channel: a few dozen of the longest would be too much memory.
const LONG: usize = MAX_LINE_BYTES;

/// What an item holds of a line.
fn bytes(item: &LogItem) -> usize {
    match item {
        LogItem::Line(line) => line.bytes().len(),
        LogItem::Mark(_) => 0,
    }
}

/// Sends once there is room; something long once nothing else is waiting to be taken.
async fn send<T>(channel: &mpsc::Sender<T>, bytes: usize, item: T) -> Result<(), Abandoned> {
    if bytes <= LONG {
        return channel.send(item).await.map_err(|_| Abandoned);
    }
    let all = channel.reserve_many(channel.max_capacity()).await;
    if let Some(permit) = all.map_err(|_| Abandoned)?.next() {
        permit.send(item);
    }
    Ok(())
}

async fn mark(lines: &mpsc::Sender<LogItem>, text: impl Into<String>) -> Result<(), Abandoned> {
    hand_on(lines, LogItem::Mark(Mark::note(text.into()))).await
}

/// Pauses that grow while nothing comes of it.
struct Pauses(Duration);

impl Pauses {
    const fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    const fn reset(&mut self) {
        self.0 = FIRST_PAUSE;
    }

    async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

/// A stream of what a future sends. The future runs while somebody waits for the stream, in the same task, so that
/// dropping the stream ends it. Its end may be asked for again: whoever gathers a batch finds it in the middle.
fn driven(
    items: mpsc::Receiver<LogItem>,
    work: BoxFuture<'static, ()>,
) -> BoxStream<'static, LogItem> {
    let items = stream::unfold((items, Some(work)), |(mut items, mut work)| async move {
        loop {
            let Some(running) = work.as_mut() else {
                return items.recv().await.map(|item| (item, (items, work)));
            };
            tokio::select! {
                biased;
                item = items.recv() => return item.map(|item| (item, (items, work))),
                () = running => work = None,
            }
        }
    });
    items.fuse().boxed()
}
