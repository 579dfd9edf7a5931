//! A world as small as the executor needs it, in which the n-th call can be made to go wrong in every way. Unlike the
//! product's own simulated world it knows no time of its own, so that a test decides about every single call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use coracle::{
    backend::{
        Answer, Backends, ContainerRuntime, Error, ErrorKind, KubeApi, KubeConnect, KubeTarget,
        WatchItem,
    },
    domain::{
        LogLine, ObjectKey, Subnet,
        container::{
            Attachment, ContainerDetail, ContainerInfo, ContainerSpec, ContainerState, EngineEvent,
            EngineInfo, ExecOutput, FileEntry, LogRequest, NetworkInfo, NetworkSpec, PullProgress,
            Usage, VolumeSpec,
        },
        kube::ApiHealth,
    },
    ops::Cancel,
    resources::{KindSpec, Row, Scope},
};
use futures::{FutureExt, StreamExt, future::pending, stream, stream::BoxStream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

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
    files: BTreeMap<String, Vec<u8>>,
}

/// What is in the world, comparable as a whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Things {
    containers: BTreeMap<String, Held>,
    networks: BTreeMap<String, (Subnet, BTreeMap<String, String>)>,
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
    always: Option<String>,
    lines: BTreeMap<String, Vec<String>>,
    pods: Vec<Value>,
}

/// The world. Clones are the same one.
#[derive(Clone, Default)]
pub struct Fake {
    things: Arc<Mutex<Things>>,
    script: Arc<Mutex<Script>>,
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

    /// The call that went wrong, if it came to that; no further one does.
    pub fn struck(&self) -> Option<String> {
        let mut script = self.script();
        script.fault = None;
        script.struck.take()
    }

