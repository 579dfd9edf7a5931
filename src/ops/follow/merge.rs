//! Many logs in time order: first what there was of all of them, then the news, each held back for a moment so that
//! what was written earlier and comes a little later still finds its place.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    time::Duration,
};

use futures::{StreamExt, stream, stream::BoxStream};
use jiff::Timestamp;
use tokio::{sync::mpsc, time::Instant};

use super::{Abandoned, bytes, hand_on, lane::Told};
use crate::domain::{Mark, log::LogItem};

/// How long news wait for earlier ones: lines of two nodes are on their way for a few hundredths of a second, and a
/// person does not see a tenth.
const HOLD: Duration = Duration::from_millis(100);

/// As many news wait at the most; the earliest make room.
const MOST: usize = 4096;

/// And as many bytes of them, because a line may be a million bytes long.
const MOST_BYTES: usize = 16 << 20;

/// What the merger is told of.
pub(super) enum Entry {
    /// Another log; it is over when its channel closes.
    Log(mpsc::Receiver<Told>),
    /// A mark about more than one log.
    Mark(Mark),
    /// All logs whose past is wanted have been told of.
    Complete,
}

/// Merges the logs, to the end of all of them.
pub(super) async fn merge(
    mut entries: mpsc::Receiver<Entry>,
    out: &mpsc::Sender<LogItem>,
) -> Result<(), Abandoned> {
    let mut logs = Vec::new();
    loop {
        match entries.recv().await {
            Some(Entry::Log(log)) => logs.push(log),
            Some(Entry::Mark(mark)) => hand_on(out, LogItem::Mark(mark)).await?,
            Some(Entry::Complete) => break,
            None => return Ok(()),
        }
    }
    let logs = past(logs, out).await?;
    Live::new(logs, out).run(entries).await
}

/// Hands on what there was, the earliest line of all logs first, and returns the logs that go on.
async fn past(
    logs: Vec<mpsc::Receiver<Told>>,
    out: &mpsc::Sender<LogItem>,
) -> Result<Vec<mpsc::Receiver<Told>>, Abandoned> {
    let mut going_on = Vec::new();
    let mut heads = BinaryHeap::new();
    let mut waiting: VecDeque<(Option<Timestamp>, usize, mpsc::Receiver<Told>)> = logs
        .into_iter()
        .enumerate()
        .map(|(place, log)| (None, place, log))
        .collect();
    loop {
        // Nothing is the earliest before every log has shown its next line.
        while let Some((last, place, mut log)) = waiting.pop_front() {
            match log.recv().await {
                Some(Told::Item(item)) => {
                    let key = time(&item).max(last);
                    heads.push(Reverse(Head {
                        key,
                        place,
                        item,
                        log,
                    }));
                }
                Some(Told::Past) => going_on.push(log),
                None => {}
            }
        }
        let Some(Reverse(head)) = heads.pop() else {
            return Ok(going_on);
        };
        hand_on(out, head.item).await?;
        waiting.push_back((head.key, head.place, head.log));
    }
}

/// The next item of a log.
struct Head {
    key: Option<Timestamp>,
    place: usize,
    item: LogItem,
    log: mpsc::Receiver<Told>,
}

/// News that wait.
struct Held {
    key: Option<Timestamp>,
    number: u64,
    item: LogItem,
}

/// The merging of news.
struct Live<'a> {
    out: &'a mpsc::Sender<LogItem>,
    logs: stream::SelectAll<BoxStream<'static, (u64, Option<Told>)>>,
    /// How many logs there have been, which numbers them, and how many there are.
    count: u64,
    alive: usize,
    /// The time of the latest item of each log: within one log the order stays as it is.
    last: HashMap<u64, Option<Timestamp>>,
    held: BinaryHeap<Reverse<Held>>,
    /// How much of lines is in them.
    bytes: usize,
    /// When each of them is handed on at the latest, in the order in which they came.
    due: VecDeque<(Instant, Option<Timestamp>, u64)>,
    number: u64,
    newest: Option<Timestamp>,
}

