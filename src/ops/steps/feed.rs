//! One stream of images for many nodes: the engine packs an archive once, and a file is read once.
//!
//! The steps of a plan that send the same images to different nodes share a stream. Each has a place from its beginning
//! on; the stream begins when everybody who has one sits or has left. Chunks go to all of them without a copy, at the
//! pace of the slowest, within limits: who takes nothing while others wait is left behind. Whoever waits for chunks
//! drives the stream, so it ends with the last of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Shared, WeakShared, join_all, pending},
    stream,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    backend::{ByteStream, Error, ErrorKind},
    plan::{Plan, Step, StepId},
};

/// How long those who sit wait for the others: a node tells what it has in well under a second, and one that is much
/// slower, or has something else to take first, gets a stream of its own.
const GATHER: Duration = Duration::from_secs(3);
/// The fastest is so many chunks ahead of the slowest. The engine's adapter hands out at most 400 KiB at once, so this is
/// at most 7 MB, once for all nodes.
const AHEAD: usize = 16;
/// A node that takes nothing for so long while another waits for the next chunk is left behind. A disk that is busy with
/// what all of them write is no reason: then nobody waits.
const PATIENCE: Duration = Duration::from_secs(60);

type Pump = BoxFuture<'static, ()>;

/// The streams of one execution, by the first of the steps that share one.
#[derive(Default)]
pub(super) struct Feeds(Mutex<BTreeMap<StepId, Group>>);

/// The steps that send the same.
struct Group {
    /// Those that neither sit nor have left.
    expected: BTreeSet<StepId>,
    /// The stream that has not begun.
    open: Option<(mpsc::Sender<Taker>, WeakShared<Pump>)>,
}

/// The pump's end of a seat.
struct Taker {
    node: String,
    chunks: mpsc::Sender<Bytes>,
    failed: oneshot::Sender<Error>,
}

/// A step's place. To drop it is to leave.
pub(super) struct Place<'a> {
    feeds: &'a Feeds,
    group: StepId,
    id: StepId,
}

impl Feeds {
    /// The place of a step that sends images.
    pub(super) fn place(&self, plan: &Plan, id: StepId) -> Place<'_> {
        let same: BTreeSet<StepId> = match &plan.steps[id].step {
            Step::ImportImages { source, images, .. } => {
                let sends_it = |step: &Step| matches!(step, Step::ImportImages { source: from, images: what, .. } if from == source && what == images);
                let steps = plan.steps.iter().enumerate();
                steps
                    .filter(|(_, planned)| sends_it(&planned.step))
                    .map(|(id, _)| id)
                    .collect()
            }
            _ => BTreeSet::from([id]),
        };
        let group = same.first().copied().unwrap_or(id);
        self.with(|groups| {
            groups.entry(group).or_insert(Group {
                expected: same,
                open: None,
            });
        });
        Place {
            feeds: self,
            group,
            id,
        }
    }

    /// The lock is held for what cannot panic, so a poisoned one still holds whole values.
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<StepId, Group>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place<'_> {
    /// Sits down: the first one brings the archive, which nobody reads before all are there. Returned are its chunks, and
    /// what moves them: it ends only with the error by which the archive failed this one.
    pub(super) fn sit(
        self,
        node: &str,
        archive: impl FnOnce() -> ByteStream,
    ) -> (ByteStream, BoxFuture<'static, Error>) {
        let (chunks, received) = mpsc::channel(AHEAD);
        let (failed, failure) = oneshot::channel();
        let taker = Taker {
            node: node.to_owned(),
            chunks,
            failed,
        };
        let pump = self.feeds.with(|groups| {
            let group = groups.get_mut(&self.group);
            join(group.map(|group| &mut group.open), taker, archive)
        });
        let chunks = stream::unfold(received, |mut received| async {
            let chunk = received.recv().await?;
            Some((Ok(chunk), received))
        });
        (chunks.boxed(), self::failure(failure, pump).boxed())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.feeds.with(|groups| {
            if let Some(group) = groups.get_mut(&self.group) {
                group.expected.remove(&self.id);
                if group.expected.is_empty() {
                    // Without a sender the pump knows that nobody else comes.
                    group.open = None;
                }
            }
        });
    }
}

/// Adds one to the stream that has not begun, or opens one.
fn join(
    mut open: Option<&mut Option<(mpsc::Sender<Taker>, WeakShared<Pump>)>>,
    mut taker: Taker,
    archive: impl FnOnce() -> ByteStream,
) -> Shared<Pump> {
    if let Some(Some((seats, pump))) = open.as_deref()
        && let Some(pump) = pump.upgrade()
    {
        match seats.try_send(taker) {
            Ok(()) => return pump,
            Err(refused) => taker = refused.into_inner(),
        }
    }
    // More than so many would only find the stream closed, and open another one.
    let (seats, sitting) = mpsc::channel(AHEAD);
    let _ = seats.try_send(taker);
    let pump = pump(sitting, archive()).boxed().shared();
    if let (Some(open), Some(weak)) = (open.as_mut(), pump.downgrade()) {
        **open = Some((seats, weak));
    }
    pump
}

