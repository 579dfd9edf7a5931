//! The world as a Kubernetes API.

use std::{sync::Arc, time::Duration};

use futures::stream::BoxStream;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    State, World,
    cluster::{TOKEN, field},
    forward, logs,
    made::Made,
    not_found, watch,
};
use crate::{
    backend::{
        Answer, Error, ErrorKind, KubeApi, KubeConnect, KubeTarget, PodConnection, WatchItem,
    },
    domain::{
        LogLine, ObjectKey,
        container::{LogRequest, Usage},
        kube::ApiHealth,
    },
    resources::{KindSpec, Scope, pods},
};

/// How long the API takes for an answer.
const LATENCY: Duration = Duration::from_millis(3);

/// The API of one cluster of the world.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) world: World,
    pub(super) cluster: String,
}

impl KubeConnect for World {
    fn connect<'a>(&'a self, target: &'a KubeTarget) -> Answer<'a, Arc<dyn KubeApi>> {
        Box::pin(async move {
            let cluster = match target {
                KubeTarget::Context { name, .. } => {
                    name.strip_prefix("k3d-").unwrap_or(name).to_owned()
                }
                KubeTarget::Admin { admin, .. } => admin
                    .token
                    .as_ref()
                    .and_then(|token| token.reveal().strip_prefix(TOKEN))
                    .unwrap_or_default()
                    .to_owned(),
            };
            Ok(Arc::new(Api {
                world: self.clone(),
                cluster,
            }) as Arc<dyn KubeApi>)
        })
    }
}

impl Api {
    /// Does one call, if the API answers.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        what: String,
        work: impl FnOnce(&mut State, Instant) -> Result<T, Error> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            tokio::time::sleep(LATENCY).await;
            self.world
                .call(what, move |state| {
                    let begun = state.api(&self.cluster, Instant::now())?;
                    work(state, begun)
                })
                .await
        })
    }

    /// The objects of a kind now.
    pub(super) fn objects(&self, kind: &KindSpec) -> Result<Vec<Value>, Error> {
        let mut state = self.world.lock();
        let begun = state.api(&self.cluster, Instant::now())?;
        Ok(state.objects(&self.cluster, kind.plural, begun, self.world.0.clock))
    }

    /// What is wrong with something that goes on without a call.
    pub(super) fn strike(&self, what: &str) -> Option<super::Fault> {
        self.world.faults().strike(what)
    }

    /// Whether the pod runs, behind an API that answers.
    pub(super) fn has_pod(&self, key: &ObjectKey) -> bool {
        self.objects(&pods::KIND).is_ok_and(|all| {
            all.iter().any(|pod| {
                field(pod, "name") == *key.name
                    && field(pod, "namespace") == *key.namespace
                    && runs(pod)
            })
        })
    }

    fn find(
        &self,
        state: &mut State,
        kind: &KindSpec,
        key: &ObjectKey,
        begun: Instant,
    ) -> Result<Value, Error> {
        let all = state.objects(&self.cluster, kind.plural, begun, self.world.0.clock);
        all.into_iter()
            .find(|object| {
                field(object, "name") == *key.name && field(object, "namespace") == *key.namespace
            })
            .ok_or_else(|| not_found(&format!("read {}", kind.plural), &key.to_string()))
    }
}

