//! What is known of a forward: who is connected, how many bytes went where, what went wrong last.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::domain::{ForwardState, ObjectKey, Problem, RemotePort};

/// Bytes are brought up to date so often, and only while there are new ones.
const EVERY: Duration = Duration::from_secs(1);

/// How many seconds are remembered.
const SECONDS: usize = 60;

/// How a forward is.
#[derive(Debug, Clone)]
pub struct Status {
    /// In a word.
    pub state: ForwardState,
    /// Where it listens, and which port each address leads to.
    pub addresses: Vec<(SocketAddr, RemotePort)>,
    /// Connections that are open.
    pub open: usize,
    /// Connections since it was opened.
    pub total: u64,
    /// Bytes that went to pods.
    pub sent: u64,
    /// Bytes that came from pods.
    pub received: u64,
    /// Bytes of both ways in each second of the last minute.
    pub traffic: Traffic,
    /// What went wrong last, and when.
    pub last_error: Option<(Timestamp, Problem)>,
    /// The pod that answered last.
    pub pod: Option<ObjectKey>,
}

/// Bytes by second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    begun: Instant,
    /// The second, from the beginning, that was counted last.
    second: u64,
    /// In a circle, by second.
    bytes: [u64; SECONDS],
}

impl Traffic {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            second: 0,
            bytes: [0; SECONDS],
        }
    }

    fn second_of(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs()
    }

    fn slot(second: u64) -> usize {
        usize::try_from(second % SECONDS as u64).unwrap_or(0)
    }

    fn add(&mut self, bytes: u64) {
        let now = self.second_of(Instant::now());
        let passed = now.saturating_sub(self.second).min(SECONDS as u64);
        for back in 0..passed {
            self.bytes[Self::slot(now - back)] = 0;
        }
        self.second = now;
        self.bytes[Self::slot(now)] += bytes;
    }

    /// The bytes of each of the last 60 seconds, the oldest first; the last one is the second that runs.
    #[must_use]
    pub fn last_minute(&self, now: Instant) -> [u64; SECONDS] {
        let now = self.second_of(now).max(self.second);
        std::array::from_fn(|place| {
            let back = (SECONDS - 1 - place) as u64;
            match now.checked_sub(back) {
                // What was counted last is the newest that there is.
                Some(second) if second <= self.second && self.second - second < SECONDS as u64 => {
                    self.bytes[Self::slot(second)]
                }
                _ => 0,
            }
        })
    }
}

/// Keeps the status. One for a forward, shared by its connections.
pub(super) struct Counts {
    status: watch::Sender<Status>,
    bytes: Mutex<Bytes>,
    news: Notify,
    waiting: Mutex<Waiting>,
}

struct Bytes {
    sent: u64,
    received: u64,
    traffic: Traffic,
}

#[derive(Default)]
struct Waiting {
    count: usize,
    why: Option<Problem>,
    /// The problem of the last connection, until one succeeds.
    failed: Option<Problem>,
}

impl Counts {
    pub(super) fn new(addresses: Vec<(SocketAddr, RemotePort)>) -> (Self, watch::Receiver<Status>) {
        let (sender, receiver) = watch::channel(Status {
            state: ForwardState::Listening,
            addresses,
            open: 0,
            total: 0,
            sent: 0,
            received: 0,
            traffic: Traffic::new(),
            last_error: None,
            pod: None,
        });
        let counts = Self {
            status: sender,
            bytes: Mutex::new(Bytes {
                sent: 0,
                received: 0,
                traffic: Traffic::new(),
            }),
            news: Notify::new(),
            waiting: Mutex::default(),
        };
        (counts, receiver)
    }

    /// Somebody has connected, until the guard is dropped.
    pub(super) fn connected(&self) -> Connected<'_> {
        self.change(|status| {
            status.open += 1;
            status.total += 1;
        });
        Connected(self)
    }

    /// Somebody waits for a pod, until the guard is dropped.
    pub(super) fn waits(&self) -> Waits<'_> {
        self.waiting().count += 1;
        Waits(self)
    }

    /// A pod answers.
    pub(super) fn led_to(&self, pod: &ObjectKey) {
        self.waiting().failed = None;
        self.change(|status| status.pod = Some(pod.clone()));
    }

    /// A connection was given up, or broke.
    pub(super) fn gone_wrong(&self, problem: &Problem, given_up: bool) {
        if given_up {
            self.waiting().failed = Some(problem.clone());
        }
        let now = Timestamp::now();
        self.change(|status| status.last_error = Some((now, problem.clone())));
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.add(|all| &mut all.sent, bytes);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.add(|all| &mut all.received, bytes);
    }

    fn add(&self, which: impl FnOnce(&mut Bytes) -> &mut u64, bytes: usize) {
        let mut all = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = bytes as u64;
        all.traffic.add(bytes);
        *which(&mut all) += bytes;
        drop(all);
        self.news.notify_one();
    }

    /// Tells the bytes, while there are any.
    pub(super) async fn publish(&self) {
        loop {
            self.news.notified().await;
            tokio::time::sleep(EVERY).await;
            self.change(|_| {});
        }
    }

    fn change(&self, change: impl FnOnce(&mut Status)) {
        let waiting = self.waiting();
        self.status.send_modify(|status| {
            change(status);
            let all = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            status.sent = all.sent;
            status.received = all.received;
            status.traffic = all.traffic.clone();
            status.state = match (&waiting.why, &waiting.failed) {
                (Some(why), _) if waiting.count > 0 => ForwardState::Waiting(why.clone()),
                (_, _) if status.open > 0 => ForwardState::Active(status.open),
                (_, Some(failed)) => ForwardState::Failed(failed.clone()),
                _ => ForwardState::Listening,
            };
        });
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection that is open.
pub(super) struct Connected<'a>(&'a Counts);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.change(|status| status.open -= 1);
    }
}

/// One connection that waits for a pod.
pub(super) struct Waits<'a>(&'a Counts);

impl Waits<'_> {
    /// Why it waits.
    pub(super) fn because(&self, why: &Problem) {
        let mut waiting = self.0.waiting();
        if waiting.why.as_ref() != Some(why) {
            waiting.why = Some(why.clone());
            drop(waiting);
            self.0.change(|_| {});
        }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.count -= 1;
        if waiting.count == 0 && waiting.why.take().is_some() {
            drop(waiting);
            self.0.change(|_| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_of_traffic_moves_on_with_the_time() {
        let mut traffic = Traffic::new();
        traffic.add(1);
        tokio::time::advance(Duration::from_secs(2)).await;
        traffic.add(5);
        traffic.add(5);
        let minute = traffic.last_minute(Instant::now());
        assert_eq!(minute[57..], [1, 0, 10]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(traffic.last_minute(Instant::now())[56..], [1, 0, 10, 0]);
        tokio::time::advance(Duration::from_secs(57)).await;
        assert_eq!(traffic.last_minute(Instant::now())[..3], [0, 10, 0]);
        traffic.add(7);
        let minute = traffic.last_minute(Instant::now());
        assert_eq!((minute.iter().sum::<u64>(), minute[59]), (17, 7));
        tokio::time::advance(Duration::from_secs(200)).await;
        assert_eq!(traffic.last_minute(Instant::now()), [0; SECONDS]);
        traffic.add(3);
        assert_eq!(traffic.last_minute(Instant::now()).iter().sum::<u64>(), 3);
    }
}
