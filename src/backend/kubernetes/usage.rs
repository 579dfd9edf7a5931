//! What pods use, where a metrics server measures it: <https://github.com/kubernetes-sigs/metrics-server>.

use serde::Deserialize;

use super::{ANSWER, Api, errors, path};
use crate::{
    backend::Error,
    domain::{ObjectKey, container::Usage},
    resources::{Scope, quantity},
};

#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Meta,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
    #[serde(default)]
    namespace: String,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    usage: Quantities,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Quantities {
    cpu: String,
    memory: String,
}

pub(super) async fn pods(api: &Api, scope: &Scope) -> Result<Vec<(ObjectKey, Usage)>, Error> {
    let what = || "ask for the use of pods".to_owned();
    let mut found = Vec::new();
    let all = [String::new()];
    let namespaces = if scope.namespaces.is_empty() {
        &all[..]
    } else {
        &scope.namespaces[..]
    };
    for namespace in namespaces {
        let part = if namespace.is_empty() {
            String::new()
        } else {
            format!("/namespaces/{}", path::escape(namespace))
        };
        let uri = format!("/apis/metrics.k8s.io/v1beta1{part}/pods");
        let text = api.ask(what, ANSWER, http::Method::GET, &uri, None).await?;
        let list: List =
            serde_json::from_str(&text).map_err(|_| errors::not_kubernetes(&what()))?;
        found.extend(list.items.into_iter().map(|item| {
            let key = ObjectKey::new(item.metadata.namespace, item.metadata.name);
            let sum = item
                .containers
                .iter()
                .fold(Usage::default(), |sum, container| Usage {
                    cpu_cores: sum.cpu_cores + quantity::parse(&container.usage.cpu).unwrap_or(0.0),
                    memory: sum.memory + quantity::bytes(&container.usage.memory).unwrap_or(0),
                    memory_limit: 0,
                });
            (key, sum)
        }));
    }
    Ok(found)
}
