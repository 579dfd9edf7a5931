//! The real Kubernetes API, through kube's client.
//!
//! What is listed and watched comes as the server's own table, because ten thousand pods are 1.7 MB that way and 118 MB as
//! objects; see [`watch`]. The client neither retries by itself (it would hold an answer back for minutes) nor
//! limits how long a stream may be silent; both are decided here.

mod connect;
mod contexts;
mod errors;
mod logs;
mod path;
mod table;
mod usage;
mod watch;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::stream::BoxStream;
use http::Method;
use kube::Client;
use serde_json::Value;

pub use contexts::contexts;

use super::{Answer, Error, ErrorKind, KubeApi, KubeConnect, KubeTarget, WatchItem};
use crate::{
    domain::{
        LogLine, ObjectKey,
        container::{LogRequest, Usage},
        kube::ApiHealth,
    },
    resources::{KindSpec, Scope, pods},
};

/// A server that is asked something has this long to answer; a slow link and a busy server need seconds, and a dead one
/// is to be noticed while the person still looks.
const ANSWER: Duration = Duration::from_secs(10);
/// A question about the server's health is small; later than this it is not healthy.
const HEALTH: Duration = Duration::from_secs(5);

/// Opens clients of real clusters.
pub struct Connector;

impl KubeConnect for Connector {
    fn connect<'a>(&'a self, target: &'a KubeTarget) -> Answer<'a, Arc<dyn KubeApi>> {
        Box::pin(async move {
            let client = connect::client(target).await?;
            let version = OnceLock::new();
            Ok(Arc::new(Api { client, version }) as Arc<dyn KubeApi>)
        })
    }
}

/// A client of one cluster.
struct Api {
    client: Client,
    /// The server's version. A server of another version ends this client's connections first, and with them its use.
    version: OnceLock<String>,
}

impl Api {
    /// Sends a request and returns the whole answer as text.
    async fn ask(
        &self,
        what: impl Fn() -> String,
        deadline: Duration,
        method: Method,
        path: &str,
        body: Option<(&'static str, &Value)>,
    ) -> Result<String, Error> {
        let mut request = http::Request::builder().method(method).uri(path);
        let mut bytes = Vec::new();
        if let Some((content_type, value)) = body {
            request = request.header(http::header::CONTENT_TYPE, content_type);
            bytes = value.to_string().into_bytes();
        }
        let request = request
            .body(bytes)
            .map_err(|error| Error::new(ErrorKind::Invalid, what(), error.to_string()))?;
        match tokio::time::timeout(deadline, self.client.request_text(request)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(errors::explain(&what(), &error)),
            Err(_) => Err(errors::too_late(&what(), deadline)),
        }
    }

    async fn read(&self, what: impl Fn() -> String, path: &str) -> Result<Value, Error> {
        let text = self.ask(&what, ANSWER, Method::GET, path, None).await?;
        serde_json::from_str(&text).map_err(|_| errors::not_kubernetes(&what()))
    }
}

impl KubeApi for Api {
    fn health(&self) -> Answer<'_, ApiHealth> {
        Box::pin(async move {
            let what = || "ask the API server for its health".to_owned();
            let asked = std::time::Instant::now();
            match self.ask(what, HEALTH, Method::GET, "/readyz", None).await {
                // Not everybody may ask that; whoever may do anything may ask for the version.
                Ok(_) => {}
                Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {}
                Err(error) => return Err(error),
            }
            let latency = asked.elapsed();
            if let Some(version) = self.version.get() {
                let version = version.clone();
                return Ok(ApiHealth { latency, version });
            }
            let answer = self
                .ask(what, HEALTH, Method::GET, "/version", None)
                .await?;
            let answer: Value =
                serde_json::from_str(&answer).map_err(|_| errors::not_kubernetes(&what()))?;
            let version = answer["gitVersion"]
                .as_str()
                .ok_or_else(|| errors::not_kubernetes(&what()))?;
            let version = crate::domain::log::sanitize(version.as_bytes());
            let version = self.version.get_or_init(|| version).clone();
            Ok(ApiHealth { latency, version })
        })
    }

    fn watch(&self, kind: &'static KindSpec, scope: &Scope) -> BoxStream<'static, WatchItem> {
        watch::stream(self.client.clone(), kind, scope.clone())
    }

    fn get<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, Value> {
        Box::pin(async move {
            let what = || format!("read {} {key}", kind.plural);
            self.read(what, &path::object(kind, key)).await
        })
    }

    fn list<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        field_selector: &'a str,
    ) -> Answer<'a, Vec<Value>> {
        Box::pin(async move {
            let what = || format!("list {}", kind.plural);
            let mut uri = path::collection(kind, namespace);
            if !field_selector.is_empty() {
                uri = format!("{uri}?fieldSelector={}", path::escape(field_selector));
            }
            match self.read(what, &uri).await?["items"].take() {
                Value::Array(items) => Ok(items),
                Value::Null => Ok(Vec::new()),
                _ => Err(errors::not_kubernetes(&what())),
            }
        })
    }

    fn create<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        object: &'a Value,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let what = || {
                format!(
                    "create {} {}",
                    kind.plural,
                    object["metadata"]["name"].as_str().unwrap_or_default()
                )
            };
            let body = Some(("application/json", object));
            self.ask(
                what,
                ANSWER,
                Method::POST,
                &path::collection(kind, namespace),
                body,
            )
            .await
            .map(drop)
        })
    }

    fn patch<'a>(
        &'a self,
        kind: &'static KindSpec,
        key: &'a ObjectKey,
        patch: &'a Value,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let what = || format!("change {} {key}", kind.plural);
            let body = Some(("application/merge-patch+json", patch));
            self.ask(what, ANSWER, Method::PATCH, &path::object(kind, key), body)
                .await
                .map(drop)
        })
    }

    fn delete<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, ()> {
        Box::pin(async move {
            let what = || format!("delete {} {key}", kind.plural);
            self.ask(what, ANSWER, Method::DELETE, &path::object(kind, key), None)
                .await
                .map(drop)
        })
    }

    fn evict<'a>(&'a self, pod: &'a ObjectKey) -> Answer<'a, ()> {
        Box::pin(async move {
            let what = || format!("evict pod {pod}");
            // kube's own request for this misspells a field, which the server then ignores.
            let eviction = serde_json::json!({
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": { "name": &*pod.name, "namespace": &*pod.namespace },
            });
            let uri = format!("{}/eviction", path::object(&pods::KIND, pod));
            self.ask(
                what,
                ANSWER,
                Method::POST,
                &uri,
                Some(("application/json", &eviction)),
            )
            .await
            .map(drop)
        })
    }

    fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        logs::stream(self.client.clone(), pod, container, request)
    }

    fn pod_usage<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Vec<(ObjectKey, Usage)>> {
        Box::pin(usage::pods(self, scope))
    }
}
