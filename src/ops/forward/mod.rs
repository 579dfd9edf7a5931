//! Port-forwards that heal: the listener stays as long as the forward is wanted, and each connection finds a pod that is
//! ready, waiting for one up to a limit. What happens to pods, nodes, the API server or the whole cluster costs the
//! connections that were open through it, and nothing else.
//!
//! [`check`] asks whether the target is there, [`listen`] has the local ports, [`finder`] knows the ready pods while anybody is connected, [`ports`] finds the number
//! behind a name, [`connection`] leads one caller to a pod, [`relay`] carries the bytes and [`status`] keeps count. A
//! forward that nobody uses has no timer, no watch and no request.

mod check;
mod connection;
mod finder;
pub mod held;
pub mod kept;
mod listen;
mod ports;
mod relay;
mod status;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{io::DuplexStream, sync::watch, task::JoinSet, time::Instant};

pub use check::check;
pub use status::{Status, Traffic};

use self::{connection::Leader, finder::Finder, listen::Bound, status::Counts};
use crate::{
    backend::KubeApi,
    domain::{Forward, Problem, RemotePort},
};

/// How long a connection waits for a pod that takes it: a small rollout and an image that is there already.
const WAIT: Duration = Duration::from_secs(30);

/// Bytes that wait in a pipe within this process, as many as in a socket.
const PIPE: usize = 64 * 1024;

/// Opens the API of the forward's cluster. It is asked anew after each failure, because a cluster that was started again
/// may have another port or other certificates; so it must not answer from memory.
pub type ApiSource =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn KubeApi>, Problem>> + Send + Sync>;

/// A forward that is open. Dropping it closes the listeners and all connections.
pub struct Forwarding {
    status: watch::Receiver<Status>,
    leader: Leader,
    tasks: JoinSet<()>,
}

impl Forwarding {
    /// How it is, now and whenever that changes; bytes are brought up to date once a second.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Closes it and waits until that is done; afterwards its ports are free.
    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }

    /// Connects from within this process, as if to the local port that leads to `remote`.
    pub fn connect(&mut self, remote: RemotePort) -> DuplexStream {
        let (near, far) = tokio::io::duplex(PIPE);
        let leader = self.leader.clone();
        self.tasks
            .spawn(async move { leader.lead(Box::new(far), &remote).await });
        near
    }
}

/// Opens a forward. Nothing is asked of the cluster before somebody connects.
///
/// # Errors
/// When a local port is busy, with its owner and a free port, or may not be listened at.
pub async fn open(source: ApiSource, forward: &Forward) -> Result<Forwarding, Problem> {
    open_within(source, forward, WAIT).await
}

/// The same with another limit for the time that a connection waits for a pod.
///
/// # Errors
/// As [`open`].
pub async fn open_within(
    source: ApiSource,
    forward: &Forward,
    wait: Duration,
) -> Result<Forwarding, Problem> {
    let mut bound = Vec::new();
    for port in &forward.ports {
        bound.push(listen::bind(port).await?);
    }
    let addresses = bound.iter().map(Bound::shown).collect();
    let (counts, status) = Counts::new(addresses);
    let counts = Arc::new(counts);
    let finder = Arc::new(Finder::new(source, forward.target.clone()));
    let leader = Leader::new(
        Arc::clone(&finder),
        Arc::clone(&counts),
        forward.target.clone(),
        wait,
    );
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { finder.run().await });
    tasks.spawn(async move { counts.publish().await });
    for Bound {
        listeners, remote, ..
    } in bound
    {
        for listener in listeners {
            let (leader, remote) = (leader.clone(), remote.clone());
            tasks.spawn(async move { leader.accept(listener, remote).await });
        }
    }
    Ok(Forwarding {
        status,
        leader,
        tasks,
    })
}

/// Pauses of 50 ms, doubled up to 15 s. One that is waited for again after something else came between is not begun anew.
struct Pauses {
    next: Duration,
    until: Option<Instant>,
}

impl Pauses {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(15);

    const fn new() -> Self {
        Self {
            next: Self::FIRST,
            until: None,
        }
    }

    const fn reset(&mut self) {
        *self = Self::new();
    }

    async fn pause(&mut self) {
        let until = *self.until.get_or_insert_with(|| Instant::now() + self.next);
        tokio::time::sleep_until(until).await;
        self.until = None;
        self.next = (self.next * 2).min(Self::LONGEST);
    }
}