    /// Calls whose description contains `words` are refused, for ever.
    pub fn refuse_always(&self, words: &str) {
        self.script().always = Some(words.to_owned());
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
                    .as_ref()
                    .is_some_and(|words| what.contains(words))
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
            .or_insert_with(|| json!({}));
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

fn info(held: &Held) -> ContainerInfo {
    let running = held.state == ContainerState::Running;
    ContainerInfo {
        id: format!("id-{}", held.spec.name),
        name: held.spec.name.clone(),
        image: held.spec.image.clone(),
        labels: held.spec.labels.clone(),
        state: held.state,
        status: held.state.word().to_owned(),
        created: Timestamp::UNIX_EPOCH,
        attachments: vec![Attachment {
            network: held.spec.network.clone(),
            address: held.spec.address.filter(|_| running),
            fixed: held.spec.address,
        }],
        ports: held.spec.ports.clone(),
    }
}

impl ContainerRuntime for Fake {
    fn info(&self) -> Answer<'_, EngineInfo> {
        self.call("info".into(), |_| {
            Ok(EngineInfo {
                cgroup_version: 2,
                ..EngineInfo::default()
            })
        })
    }

    fn containers<'a>(&'a self, _: &'a [&'a str]) -> Answer<'a, Vec<ContainerInfo>> {
        self.call("list containers".into(), |things| {
            Ok(things.containers.values().map(info).collect())
        })
    }

    fn inspect<'a>(&'a self, container: &'a str) -> Answer<'a, ContainerDetail> {
        self.call(format!("inspect {container}"), move |things| {
            let held = things
                .containers
                .get(container)
                .ok_or_else(|| not_found(container))?;
            Ok(ContainerDetail {
                info: info(held),
                entrypoint: held.spec.entrypoint.clone(),
                command: held.spec.command.clone(),
                env: held.spec.env.clone(),
                binds: held.spec.binds.clone(),
                extra_hosts: held.spec.extra_hosts.clone(),
                configured_ports: held.spec.ports.clone(),
                image_id: "sha256:1".into(),
                started: held.started,
                exit_code: (held.state == ContainerState::Exited).then_some(1),
                oom_killed: false,
                restarts: 0,
            })
        })
    }

    fn networks(&self) -> Answer<'_, Vec<NetworkInfo>> {
        self.call("list networks".into(), |things| {
            Ok(things
                .networks
                .iter()
                .map(|(name, (subnet, labels))| NetworkInfo {
                    id: format!("id-{name}"),
                    name: name.clone(),
                    labels: labels.clone(),
                    subnets: vec![*subnet],
                    gateway: subnet.host(1).map(Into::into),
                })
                .collect())
        })
    }

    fn volumes<'a>(&'a self, _: &'a [&'a str]) -> Answer<'a, Vec<VolumeSpec>> {
        self.call("list volumes".into(), |things| {
            Ok(things
                .volumes
                .iter()
                .map(|(name, labels)| VolumeSpec {
                    name: name.clone(),
                    labels: labels.clone(),
                })
                .collect())
        })
    }

    fn has_image<'a>(&'a self, image: &'a str) -> Answer<'a, bool> {
        self.call(format!("look for {image}"), |_| Ok(true))
    }

    fn pull(&self, _: &str) -> BoxStream<'static, Result<PullProgress, Error>> {
        stream::empty().boxed()
    }

    fn create_network<'a>(&'a self, spec: &'a NetworkSpec) -> Answer<'a, String> {
        self.call(format!("create network {}", spec.name), move |things| {
            let overlaps = things
                .networks
                .values()
                .any(|(subnet, _)| subnet.overlaps(spec.subnet));
            if things.networks.contains_key(&spec.name) || overlaps {
                return Err(conflict(
                    "create network",
                    "Pool overlaps with other one on this address space",
                ));
            }
            things
                .networks
                .insert(spec.name.clone(), (spec.subnet, spec.labels.clone()));
            Ok(String::new())
        })
    }

    fn create_volume<'a>(&'a self, spec: &'a VolumeSpec) -> Answer<'a, ()> {
        self.call(format!("create volume {}", spec.name), move |things| {
            things
                .volumes
                .entry(spec.name.clone())
                .or_insert_with(|| spec.labels.clone());
            Ok(())
        })
    }

    fn create_container<'a>(&'a self, spec: &'a ContainerSpec) -> Answer<'a, String> {
        self.call(format!("create container {}", spec.name), move |things| {
            if things.containers.contains_key(&spec.name) {
                return Err(conflict("create container", "the name is taken"));
            }
            things.containers.insert(
                spec.name.clone(),
                Held {
                    spec: spec.clone(),
                    state: ContainerState::Created,
                    started: None,
                    files: BTreeMap::new(),
                },
            );
            Ok(String::new())
        })
    }

    fn start<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        self.call(format!("start {container}"), move |things| {
            let held = things
                .containers
                .get_mut(container)
                .ok_or_else(|| not_found(container))?;
            held.state = ContainerState::Running;
            let before = held.started.unwrap_or(Timestamp::UNIX_EPOCH);
            held.started = Some(before + Duration::from_secs(100));
            self.boot(things, container);
            Ok(())
        })
    }

    fn stop<'a>(&'a self, container: &'a str, _: Duration) -> Answer<'a, ()> {
        self.call(format!("stop {container}"), move |things| {
            let held = things
                .containers
                .get_mut(container)
                .ok_or_else(|| not_found(container))?;
            held.state = ContainerState::Exited;
            Ok(())
        })
    }

    fn remove_container<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove container {container}"), move |things| {
            things
                .containers
                .remove(container)
                .ok_or_else(|| not_found(container))?;
            if !things
                .containers
                .values()
                .any(|held| role(held) == "server")
            {
                things.objects.clear();
            }
            Ok(())
        })
    }

    fn remove_network<'a>(&'a self, network: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove network {network}"), move |things| {
            if things
                .containers
                .values()
                .any(|held| held.spec.network == network)
            {
                return Err(conflict("remove network", "it has active endpoints"));
            }
            things
                .networks
                .remove(network)
                .map(drop)
                .ok_or_else(|| not_found(network))
        })
    }

    fn disconnect<'a>(&'a self, network: &'a str, _: &'a str) -> Answer<'a, ()> {
        self.call(format!("disconnect {network}"), |_| Ok(()))
    }

    fn remove_volume<'a>(&'a self, volume: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove volume {volume}"), move |things| {
            let bind = format!("{volume}:");
            if things
                .containers
                .values()
                .any(|held| held.spec.binds.iter().any(|b| b.starts_with(&bind)))
            {
                return Err(conflict("remove volume", "it is in use"));
            }
            things
                .volumes
                .remove(volume)
                .map(drop)
                .ok_or_else(|| not_found(volume))
        })
    }

    fn put_files<'a>(&'a self, container: &'a str, files: &'a [FileEntry]) -> Answer<'a, ()> {
        self.call(format!("write in {container}"), move |things| {
            let held = things
                .containers
                .get_mut(container)
                .ok_or_else(|| not_found(container))?;
            for file in files {
                held.files.insert(file.path.clone(), file.contents.clone());
            }
            Ok(())
        })
    }

    fn read_file<'a>(&'a self, container: &'a str, path: &'a str) -> Answer<'a, Vec<u8>> {
        self.call(format!("read {path} in {container}"), move |things| {
            let held = things
                .containers
                .get(container)
                .ok_or_else(|| not_found(container))?;
            if path == "/output/kubeconfig.yaml" && held.started.is_some() {
                return Ok(b"clusters: [{name: default, cluster: {server: x}}]\nusers: [{name: default, user: {token: t}}]\n".to_vec());
            }
            held.files.get(path).cloned().ok_or_else(|| not_found(path))
        })
    }

    fn exec<'a>(
        &'a self,
        container: &'a str,
        _: &'a [&'a str],
        _: Duration,
    ) -> Answer<'a, ExecOutput> {
        self.call(format!("run in {container}"), |_| {
            Ok(ExecOutput {
                code: 0,
                output: Vec::new(),
            })
        })
    }

    fn logs(
        &self,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let Some(held) = self.lock().containers.get(container).cloned() else {
            return stream::iter([Err(not_found(container))]).boxed();
        };
        let said = self.script().lines.get(container).cloned();
        let lines = said.unwrap_or_else(|| {
            let up = match role(&held).as_str() {
                "server" => "msg=\"k3s is up and running\"",
                "agent" => "Successfully registered node",
                _ => "start worker processes",
            };
            vec!["booting".into(), up.into()]
        });
        let time = held.started;
        let lines = stream::iter(lines.into_iter().map(move |text| {
            Ok(LogLine {
                time,
                source: "".into(),
                text: text.into(),
            })
        }));
        if request.follow && held.state == ContainerState::Running {
            lines.chain(stream::pending()).boxed()
        } else {
            lines.boxed()
        }
    }

    fn events(&self) -> BoxStream<'static, Result<EngineEvent, Error>> {
        stream::pending().boxed()
    }

    fn usage(&self, _: &str) -> BoxStream<'static, Result<Usage, Error>> {
        stream::pending().boxed()
    }
}

