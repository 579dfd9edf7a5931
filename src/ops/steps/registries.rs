//! What tools inside of a cluster are told of a registry: the ConfigMap of KEP-1755.

use serde_json::{Value, json};

use super::{Effect, Run};
use crate::{
    backend::ErrorKind,
    distro::k3s::registries::HOSTING,
    domain::{ObjectKey, Problem},
    plan::KubeAccess,
    resources::unlisted::CONFIG_MAPS,
};

/// The key in the ConfigMap.
const KEY: &str = "localRegistryHosting.v1";

/// Writes the record, or removes it where it is the one that is meant.
pub(super) async fn record(
    run: &Run<'_>,
    access: &KubeAccess,
    text: &str,
    present: bool,
) -> Result<Effect, Problem> {
    let api = run.kube(access).await?;
    let (namespace, name) = HOSTING;
    let key = ObjectKey::new(namespace, name);
    let found: Option<Value> = match api.get(&CONFIG_MAPS, &key).await {
        Ok(object) => Some(object),
        Err(error) if error.kind == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let says = found
        .as_ref()
        .and_then(|object| object["data"][KEY].as_str());
    match (present, &found) {
        (true, Some(_)) if says == Some(text) => return Ok(Effect::Nothing),
        (true, Some(_)) => {
            let patch = json!({ "data": { KEY: text } });
            api.patch(&CONFIG_MAPS, &key, &patch).await?;
        }
        (true, None) => {
            let object = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": { "name": name },
                "data": { KEY: text },
            });
            api.create(&CONFIG_MAPS, namespace, &object).await?;
        }
        (false, Some(_)) if says == Some(text) => api.delete(&CONFIG_MAPS, &key).await?,
        (false, _) => return Ok(Effect::Nothing),
    }
    Ok(Effect::Changed)
}