/// Keeps the archive moving, for one and for all others; it ends only where that failed.
async fn failure(mut failed: oneshot::Receiver<Error>, pump: Shared<Pump>) -> Error {
    tokio::select! {
        Ok(error) = &mut failed => return error,
        () = pump => {}
    }
    match failed.try_recv() {
        Ok(error) => error,
        Err(_) => pending().await,
    }
}

/// Waits for everybody, and hands out the archive then.
async fn pump(mut sitting: mpsc::Receiver<Taker>, mut archive: ByteStream) {
    let mut takers = Vec::new();
    let everybody = async {
        while let Some(taker) = sitting.recv().await {
            takers.push(taker);
        }
    };
    if timeout(GATHER, everybody).await.is_err() {
        sitting.close();
        while let Ok(taker) = sitting.try_recv() {
            takers.push(taker);
        }
    }
    while let Some(item) = archive.next().await {
        match item {
            Ok(chunk) => takers = hand_out(takers, &chunk).await,
            Err(error) => {
                for taker in takers {
                    let _ = taker.failed.send(error.clone());
                }
                return;
            }
        }
        if takers.is_empty() {
            return;
        }
    }
}

/// Gives a chunk to everybody; those who are left take the next one.
async fn hand_out(takers: Vec<Taker>, chunk: &Bytes) -> Vec<Taker> {
    let (mut served, mut full) = (Vec::new(), Vec::new());
    for taker in takers {
        match taker.chunks.try_send(chunk.clone()) {
            Ok(()) => served.push(taker),
            Err(mpsc::error::TrySendError::Full(_)) => full.push(taker),
            // Its command has ended.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
    if !full.is_empty() {
        let waited = full
            .into_iter()
            .map(|taker| wait_for(taker, chunk, &served));
        let waited = join_all(waited).await;
        served.extend(waited.into_iter().flatten());
    }
    served
}

async fn wait_for(taker: Taker, chunk: &Bytes, others: &[Taker]) -> Option<Taker> {
    let waits = |other: &Taker| {
        !other.chunks.is_closed() && other.chunks.capacity() == other.chunks.max_capacity()
    };
    loop {
        match timeout(PATIENCE, taker.chunks.send(chunk.clone())).await {
            Ok(Ok(())) => return Some(taker),
            Ok(Err(_)) => return None,
            Err(_) if others.iter().any(waits) => {
                let what = format!("send images to {}", taker.node);
                let why = format!(
                    "it took nothing for {} s while other nodes waited for it",
                    PATIENCE.as_secs()
                );
                let _ = taker.failed.send(Error::new(ErrorKind::Timeout, what, why));
                return None;
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures::TryStreamExt;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{
        domain::{ClusterName, image::WantedImage},
        plan::images::ImageSource,
    };

    /// More chunks than are ever ahead.
    const CHUNKS: usize = 3 * AHEAD;

    /// A plan that sends the same to so many nodes, and something else to another one.
    fn plan(nodes: usize) -> Plan {
        let mut plan = Plan::new("import".to_owned(), ClusterName::existing("demo"));
        for node in 0..=nodes {
            let image = if node == nodes { "other" } else { "image" };
            let step = Step::ImportImages {
                node: format!("node-{node}"),
                source: ImageSource::Engine,
                images: vec![WantedImage {
                    names: vec![image.to_owned()],
                    ..WantedImage::default()
                }],
            };
            plan.add(step, []);
        }
        plan
    }

    /// How often an archive was asked for, and how many of its chunks were read.
    #[derive(Clone, Default)]
    struct Source {
        opened: Arc<AtomicUsize>,
        read: Arc<AtomicUsize>,
    }

    impl Source {
        fn archive(&self) -> ByteStream {
            self.opened.fetch_add(1, Ordering::Relaxed);
            let read = Arc::clone(&self.read);
            stream::iter(0..CHUNKS)
                .map(move |number| {
                    read.fetch_add(1, Ordering::Relaxed);
                    Ok(Bytes::from(vec![u8::try_from(number).unwrap(); 3]))
                })
                .boxed()
        }

        fn counts(&self) -> (usize, usize) {
            let count = |one: &AtomicUsize| one.load(Ordering::Relaxed);
            (count(&self.opened), count(&self.read))
        }
    }

    /// A node that takes everything, `pause` after each chunk; the sum of its bytes.
    async fn node(place: Place<'_>, source: &Source, pause: Duration) -> Result<usize, Error> {
        let name = format!("node-{}", place.id);
        let (chunks, broken) = place.sit(&name, || source.archive());
        let all = chunks.try_fold(0, |sum, chunk| async move {
            sleep(pause).await;
            Ok(sum + chunk.len())
        });
        tokio::select! {
            sum = all => sum,
            error = broken => Err(error),
        }
    }

    const NONE: Duration = Duration::ZERO;
    const HANGS: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn steps_that_send_the_same_share_a_stream_at_the_pace_of_the_slowest() {
        let (plan, feeds, source) = (plan(3), Feeds::default(), Source::default());
        let [first, second, third] = [0, 1, 2].map(|id| feeds.place(&plan, id));
        let begun = Instant::now();
        let slow = Duration::from_secs(1);
        let sums = tokio::join!(
            node(first, &source, NONE),
            node(second, &source, slow),
            node(third, &source, NONE),
        );
        let whole = Ok(3 * CHUNKS);
        assert_eq!(sums, (whole.clone(), whole.clone(), whole));
        assert_eq!(source.counts(), (1, CHUNKS));
        // Nobody was waited for who was there.
        assert_eq!(begun.elapsed(), slow * u32::try_from(CHUNKS).unwrap());
        let other = Source::default();
        let sum = node(feeds.place(&plan, 3), &other, NONE).await;
        assert_eq!((sum, other.counts().0), (Ok(3 * CHUNKS), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_hangs_is_left_behind_and_what_is_kept_for_it_is_little() {
        let (plan, feeds, source) = (plan(2), Feeds::default(), Source::default());
        let [hung, other] = [0, 1].map(|id| feeds.place(&plan, id));
        let begun = Instant::now();
        let ahead = async {
            sleep(PATIENCE / 2).await;
            source.counts().1
        };
        let (failed, sum, ahead) = tokio::join!(
            node(hung, &source, HANGS),
            node(other, &source, NONE),
            ahead
        );
        let error = failed.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(error.to_string().contains("node-0"), "{error}");
        assert_eq!(sum, Ok(3 * CHUNKS));
        assert!(ahead <= AHEAD + 2, "{ahead}");
        assert_eq!(begun.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_all_make_is_no_reason_to_leave_anybody() {
        let (plan, feeds, source) = (plan(2), Feeds::default(), Source::default());
        let [first, second] = [0, 1].map(|id| feeds.place(&plan, id));
        let pause = 2 * PATIENCE;
        let sums = tokio::join!(node(first, &source, pause), node(second, &source, pause));
        assert_eq!(sums, (Ok(3 * CHUNKS), Ok(3 * CHUNKS)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_is_not_waited_for_and_who_is_late_gets_a_stream_of_its_own() {
        let (plan, feeds, source) = (plan(3), Feeds::default(), Source::default());
        let [first, leaves, late] = [0, 1, 2].map(|id| feeds.place(&plan, id));
        drop(leaves);
        let begun = Instant::now();
        let late = async {
            sleep(2 * GATHER).await;
            node(late, &source, NONE).await
        };
        let first = async {
            let sum = node(first, &source, NONE).await;
            (sum, begun.elapsed())
        };
        let (first, late) = tokio::join!(first, late);
        assert_eq!(first, (Ok(3 * CHUNKS), GATHER));
        assert_eq!(late, Ok(3 * CHUNKS));
        assert_eq!(source.counts(), (2, 2 * CHUNKS));
        assert_eq!(begun.elapsed(), 2 * GATHER);
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_archive_breaks_everybody_is_told_and_where_all_go_it_ends() {
        let (plan, feeds) = (plan(2), Feeds::default());
        let broken = Error::new(ErrorKind::Unreachable, "save", "gone");
        let chunks = vec![Ok(Bytes::from_static(b"abc")), Err(broken.clone())];
        let seats = [0, 1].map(|id| {
            let chunks = chunks.clone();
            let place = feeds.place(&plan, id);
            place.sit("node", || stream::iter(chunks).boxed())
        });
        let [(_first, one), (_second, other)] = seats;
        let told = tokio::join!(one, other);
        assert_eq!(told, (broken.clone(), broken));

        let (feeds, source) = (Feeds::default(), Source::default());
        let alive = Arc::clone(&source.read);
        let places = [0, 1].map(|id| feeds.place(&plan, id));
        let all = places.map(|place| node(place, &source, HANGS));
        let all = join_all(all);
        assert!(timeout(PATIENCE, all).await.is_err());
        drop(source);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