impl KubeConnect for Fake {
    fn connect<'a>(&'a self, _: &'a KubeTarget) -> Answer<'a, Arc<dyn KubeApi>> {
        let api: Arc<dyn KubeApi> = Arc::new(self.clone());
        async move { Ok(api) }.boxed()
    }
}

fn path(kind: &KindSpec, key: &ObjectKey) -> String {
    format!("{}/{}/{}", kind.plural, key.namespace, key.name)
}

fn answers(things: &Things) -> Result<(), Error> {
    let up = things
        .containers
        .values()
        .any(|held| role(held) == "server" && held.state == ContainerState::Running);
    if up {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Unreachable, "ask the API", "refused"))
    }
}

impl KubeApi for Fake {
    fn health(&self) -> Answer<'_, ApiHealth> {
        self.call("ask /readyz".into(), |things| {
            answers(things)?;
            Ok(ApiHealth {
                latency: Duration::ZERO,
                version: "v1".into(),
            })
        })
    }

    fn watch(&self, _: &'static KindSpec, _: &Scope) -> BoxStream<'static, WatchItem> {
        let page = WatchItem::Page {
            rows: Vec::<Row>::new(),
            first: true,
        };
        stream::iter([page, WatchItem::Live])
            .chain(stream::pending())
            .boxed()
    }

    fn get<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, Value> {
        self.call(format!("get {}", path(kind, key)), move |things| {
            answers(things)?;
            let path = path(kind, key);
            things
                .objects
                .get(&path)
                .cloned()
                .ok_or_else(|| not_found(&path))
        })
    }

    fn list<'a>(
        &'a self,
        kind: &'static KindSpec,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Vec<Value>> {
        self.call(format!("list {}", kind.plural), move |things| {
            answers(things)?;
            if kind.plural == "pods" {
                return Ok(self.script().pods.clone());
            }
            let prefix = format!("{}/", kind.plural);
            let objects = things.objects.iter();
            Ok(objects
                .filter(|(path, _)| path.starts_with(&prefix))
                .map(|(_, object)| object.clone())
                .collect())
        })
    }

    fn create<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        object: &'a Value,
    ) -> Answer<'a, ()> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = path(kind, &ObjectKey::new(namespace, name));
        self.call(format!("create {path}"), move |things| {
            answers(things)?;
            things.objects.insert(path, object.clone());
            Ok(())
        })
    }

    fn patch<'a>(
        &'a self,
        kind: &'static KindSpec,
        key: &'a ObjectKey,
        patch: &'a Value,
    ) -> Answer<'a, ()> {
        let place = path(kind, key);
        self.call(format!("patch {place}"), move |things| {
            answers(things)?;
            let object = things
                .objects
                .get_mut(&place)
                .ok_or_else(|| not_found(&place))?;
            merge(object, patch);
            Ok(())
        })
    }

    fn delete<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, ()> {
        let path = path(kind, key);
        self.call(format!("delete {path}"), move |things| {
            answers(things)?;
            things
                .objects
                .remove(&path)
                .map(drop)
                .ok_or_else(|| not_found(&path))
        })
    }

    fn evict<'a>(&'a self, pod: &'a ObjectKey) -> Answer<'a, ()> {
        self.call(format!("evict {pod}"), |_| Ok(()))
    }

    fn logs(
        &self,
        _: &ObjectKey,
        _: &str,
        _: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        stream::pending().boxed()
    }

    fn pod_usage<'a>(&'a self, _: &'a Scope) -> Answer<'a, Vec<(ObjectKey, Usage)>> {
        self.call("usage".into(), |_| Ok(Vec::new()))
    }
}

fn merge(object: &mut Value, patch: &Value) {
    match patch.as_object() {
        Some(fields) => {
            if !object.is_object() {
                *object = json!({});
            }
            for (key, value) in fields {
                merge(&mut object[key], value);
            }
        }
        None => *object = patch.clone(),
    }
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
