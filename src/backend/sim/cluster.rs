//! What a simulated cluster's Kubernetes API says: a function of its containers, of the time, and of what was changed
//! through the API.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{State, behaviour, clock::Clock, made::Made, pods::Workload, stage::Staged};
use crate::{
    backend::{Error, ErrorKind},
    domain::ObjectKey,
};

/// The Kubernetes side of a cluster.
#[derive(Default)]
pub(super) struct Cluster {
    /// Objects that were made, by kind, namespace and name.
    pub(super) objects: BTreeMap<(String, String, String), Value>,
    /// What runs in it.
    pub(super) workloads: Vec<Workload>,
    /// What a test runs in it.
    pub(super) staged: BTreeMap<ObjectKey, Staged>,
    /// Pods that were made through the API.
    pub(super) made: BTreeMap<ObjectKey, Made>,
    /// Names of nodes that have registered and were not deleted since.
    nodes: BTreeSet<String>,
    /// What was changed of nodes.
    patches: BTreeMap<String, Value>,
    /// For a remote one, how many nodes it has and since when it runs; it has no containers here.
    pub(super) remote: Option<(u32, Instant)>,
}

impl Cluster {
    /// One that runs this; a remote one has no containers here, but so many nodes.
    pub(super) fn new(workloads: Vec<Workload>, remote: Option<u32>) -> Self {
        let now = Instant::now();
        let since = now.checked_sub(Duration::from_secs(3_600)).unwrap_or(now);
        Self {
            workloads,
            remote: remote.map(|nodes| (nodes, since)),
            ..Self::default()
        }
    }
}

/// A container of a cluster was started: its node may register.
pub(super) fn begin(state: &mut State, container: &str) {
    let Some(held) = state.containers.get(container) else {
        return;
    };
    let name = held.label("k3d.cluster").to_owned();
    if !name.is_empty() && matches!(held.label("k3d.role"), "server" | "agent") {
        state
            .clusters
            .entry(name)
            .or_insert_with(|| Cluster::new(Workload::system(0), None));
    }
}

/// Clusters without a server have lost their data.
pub(super) fn forget_empty(state: &mut State) {
    let alive: BTreeSet<String> = state
        .containers
        .values()
        .filter(|held| held.label("k3d.role") == "server")
        .map(|held| held.label("k3d.cluster").to_owned())
        .collect();
    state
        .clusters
        .retain(|name, cluster| cluster.remote.is_some() || alive.contains(name));
}

/// The kubeconfig that a server of the cluster writes. The name of the cluster is all that a client needs.
pub(super) fn kubeconfig(cluster: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    server: https://127.0.0.1:6443\n\
         users:\n- name: default\n  user:\n    token: {TOKEN}{cluster}\ncontexts:\n- name: default\n  context:\n    \
         cluster: default\n    user: default\ncurrent-context: default\n"
    )
}

/// The beginning of the token in [`kubeconfig`], after which the cluster's name stands.
pub(super) const TOKEN: &str = "simulated-";

impl State {
    /// A pod of a cluster that was made through its API.
    pub(super) fn made(&self, cluster: &str, key: &ObjectKey) -> Option<&Made> {
        self.clusters.get(cluster)?.made.get(key)
    }

