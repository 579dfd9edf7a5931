//! Whole objects: read, made, changed and removed one at a time, as operations need them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    Api, errors,
    request::{Ask, collection, object},
    usage::PodMetrics,
};
use crate::{
    backend::{Error, ErrorKind},
    domain::{ObjectKey, container::Usage, kube::ApiHealth, log::sanitize},
    resources::{KindSpec, Scope, pods},
};

/// A question about the server's health is small; later than this it is not healthy.
const HEALTH: Duration = Duration::from_secs(5);
const HEALTHY: &str = "ask the API server for its health";

/// The version endpoint's answer, as far as it is shown.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    git_version: String,
}

/// A list of objects in full.
#[derive(Deserialize)]
struct Objects<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

impl Api {
    /// The time that one request takes, and the version. Readiness is asked for where the server lets everybody ask.
    pub(super) async fn ask_health(&self) -> Result<ApiHealth, Error> {
        let begin = Instant::now();
        let answer = timeout(HEALTH, self.wire.bytes(HEALTHY, Ask::get("/readyz"))).await;
        let latency = begin.elapsed();
        match answer.unwrap_or_else(|_| Err(errors::too_late(HEALTHY, HEALTH))) {
            Ok(_) => {}
            // Credentials that are not accepted are no more use for the version either.
            Err(error) if error.why.starts_with(errors::NOT_ACCEPTED) => {
                self.remember(None);
                return Err(error);
            }
            // Not everybody may ask, and not every server knows the question; the version says enough then.
            Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {}
            Err(error) => {
                self.remember(None);
                return Err(error);
            }
        }
        let known = self.version.lock().ok().and_then(|known| known.clone());
        if let Some(version) = known {
            return Ok(ApiHealth { latency, version });
        }
        let version: Version = self.wire.json(HEALTHY, Ask::get("/version")).await?;
        let version = sanitize(version.git_version.as_bytes());
        self.remember(Some(version.clone()));
        Ok(ApiHealth { latency, version })
    }

    fn remember(&self, version: Option<String>) {
        if let Ok(mut known) = self.version.lock() {
            *known = version;
        }
    }

    pub(super) async fn get_object(
        &self,
        kind: &KindSpec,
        key: &ObjectKey,
    ) -> Result<Value, Error> {
        let what = format!("read {} {key}", kind.plural);
        self.wire.json(&what, Ask::get(object(kind, key))).await
    }

    pub(super) async fn list_objects(
        &self,
        kind: &KindSpec,
        namespace: &str,
        field_selector: &str,
    ) -> Result<Vec<Value>, Error> {
        let what = format!("list {}", kind.plural);
        let ask = Ask::get(collection(kind, namespace)).with("fieldSelector", field_selector);
        Ok(self.wire.json::<Objects<Value>>(&what, ask).await?.items)
    }

    pub(super) async fn create_object(
        &self,
        kind: &KindSpec,
        namespace: &str,
        new: &Value,
    ) -> Result<(), Error> {
        let name = new.pointer("/metadata/name").and_then(Value::as_str);
        let key = ObjectKey::new(namespace, name.unwrap_or_default());
        let what = format!("create {} {key}", kind.plural);
        let ask = Ask::send(Method::POST, collection(kind, namespace), body(new));
        self.wire.bytes(&what, ask).await.map(drop)
    }

    pub(super) async fn patch_object(
        &self,
        kind: &KindSpec,
        key: &ObjectKey,
        patch: &Value,
    ) -> Result<(), Error> {
        let what = format!("change {} {key}", kind.plural);
        let ask = Ask::send(Method::PATCH, object(kind, key), body(patch))
            .containing("application/merge-patch+json");
        self.wire.bytes(&what, ask).await.map(drop)
    }

    pub(super) async fn delete_object(
        &self,
        kind: &KindSpec,
        key: &ObjectKey,
    ) -> Result<(), Error> {
        let what = format!("delete {} {key}", kind.plural);
        let ask = Ask::send(Method::DELETE, object(kind, key), Vec::new());
        self.wire.bytes(&what, ask).await.map(drop)
    }

    /// The Eviction is written here because kube's own has its options in a form that servers ignore.
    pub(super) async fn evict_pod(&self, pod: &ObjectKey) -> Result<(), Error> {
        let eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": &*pod.name, "namespace": &*pod.namespace},
        });
        let path = format!("{}/eviction", object(&pods::KIND, pod));
        let what = format!("evict pod {pod}");
        let ask = Ask::send(Method::POST, path, body(&eviction));
        self.wire.bytes(&what, ask).await.map(drop)
    }

    async fn list_usage(&self, namespace: &str) -> Result<Objects<PodMetrics>, Error> {
        let ask = Ask::get(collection(&METRICS, namespace));
        self.wire.json("ask for the use of pods", ask).await
    }

    /// What the metrics API says; a cluster without one answers that there is none.
    pub(super) async fn usage_of_pods(
        &self,
        scope: &Scope,
    ) -> Result<Vec<(ObjectKey, Usage)>, Error> {
        let all_of_them = [String::new()];
        let namespaces = match scope.namespaces.as_slice() {
            [] => &all_of_them,
            named => named,
        };
        let mut all = Vec::new();
        for namespace in namespaces {
            let asked = match self.list_usage(namespace).await {
                // Who may not see all sees what they work in.
                Err(error) if error.kind == ErrorKind::Forbidden && namespace.is_empty() => {
                    self.list_usage(&self.home).await
                }
                asked => asked,
            };
            let list = asked?;
            // Pods of one namespace stand together or not; either way they share its name.
            let mut namespace: Arc<str> = "".into();
            for pod in list.items {
                if *namespace != *pod.metadata.namespace {
                    namespace = pod.metadata.namespace.as_str().into();
                }
                let usage = pod.usage();
                all.push((ObjectKey::new(namespace.clone(), pod.metadata.name), usage));
            }
        }
        Ok(all)
    }
}

/// Where the metrics API keeps its pods; they are numbers, not rows.
static METRICS: KindSpec = KindSpec {
    plural: "pods",
    group: "metrics.k8s.io",
    version: "v1beta1",
    ..pods::KIND
};

fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