impl KubeApi for Api {
    fn health(&self) -> Answer<'_, ApiHealth> {
        self.ask("health".to_owned(), |_, _| {
            Ok(ApiHealth {
                latency: LATENCY,
                version: "v1.34.2+k3s1".to_owned(),
            })
        })
    }

    fn watch(&self, kind: &'static KindSpec, scope: &Scope) -> BoxStream<'static, WatchItem> {
        watch::stream(self.clone(), kind, scope.clone())
    }

    fn get<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, Value> {
        self.ask(format!("get {} {key}", kind.plural), move |state, begun| {
            self.find(state, kind, key, begun)
        })
    }

    fn list<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        field_selector: &'a str,
    ) -> Answer<'a, Vec<Value>> {
        self.ask(format!("list {}", kind.plural), move |state, begun| {
            let mut all = state.objects(&self.cluster, kind.plural, begun, self.world.0.clock);
            all.retain(|object| namespace.is_empty() || field(object, "namespace") == namespace);
            if let Some((path, value)) = field_selector.split_once('=') {
                let pointer = format!("/{}", path.replace('.', "/"));
                all.retain(|object| {
                    object.pointer(&pointer).and_then(Value::as_str) == Some(value)
                });
            }
            Ok(all)
        })
    }

    fn create<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        object: &'a Value,
    ) -> Answer<'a, ()> {
        self.ask(format!("create {}", kind.plural), move |state, begun| {
            let key = ObjectKey::new(namespace, field(object, "name"));
            if self.find(state, kind, &key, begun).is_ok() {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("create {}", kind.plural),
                    format!("{key} already exists"),
                ));
            }
            let Some(cluster) = state.clusters.get_mut(&self.cluster) else {
                return Ok(());
            };
            if kind.plural == "pods" {
                cluster.made.insert(key, Made::new(object, namespace));
                return Ok(());
            }
            let mut object = object.clone();
            let name = field(&object, "name");
            if !namespace.is_empty() {
                object["metadata"]["namespace"] = namespace.into();
            }
            let place = (kind.plural.to_owned(), namespace.to_owned(), name);
            cluster.objects.insert(place, object);
            Ok(())
        })
    }

    fn patch<'a>(
        &'a self,
        kind: &'static KindSpec,
        key: &'a ObjectKey,
        patch: &'a Value,
    ) -> Answer<'a, ()> {
        self.ask(
            format!("patch {} {key}", kind.plural),
            move |state, begun| {
                let object = self.find(state, kind, key, begun)?;
                state.patch(&self.cluster, kind.plural, &object, patch);
                Ok(())
            },
        )
    }

    fn delete<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, ()> {
        self.ask(
            format!("delete {} {key}", kind.plural),
            move |state, begun| {
                self.find(state, kind, key, begun)?;
                state.delete(&self.cluster, kind.plural, &key.namespace, &key.name);
                Ok(())
            },
        )
    }

    fn evict<'a>(&'a self, pod: &'a ObjectKey) -> Answer<'a, ()> {
        self.delete(&pods::KIND, pod)
    }

    fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        logs::stream(self.clone(), pod, container, request)
    }

    fn forward<'a>(&'a self, pod: &'a ObjectKey, port: u16) -> Answer<'a, PodConnection> {
        let what = format!("forward {pod} {port}");
        self.ask(what.clone(), move |state, begun| {
            let object = self.find(state, &pods::KIND, pod, begun)?;
            if !runs(&object) {
                let why = "the pod does not run";
                return Err(Error::new(ErrorKind::Failed, what, why));
            }
            Ok(forward::connect(self.clone(), pod.clone(), port))
        })
    }

    fn pod_usage<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Vec<(ObjectKey, Usage)>> {
        self.ask("pod usage".to_owned(), move |state, begun| {
            let seconds = begun.elapsed().as_secs();
            let all = state.objects(&self.cluster, "pods", begun, self.world.0.clock);
            let Some(cluster) = state.clusters.get(&self.cluster) else {
                return Ok(Vec::new());
            };
            let keys = all
                .iter()
                .filter(|pod| pod["status"]["podIP"] != "")
                .map(|pod| ObjectKey::new(field(pod, "namespace"), field(pod, "name")));
            let wanted = keys.filter(|key| {
                scope.namespaces.is_empty()
                    || scope.namespaces.iter().any(|name| **name == *key.namespace)
            });
            let used = wanted.filter_map(|key| {
                let owner = cluster
                    .workloads
                    .iter()
                    .find(|workload| workload.owns(&key.namespace, &key.name))?;
                let usage = owner.usage(seconds);
                Some((key, usage))
            });
            Ok(used.collect())
        })
    }
}

/// Whether a pod runs, so that something may listen in it.
fn runs(pod: &Value) -> bool {
    pod["status"]["phase"] == "Running" && pod["status"]["podIP"] != ""
}