    /// When the API of a cluster began to answer.
    ///
    /// # Errors
    /// When it does not answer now.
    pub(super) fn api(&self, name: &str, now: Instant) -> Result<Instant, Error> {
        let refused = || {
            Error::new(
                ErrorKind::Unreachable,
                format!("ask the API of {name}"),
                "Connection refused",
            )
        };
        let cluster = self.clusters.get(name).ok_or_else(refused)?;
        if let Some((_, since)) = cluster.remote {
            return Ok(since);
        }
        let of = |role: &'static str| {
            let own = self
                .containers
                .values()
                .filter(move |held| held.label("k3d.role") == role);
            own.filter(|held| held.label("k3d.cluster") == name)
        };
        let up = |held: &super::Held, after: Duration| {
            held.started
                .filter(|_| held.is_running(now))
                .map(|started| started + after)
                .filter(|up| *up <= now)
        };
        let servers = of("server").count();
        let mut ready: Vec<Instant> = of("server")
            .filter_map(|held| up(held, behaviour::API_UP))
            .collect();
        ready.sort();
        // The servers of etcd need a majority of themselves.
        let begun = *ready.get(servers / 2).ok_or_else(refused)?;
        if of("loadbalancer").next().is_some() {
            of("loadbalancer")
                .find_map(|held| up(held, behaviour::PROXY_UP))
                .ok_or_else(refused)?;
        }
        Ok(begun)
    }

    /// The objects of a kind in a cluster whose API began to answer at `begun`.
    pub(super) fn objects(
        &mut self,
        name: &str,
        plural: &str,
        begun: Instant,
        clock: Clock,
    ) -> Vec<Value> {
        let now = Instant::now();
        match plural {
            "nodes" => self.nodes(name, begun, now, clock),
            "pods" => {
                let nodes = self.nodes(name, begun, now, clock);
                let names = |closed: bool| -> Vec<String> {
                    nodes
                        .iter()
                        .filter(|node| closed || node["spec"]["unschedulable"] != true)
                        .filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned))
                        .collect()
                };
                let (nodes, open) = (names(true), names(false));
                let Some(cluster) = self.clusters.get(name) else {
                    return Vec::new();
                };
                cluster
                    .workloads
                    .iter()
                    .flat_map(|workload| workload.pods((&nodes, &open), begun, clock))
                    .chain(cluster.staged.values().map(|staged| staged.shown.clone()))
                    .chain(cluster.made.values().map(|made| {
                        let node = open.first().map_or("", String::as_str);
                        made.shown(node, clock)
                    }))
                    .collect()
            }
            "serviceaccounts"
                if now < begun + behaviour::ACCOUNT.saturating_sub(behaviour::API_UP) =>
            {
                Vec::new()
            }
            _ => {
                let Some(cluster) = self.clusters.get(name) else {
                    return Vec::new();
                };
                let mut all: Vec<Value> = cluster
                    .objects
                    .iter()
                    .filter(|((kind, ..), _)| kind == plural)
                    .map(|(_, object)| object.clone())
                    .chain(
                        cluster
                            .workloads
                            .iter()
                            .filter_map(|workload| workload.object(plural)),
                    )
                    .collect();
                all.extend(packaged(plural).filter(|object| {
                    let key = (
                        plural.to_owned(),
                        field(object, "namespace"),
                        field(object, "name"),
                    );
                    !cluster.objects.contains_key(&key)
                }));
                all
            }
        }
    }

    fn nodes(&mut self, name: &str, begun: Instant, now: Instant, clock: Clock) -> Vec<Value> {
        let mut found: BTreeMap<String, (bool, &str, Option<Value>)> = BTreeMap::new();
        let mut registered = Vec::new();
        for held in self
            .containers
            .values()
            .filter(|held| held.label("k3d.cluster") == name)
        {
            let role = held.label("k3d.role");
            let Some(started) = held.started.filter(|_| matches!(role, "server" | "agent")) else {
                continue;
            };
            // An agent waits for its server.
            let base = if role == "agent" {
                started.max(begun)
            } else {
                started
            };
            let delay = if role == "agent" {
                behaviour::API_UP
            } else {
                Duration::ZERO
            };
            let running = held.is_running(now);
            if running && now >= base + (behaviour::REGISTERED.saturating_sub(delay)) {
                registered.push(held.spec.name.clone());
            }
            let ready = running && now >= base + (behaviour::READY.saturating_sub(delay));
            let address = held.spec.address.map(|address| json!(address.to_string()));
            found.insert(
                held.spec.name.clone(),
                (
                    ready,
                    if role == "server" {
                        "control-plane"
                    } else {
                        ""
                    },
                    address,
                ),
            );
        }
        let Some(cluster) = self.clusters.get_mut(name) else {
            return Vec::new();
        };
        for number in 0..cluster.remote.map_or(0, |(nodes, _)| nodes) {
            let node = format!("{name}-node-{number}");
            found.insert(node.clone(), (true, "", None));
            registered.push(node);
        }
        for node in registered {
            let password = (
                "secrets".to_owned(),
                "kube-system".to_owned(),
                format!("{node}.node-password.k3s"),
            );
            let meta = json!({ "metadata": { "namespace": "kube-system", "name": password.2 } });
            cluster.objects.entry(password).or_insert(meta);
            cluster.nodes.insert(node);
        }
        cluster
            .nodes
            .iter()
            .map(|node| {
                let (ready, role, address) = found.get(node).cloned().unwrap_or((false, "", None));
                let mut object = json!({
                    "metadata": {
                        "name": node,
                        "creationTimestamp": clock.at(begun).to_string(),
                        "labels": if role.is_empty() { json!({}) } else { json!({ format!("node-role.kubernetes.io/{role}"): "" }) },
                    },
                    "spec": {},
                    "status": {
                        "conditions": [{
                            "type": "Ready",
                            "status": if ready { "True" } else { "Unknown" },
                            "message": if ready { "" } else { "Kubelet stopped posting node status." },
                        }],
                        "addresses": address.map(|address| json!([{ "type": "InternalIP", "address": address }])).unwrap_or(json!([])),
                        "nodeInfo": { "kubeletVersion": "v1.34.2+k3s1" },
                    },
                });
                if let Some(patch) = cluster.patches.get(node) {
                    merge(&mut object, patch);
                }
                object
            })
            .collect()
    }

    /// Changes an object by a merge patch; `false` where there is none.
    pub(super) fn patch(&mut self, name: &str, kind: &str, object: &Value, patch: &Value) -> bool {
        let Some(cluster) = self.clusters.get_mut(name) else {
            return false;
        };
        if kind == "nodes" {
            merge(
                cluster
                    .patches
                    .entry(field(object, "name"))
                    .or_insert(json!({})),
                patch,
            );
            return true;
        }
        let (namespace, name) = (field(object, "namespace"), field(object, "name"));
        let pod = ObjectKey::new(&*namespace, &*name);
        if let Some(made) = cluster.made.get_mut(&pod).filter(|_| kind == "pods") {
            made.patch(patch);
            return true;
        }
        let key = (kind.to_owned(), namespace, name);
        merge(
            cluster.objects.entry(key).or_insert_with(|| object.clone()),
            patch,
        );
        true
    }

    /// Deletes an object; `false` where there is none.
    pub(super) fn delete(&mut self, name: &str, kind: &str, namespace: &str, object: &str) -> bool {
        let Some(cluster) = self.clusters.get_mut(name) else {
            return false;
        };
        match kind {
            "nodes" => {
                cluster.patches.remove(object);
                cluster.nodes.remove(object)
            }
            "pods" => {
                let key = ObjectKey::new(namespace, object);
                cluster.made.remove(&key).is_some()
                    || cluster
                        .workloads
                        .iter_mut()
                        .any(|workload| workload.replace(namespace, object))
                    || cluster.staged.remove(&key).is_some()
            }
            _ => cluster
                .objects
                .remove(&(kind.to_owned(), namespace.to_owned(), object.to_owned()))
                .is_some(),
        }
    }
}

/// What k3s itself puts into every cluster, as far as the product asks for it.
fn packaged(plural: &str) -> impl Iterator<Item = Value> + use<> {
    let object = match plural {
        "serviceaccounts" => {
            Some(json!({ "metadata": { "namespace": "default", "name": "default" } }))
        }
        "configmaps" => Some(json!({
            "metadata": { "namespace": "kube-system", "name": "coredns" },
            "data": { "Corefile": "import /etc/coredns/custom/*.server", "NodeHosts": "" },
        })),
        _ => None,
    };
    object.into_iter()
}

pub(super) fn field(object: &Value, name: &str) -> String {
    object["metadata"][name]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A JSON merge patch (RFC 7386).
pub(super) fn merge(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            if let Some(object) = object.as_object_mut() {
                object.remove(key);
            }
        } else {
            merge(&mut object[key], value);
        }
    }
}
