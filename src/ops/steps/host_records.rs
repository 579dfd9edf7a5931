//! `host.k3d.internal` and a person's own names: set in nodes and in pods, and looked at again, because k3s writes into the same places.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Effect, Run};
use crate::{
    backend::{ErrorKind, KubeApi},
    distro::k3s::hosts,
    domain::{HostAlias, ObjectKey, Problem, log::sanitize},
    plan::{KubeAccess, StepId},
    resources::unlisted::CONFIG_MAPS,
};

/// How long k3s is given to apply the manifest of CoreDNS after the API answers: less than the deadline of the step, so that
/// a cluster without it is not taken for one that failed.
pub(super) const COREDNS_COMES: Duration = Duration::from_secs(40);

/// Between two looks: k3s applies its manifests when it is ready to, and one look every so often costs less than a watch.
const PAUSE: Duration = Duration::from_millis(300);

/// So often is the record written again when k3s overwrites it at the same moment.
const TRIES: usize = 5;

/// How long the command in a node may take.
pub(super) const COMMAND: Duration = Duration::from_secs(15);

pub(super) async fn in_node(
    run: &Run<'_>,
    container: &str,
    records: &[HostAlias],
) -> Result<Effect, Problem> {
    let command = hosts::node_command(records);
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let output = run
        .backends
        .runtime
        .exec(container, &words, COMMAND)
        .await?;
    if output.code == 0 {
        return Ok(Effect::Changed);
    }
    Err(Problem::failed(
        format!("{} is not set in {container}", hosts::NAME),
        format!(
            "the command ended with {}: {}",
            output.code,
            sanitize(&output.output)
        ),
    ))
}

pub(super) async fn in_pods(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
    records: &[HostAlias],
) -> Result<Effect, Problem> {
    let api = run.kube(access).await?;
    let coredns = ObjectKey::new(hosts::NAMESPACE, hosts::COREDNS);
    let end = tokio::time::Instant::now() + COREDNS_COMES;
    let settings = loop {
        if let Some(object) = read(api.as_ref(), &coredns).await? {
            break object;
        }
        if tokio::time::Instant::now() >= end {
            run.message(id, "the cluster has no CoreDNS, so there is nobody to tell");
            return Ok(Effect::Nothing);
        }
        run.message(id, "waiting for CoreDNS' settings");
        tokio::time::sleep(PAUSE).await;
    };
    let corefile = settings["data"]["Corefile"].as_str().unwrap_or_default();
    let mut effect = Effect::Nothing;
    for _ in 0..TRIES {
        let changed = if hosts::reads_custom(corefile) {
            own_block(api.as_ref(), records).await?
        } else {
            node_hosts(api.as_ref(), &coredns, records).await?
        };
        if !changed {
            return Ok(effect);
        }
        effect = Effect::Changed;
    }
    Err(Problem::failed(
        format!("{} is not set in pods", hosts::NAME),
        "something else writes CoreDNS' settings at the same time",
    ))
}

/// Sees to our own block in the ConfigMap that k3s leaves to others; whether it had to be written.
async fn own_block(api: &dyn KubeApi, records: &[HostAlias]) -> Result<bool, Problem> {
    let key = ObjectKey::new(hosts::NAMESPACE, hosts::CUSTOM);
    let patch = hosts::custom_patch(records);
    match read(api, &key).await? {
        None => {
            let object = hosts::custom_object(records);
            match api.create(&CONFIG_MAPS, hosts::NAMESPACE, &object).await {
                Ok(()) => Ok(true),
                // Somebody was faster; the next look shows what they wrote.
                Err(error) if error.kind == ErrorKind::Conflict => Ok(true),
                Err(error) => Err(error.into()),
            }
        }
        Some(object) if contains(&object["data"], &patch["data"]) => Ok(false),
        Some(_) => {
            api.patch(&CONFIG_MAPS, &key, &patch).await?;
            Ok(true)
        }
    }
}

/// Sees to the line in `NodeHosts`, for versions of k3s that read nothing else; whether it had to be written.
async fn node_hosts(
    api: &dyn KubeApi,
    coredns: &ObjectKey,
    records: &[HostAlias],
) -> Result<bool, Problem> {
    let Some(object) = read(api, coredns).await? else {
        return Ok(false);
    };
    let current = object["data"]["NodeHosts"].as_str().unwrap_or_default();
    let Some(text) = hosts::node_hosts(current, records) else {
        return Ok(false);
    };
    let patch = json!({ "data": { "NodeHosts": text } });
    api.patch(&CONFIG_MAPS, coredns, &patch).await?;
    Ok(true)
}

async fn read(api: &dyn KubeApi, key: &ObjectKey) -> Result<Option<Value>, Problem> {
    match api.get(&CONFIG_MAPS, key).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn contains(data: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| {
        wanted
            .iter()
            .all(|(key, value)| data.get(key) == Some(value))
    })
}
