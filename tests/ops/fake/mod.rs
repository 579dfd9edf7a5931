//! A world as small as the executor needs it, in which the n-th call can be made to go wrong in every way. Unlike the
//! product's own simulated world it knows no time of its own, so that a test decides about every single call.

mod kube;
mod runtime;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use coracle::{
    backend::{Answer, Backends, Error, ErrorKind},
    domain::{
        LogLine, Subnet,
        container::{ContainerSpec, ContainerState, EngineEvent},
    },
    ops::Cancel,
};
use futures::{FutureExt, StreamExt, future::pending, stream, stream::BoxStream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused and nothing happened.
    Refused,
    /// It happened, but the answer is lost.
    AnswerLost,
    /// It never answers and never happens.
    Hangs,
    /// It happens, and never answers.
    HappensAndHangs,
    /// It goes well, but a person cancels while it is under way.
    Cancelled,
    /// The program is killed before it happens.
    KilledBefore,
    /// The program is killed after it happened.
    KilledAfter,
}

#[derive(Debug, Clone, PartialEq)]
struct Held {
    spec: ContainerSpec,
    state: ContainerState,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    files: BTreeMap<String, Vec<u8>>,
}

/// What is in the world, comparable as a whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Things {
    containers: BTreeMap<String, Held>,
    networks: BTreeMap<String, (Subnet, BTreeMap<String, String>)>,
    /// Of networks that another is just making.
    unlisted_subnets: Vec<Subnet>,
    volumes: BTreeMap<String, BTreeMap<String, String>>,
    /// Kubernetes objects, `kind/namespace/name`.
    objects: BTreeMap<String, Value>,
}

impl Things {
    /// Names of everything, for messages.
    pub fn names(&self) -> Vec<String> {
        let containers = self
            .containers
            .iter()
            .map(|(name, held)| format!("{name}:{}", held.state.word()));
        containers
            .chain(self.networks.keys().cloned())
            .chain(self.volumes.keys().cloned())
            .chain(self.objects.keys().cloned())
            .collect()
    }
}

#[derive(Default)]
struct Script {
    calls: usize,
    fault: Option<(usize, Fault)>,
    struck: Option<String>,
    /// Calls whose description contains it are refused for ever.
    always: Vec<String>,
    lines: BTreeMap<String, Vec<String>>,
    pods: Vec<Value>,
    /// What each further request for a log answers, before it ends.
    logs: BTreeMap<String, VecDeque<Vec<Result<LogLine, Error>>>>,
}

/// The world. Clones are the same one.
#[derive(Clone, Default)]
pub struct Fake {
    things: Arc<Mutex<Things>>,
    script: Arc<Mutex<Script>>,
    listeners: Arc<Mutex<Vec<mpsc::UnboundedSender<EngineEvent>>>>,
    pub cancel: Cancel,
    pub killed: Arc<Notify>,
}

impl Fake {
    pub fn backends(&self) -> Backends {
        Backends {
            runtime: Arc::new(self.clone()),
            kube: Arc::new(self.clone()),
            simulated: true,
        }
    }