impl<'a> Live<'a> {
    fn new(logs: Vec<mpsc::Receiver<Told>>, out: &'a mpsc::Sender<LogItem>) -> Self {
        let mut live = Self {
            out,
            logs: stream::SelectAll::new(),
            count: 0,
            alive: 0,
            last: HashMap::new(),
            held: BinaryHeap::new(),
            bytes: 0,
            due: VecDeque::new(),
            number: 0,
            newest: None,
        };
        for log in logs {
            live.add(log);
        }
        live
    }

    fn add(&mut self, log: mpsc::Receiver<Told>) {
        let id = self.count;
        self.count += 1;
        self.alive += 1;
        let news = stream::unfold(log, |mut log| async move {
            let told = log.recv().await?;
            Some((Some(told), log))
        });
        let end = stream::once(std::future::ready(None));
        self.logs
            .push(news.chain(end).map(move |told| (id, told)).boxed());
    }

    async fn run(mut self, entries: mpsc::Receiver<Entry>) -> Result<(), Abandoned> {
        let mut entries = Some(entries);
        loop {
            if entries.is_none() && self.alive == 0 && self.held.is_empty() {
                return Ok(());
            }
            let due = self.due.front().map(|(moment, ..)| *moment);
            tokio::select! {
                biased;
                () = until(due) => self.release().await?,
                entry = next(&mut entries) => match entry {
                    Some(Entry::Log(log)) => self.add(log),
                    Some(Entry::Mark(mark)) => self.hold(self.newest, LogItem::Mark(mark)).await?,
                    Some(Entry::Complete) => {}
                    None => entries = None,
                },
                Some((id, told)) = self.logs.next() => match told {
                    Some(Told::Item(item)) => {
                        let last = self.last.entry(id).or_default();
                        *last = time(&item).max(*last);
                        let key = *last;
                        self.hold(key, item).await?;
                    }
                    Some(Told::Past) => {}
                    None => {
                        self.alive -= 1;
                        self.last.remove(&id);
                    }
                },
            }
        }
    }

    async fn hold(&mut self, key: Option<Timestamp>, item: LogItem) -> Result<(), Abandoned> {
        self.newest = self.newest.max(key);
        if self.alive < 2 && self.held.is_empty() {
            // There is nobody whose lines could come late.
            return hand_on(self.out, item).await;
        }
        let number = self.number;
        self.number += 1;
        self.bytes += bytes(&item);
        self.held.push(Reverse(Held { key, number, item }));
        self.due.push_back((Instant::now() + HOLD, key, number));
        while self.held.len() > MOST || self.bytes > MOST_BYTES {
            self.hand_on_first().await?;
        }
        Ok(())
    }

    /// Hands on what is due, and all that is earlier than it.
    async fn release(&mut self) -> Result<(), Abandoned> {
        let now = Instant::now();
        while let Some((_, key, number)) = self.due.front().filter(|due| due.0 <= now).copied() {
            self.due.pop_front();
            while self
                .held
                .peek()
                .is_some_and(|held| (held.0.key, held.0.number) <= (key, number))
            {
                self.hand_on_first().await?;
            }
        }
        Ok(())
    }

    async fn hand_on_first(&mut self) -> Result<(), Abandoned> {
        match self.held.pop() {
            Some(Reverse(held)) => {
                self.bytes -= bytes(&held.item);
                hand_on(self.out, held.item).await
            }
            None => Ok(()),
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn next(entries: &mut Option<mpsc::Receiver<Entry>>) -> Option<Entry> {
    match entries {
        Some(entries) => entries.recv().await,
        None => std::future::pending().await,
    }
}

const fn time(item: &LogItem) -> Option<Timestamp> {
    match item {
        LogItem::Line(line) => line.time,
        LogItem::Mark(mark) => mark.time,
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.key, self.place).cmp(&(other.key, other.place))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.key, self.number).cmp(&(other.key, other.number))
    }
}
