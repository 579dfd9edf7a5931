//! A world in memory that behaves as an engine with k3s clusters does: for looking around without an engine, for
//! pictures, and for tests of everything above the backends.
//!
//! Nothing runs in it. What a container does is a function of the time since it was started ([`behaviour`]), what a
//! cluster's Kubernetes API says is a function of its containers, the time and what was changed ([`cluster`]). Time is
//! tokio's, so a test with paused time sees a cluster boot at once. It is told from the real thing by
//! [`Backends::simulated`](super::Backends::simulated), which every frame and every command says.

mod behaviour;
mod clock;
mod cluster;
mod commands;
mod engine;
mod faults;
mod forward;
mod images;
mod kube;
mod logs;
mod lookup;
mod made;
mod pods;
mod registry;
mod scenario;
mod stage;
mod streams;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::{sync::broadcast, time::Instant};

use super::{Answer, Backends, Error, ErrorKind};
use crate::domain::{
    Problem,
    container::{ContainerSpec, ContainerState, EngineEvent, Labels, NetworkSpec},
    kube::ContextInfo,
};
use clock::Clock;
use cluster::Cluster;
pub use faults::{Fault, Faults};
pub use stage::Stage;

/// Events that are kept for who reads them late; a plan of a hundred steps makes fewer.
const EVENTS: usize = 512;

/// The simulated world. Clones are the same one.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Clock,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    events: broadcast::Sender<EngineEvent>,
}

/// Everything that there is.
#[derive(Default)]
struct State {
    containers: BTreeMap<String, Held>,
    networks: BTreeMap<String, NetworkSpec>,
    volumes: BTreeMap<String, Labels>,
    images: BTreeSet<String>,
    clusters: BTreeMap<String, Cluster>,
    contexts: Vec<(ContextInfo, bool)>,
}

/// A container.
#[derive(Clone)]
struct Held {
    /// As the engine calls it, whatever its name is now.
    id: String,
    spec: ContainerSpec,
    /// The address that the engine chose where none was asked for.
    leased: Option<IpAddr>,
    created: Timestamp,
    /// The start of its present or last run.
    started: Option<Instant>,
    /// The end of that run, where somebody ended it.
    stopped: Option<Instant>,
    /// The runs before it: start and end.
    before: Vec<(Instant, Instant)>,
    files: BTreeMap<String, Vec<u8>>,
    /// What its containerd has, if it is a node: names in full, and the ID of each.
    images: BTreeMap<String, String>,
    /// A word that a scenario puts in the place of its true state.
    stuck: Option<ContainerState>,
}

impl World {
    /// The world of a scenario: `default`, `empty`, `big`; an empty name is the default.
    ///
    /// # Errors
    /// When there is no scenario of that name.
    pub fn named(name: &str) -> Result<Self, Problem> {
        Self::begun(name, Timestamp::now())
    }

    /// The same, in which it is a certain time of a certain day now: with paused time it is then the same world
    /// every time.
    ///
    /// # Errors
    /// When there is no scenario of that name.
    pub fn begun(name: &str, now: Timestamp) -> Result<Self, Problem> {
        let (events, _) = broadcast::channel(EVENTS);
        let world = Self(Arc::new(Inner {
            clock: Clock::start(now),
            state: Mutex::default(),
            faults: Mutex::default(),
            events,
        }));
        scenario::build(&world, name)?;
        Ok(world)
    }

    /// The two doors to it.
    #[must_use]
    pub fn backends(&self) -> Backends {
        Backends {
            runtime: Arc::new(self.clone()),
            kube: Arc::new(self.clone()),
            simulated: true,
        }
    }

    /// The contexts that its kubeconfig names.
    #[must_use]
    pub fn contexts(&self) -> Vec<ContextInfo> {
        self.lock()
            .contexts
            .iter()
            .map(|(context, _)| context.clone())
            .collect()
    }

    /// Makes calls go wrong.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of everything that is there, for comparing before and after.
    #[must_use]
    pub fn inventory(&self) -> Vec<String> {
        let state = self.lock();
        let containers = state
            .containers
            .keys()
            .map(|name| format!("container {name}"));
        let networks = state.networks.keys().map(|name| format!("network {name}"));
        let volumes = state.volumes.keys().map(|name| format!("volume {name}"));
        containers.chain(networks).chain(volumes).collect()
    }

    /// None of the work under this lock waits or panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that something happened.
    fn happened(&self, object: &str, action: &str, name: &str) {
        let event = EngineEvent {
            object: object.to_owned(),
            action: action.to_owned(),
            id: id_of(name),
            name: name.to_owned(),
            time: Some(self.0.clock.now()),
        };
        // Nobody may be listening.
        let _ = self.0.events.send(event);
    }

    /// Does one call, or what is wrong with it.
    fn call<'a, T: Send + 'a>(
        &'a self,
        what: String,
        work: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let fault = self.faults().strike(&what);
            match fault {
                // A call has no middle in which it could end.
                None | Some(Fault::End) => {}
                Some(Fault::Fail(kind)) => {
                    return Err(Error::new(kind, what, "a fault of the simulation"));
                }
                Some(Fault::Hang) => std::future::pending().await,
                Some(Fault::Delay(duration)) => tokio::time::sleep(duration).await,
            }
            work(&mut self.lock())
        })
    }
}

impl Held {
    /// What it is doing at a moment.
    fn state(&self, now: Instant) -> ContainerState {
        if let Some(stuck) = self.stuck {
            return stuck;
        }
        match (self.started, self.stopped) {
            (None, _) => ContainerState::Created,
            (Some(_), Some(_)) => ContainerState::Exited,
            (Some(started), None) => match behaviour::of(&self.spec).end {
                Some((after, _)) if now >= started + after => ContainerState::Exited,
                _ => ContainerState::Running,
            },
        }
    }

    fn is_running(&self, now: Instant) -> bool {
        self.state(now) == ContainerState::Running
    }

    fn label(&self, key: &str) -> &str {
        self.spec
            .labels
            .get(key)
            .map(String::as_str)
            .unwrap_or_default()
    }
}

/// An ID like the engine's, made from the name.
fn id_of(name: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut id = String::with_capacity(64);
    while id.len() < 64 {
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // Writing to a String cannot fail.
        let _ = write!(id, "{hash:016x}");
    }
    id
}

fn not_found(what: &str, thing: &str) -> Error {
    Error::new(ErrorKind::NotFound, what, format!("no such thing: {thing}"))
}

fn conflict(what: &str, why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, what, why)
}
