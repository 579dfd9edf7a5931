//! The fake as a Kubernetes API: it answers while a server runs.

use std::{sync::Arc, time::Duration};

use coracle::{
    backend::{
        Answer, Error, ErrorKind, KubeApi, KubeConnect, KubeTarget, PodConnection, WatchItem,
    },
    domain::{
        LogLine, ObjectKey,
        container::{ContainerState, LogRequest, Usage},
        kube::ApiHealth,
    },
    resources::{KindSpec, Row, Scope},
};
use futures::{FutureExt, StreamExt, stream, stream::BoxStream};
use serde_json::{Value, json};

use super::{Fake, Things, not_found, role};

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

/// What a server's own `kubectl` says.
pub fn said(things: &Things, words: &[&str]) -> Result<Vec<u8>, Error> {
    answers(things)?;
    if words.contains(&"/readyz") {
        return Ok(b"ok".to_vec());
    }
    let get = words.iter().position(|word| *word == "get").unwrap();
    let prefix = format!("{}/", words[get + 1]);
    let found: Vec<&Value> = things
        .objects
        .iter()
        .filter(|(path, _)| path.starts_with(&prefix))
        .map(|(_, object)| object)
        .collect();
    Ok(json!({ "items": found }).to_string().into_bytes())
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
        pod: &ObjectKey,
        container: &str,
        _: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        self.next_log(&format!("{}/{container}", pod.name))
            .unwrap_or_else(|| stream::pending().boxed())
    }

    fn forward<'a>(&'a self, pod: &'a ObjectKey, port: u16) -> Answer<'a, PodConnection> {
        self.call(format!("forward {pod} {port}"), |_| Err(not_found("a pod")))
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