    pub fn things(&self) -> Things {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Things> {
        self.things.lock().unwrap()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// From now on counted, the n-th call goes wrong.
    pub fn strike(&self, call: usize, fault: Fault) {
        let mut script = self.script();
        script.calls = 0;
        script.struck = None;
        script.fault = Some((call, fault));
    }

    /// Somebody else is making networks of these subnets.
    pub fn reserve(&self, subnets: &[&str]) {
        let subnets = subnets
            .iter()
            .map(|subnet| subnet.parse::<Subnet>().unwrap());
        self.lock().unlisted_subnets.extend(subnets);
    }

    /// The call that went wrong, if it came to that; no further one does.
    pub fn struck(&self) -> Option<String> {
        let mut script = self.script();
        script.fault = None;
        script.struck.take()
    }

    /// Calls whose description contains `words` are refused, for ever.
    pub fn refuse_always(&self, words: &str) {
        self.script().always.push(words.to_owned());
    }

    /// Commands in servers are refused from now on.
    pub fn refuse_inside(&self) {
        self.refuse_always("run in k3d-demo-server-");
    }

    /// What a container whose name ends like that writes when it starts, instead of that it is up.
    pub fn say(&self, container: &str, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.script().lines.insert(container.to_owned(), lines);
    }

    /// Pods that are on every node.
    pub fn pods(&self, pods: Vec<Value>) {
        self.script().pods = pods;
    }

    /// What requests for the log of a container, or of `pod/container`, answer one after the other; after the last one a
    /// log goes on without a line.
    pub fn log(&self, of: &str, answers: Vec<Vec<Result<LogLine, Error>>>) {
        self.script().logs.insert(of.to_owned(), answers.into());
    }

    /// The next of those answers, if the log is scripted.
    fn next_log(&self, of: &str) -> Option<BoxStream<'static, Result<LogLine, Error>>> {
        let mut script = self.script();
        let answers = script.logs.get_mut(of)?;
        Some(match answers.pop_front() {
            Some(answer) => stream::iter(answer).boxed(),
            None => stream::pending().boxed(),
        })
    }

    /// The engine tells that something happened to a container.
    pub fn happened(&self, action: &str, container: &str) {
        let event = EngineEvent {
            object: "container".into(),
            action: action.into(),
            id: format!("id-{container}"),
            name: container.into(),
            time: None,
        };
        let mut listeners = self.listeners.lock().unwrap();
        listeners.retain(|listener| listener.send(event.clone()).is_ok());
    }

    pub fn object(&self, key: &str) -> Option<Value> {
        self.lock().objects.get(key).cloned()
    }

    pub fn set_state(&self, container: &str, state: ContainerState) {
        self.lock().containers.get_mut(container).unwrap().state = state;
    }

    /// Does one call, or what is wrong with it.
    fn call<'a, T: Send + 'a>(
        &'a self,
        what: String,
        work: impl FnOnce(&mut Things) -> Result<T, Error> + Send + 'a,
    ) -> Answer<'a, T> {
        async move {
            let fault = {
                let mut script = self.script();
                if script
                    .always
                    .iter()
                    .any(|words| what.contains(words.as_str()))
                {
                    return Err(Error::new(ErrorKind::Failed, what, "it is always refused"));
                }
                let now = script.calls;
                script.calls += 1;
                match script.fault {
                    Some((at, fault)) if at == now => {
                        script.struck = Some(what.clone());
                        Some(fault)
                    }
                    _ => None,
                }
            };
            let lost = |what| Error::new(ErrorKind::Unreachable, what, "the answer is lost");
            match fault {
                None => work(&mut self.lock()),
                Some(Fault::Refused) => Err(Error::new(ErrorKind::Failed, what, "refused")),
                Some(Fault::AnswerLost) => {
                    let _ = work(&mut self.lock());
                    Err(lost(what))
                }
                Some(Fault::Hangs) => pending().await,
                Some(Fault::HappensAndHangs) => {
                    let _ = work(&mut self.lock());
                    pending().await
                }
                Some(Fault::Cancelled) => {
                    self.cancel.cancel();
                    tokio::task::yield_now().await;
                    work(&mut self.lock())
                }
                Some(Fault::KilledBefore) => {
                    self.killed.notify_one();
                    pending().await
                }
                Some(Fault::KilledAfter) => {
                    let _ = work(&mut self.lock());
                    self.killed.notify_one();
                    pending().await
                }
            }
        }
        .boxed()
    }

    fn boot(&self, things: &mut Things, name: &str) {
        let role = role(&things.containers[name]);
        if !matches!(role.as_str(), "server" | "agent") {
            return;
        }
        if self.script().lines.contains_key(name) {
            return;
        }
        let objects = &mut things.objects;
        let ready = json!([{ "type": "Ready", "status": "True" }]);
        objects.insert(
            format!("nodes//{name}"),
            json!({ "metadata": { "name": name }, "status": { "conditions": ready } }),
        );
        objects.insert(
            format!("secrets/kube-system/{name}.node-password.k3s"),
            json!({ "metadata": {} }),
        );
        objects
            .entry("serviceaccounts/default/default".to_owned())
            .or_insert_with(|| json!({ "metadata": { "name": "default" } }));
        objects
            .entry("configmaps/kube-system/coredns".to_owned())
            .or_insert_with(
                || json!({ "data": { "Corefile": "import /etc/coredns/custom/*.server", "NodeHosts": "" } }),
            );
    }
}

fn role(held: &Held) -> String {
    held.spec.labels["k3d.role"].clone()
}

fn not_found(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, what, "there is none")
}

fn conflict(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::Conflict, what, why)
}

/// The names in a list that another one lacks.
pub fn difference(before: &Things, after: &Things) -> String {
    let names = |things: &Things| things.names().into_iter().collect::<BTreeSet<_>>();
    let (before, after) = (names(before), names(after));
    format!(
        "new: {:?}, gone: {:?}",
        after.difference(&before).collect::<Vec<_>>(),
        before.difference(&after).collect::<Vec<_>>()
    )
}
