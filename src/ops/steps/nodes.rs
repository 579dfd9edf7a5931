//! Taking a node out of Kubernetes: kept free of new pods, emptied, forgotten.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::{Effect, Run};
use crate::{
    backend::{ErrorKind, KubeApi},
    domain::{ObjectKey, Problem},
    plan::{KubeAccess, Progress, StepId},
    resources::{KindSpec, nodes, pods, unlisted},
};

/// Between two tries to evict a pod that a disruption budget protects, and between two looks whether evicted pods are
/// gone: nothing tells when a budget allows it.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two looks whether a Node object is gone: it is a matter of a moment, for a server of a second or two.
const GONE_PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn cordon(
    run: &Run<'_>,
    access: &KubeAccess,
    node: &str,
) -> Result<Effect, Problem> {
    set_unschedulable(run, access, node, true).await
}

pub(in crate::ops) async fn uncordon(
    run: &Run<'_>,
    access: &KubeAccess,
    node: &str,
) -> Result<(), Problem> {
    set_unschedulable(run, access, node, false).await.map(drop)
}

async fn set_unschedulable(
    run: &Run<'_>,
    access: &KubeAccess,
    node: &str,
    wanted: bool,
) -> Result<Effect, Problem> {
    let api = run.kube(access).await?;
    let key = ObjectKey::new("", node);
    let object = match api.get(&nodes::KIND, &key).await {
        Ok(object) => object,
        // A node that never joined takes no pods anyway.
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(Effect::Nothing),
        Err(error) => return Err(error.into()),
    };
    if object["spec"]["unschedulable"].as_bool().unwrap_or(false) == wanted {
        return Ok(Effect::Nothing);
    }
    let patch = json!({ "spec": { "unschedulable": wanted } });
    api.patch(&nodes::KIND, &key, &patch).await?;
    Ok(Effect::Changed)
}

pub(super) async fn drain(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
    node: &str,
    deadline: Duration,
) -> Result<Effect, Problem> {
    let api = run.kube(access).await?;
    let end = tokio::time::Instant::now() + deadline;
    let on_node = format!("spec.nodeName={node}");
    let pods: Vec<Pod> = api
        .list(&pods::KIND, "", &on_node)
        .await?
        .iter()
        .filter_map(Pod::to_evict)
        .collect();
    if pods.is_empty() {
        return Ok(Effect::Nothing);
    }
    let of = pods.len() as u64;
    let mut leaving: FuturesUnordered<_> = pods
        .iter()
        .map(|pod| evict(run, id, api.as_ref(), pod))
        .collect();
    let mut done = 0;
    let all = async {
        while let Some(result) = leaving.next().await {
            result?;
            done += 1;
            run.progress(
                id,
                Progress {
                    done,
                    of,
                    bytes: false,
                    message: format!("{done} of {of} pods have left {node}"),
                },
            );
        }
        Ok(())
    };
    if let Ok(result) = tokio::time::timeout_at(end, all).await {
        return result.map(|()| Effect::Changed);
    }
    // As planned: the rest ends with the node.
    run.message(
        id,
        &format!("{} pods are left to the node's end", of - done),
    );
    Ok(Effect::Changed)
}

struct Pod {
    key: ObjectKey,
    uid: String,
}

impl Pod {
    /// A pod that has to move: not one of a DaemonSet, which belongs to the node, nor a static one, which the kubelet
    /// would bring back, nor one that has ended.
    fn to_evict(object: &Value) -> Option<Self> {
        let meta = &object["metadata"];
        let daemon = meta["ownerReferences"]
            .as_array()
            .is_some_and(|owners| owners.iter().any(|owner| owner["kind"] == "DaemonSet"));
        let mirror = !meta["annotations"]["kubernetes.io/config.mirror"].is_null();
        let ended = matches!(
            object["status"]["phase"].as_str(),
            Some("Succeeded" | "Failed")
        );
        if daemon || mirror || ended {
            return None;
        }
        Some(Self {
            key: ObjectKey::new(meta["namespace"].as_str()?, meta["name"].as_str()?),
            uid: meta["uid"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

/// Evicts one pod, as often as a budget forbids it, and waits until it is gone.
async fn evict(run: &Run<'_>, id: StepId, api: &dyn KubeApi, pod: &Pod) -> Result<(), Problem> {
    loop {
        match api.evict(&pod.key).await {
            Ok(()) => break,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind == ErrorKind::Conflict => {
                run.message(id, &format!("{}: {}", pod.key, error.why));
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // A pod of a StatefulSet comes back under its name, as another one.
    let another =
        |object: &Value| object["metadata"]["uid"].as_str().unwrap_or_default() != pod.uid;
    until_gone(api, &pods::KIND, &pod.key, PAUSE, another).await
}

/// Waits until an object is gone, or another one has taken its name.
async fn until_gone(
    api: &dyn KubeApi,
    kind: &'static KindSpec,
    key: &ObjectKey,
    pause: Duration,
    another: impl Fn(&Value) -> bool,
) -> Result<(), Problem> {
    loop {
        match api.get(kind, key).await {
            Ok(object) if another(&object) => return Ok(()),
            Ok(_) => tokio::time::sleep(pause).await,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Deletes the Node object and waits until it is gone, which for a server means that etcd let go of it; then the secret
/// with its password, which k3s removes with the node by itself, and would write anew for a node that is there.
pub(super) async fn delete_object(
    run: &Run<'_>,
    access: &KubeAccess,
    node: &str,
) -> Result<Effect, Problem> {
    let api = run.kube(access).await?;
    let key = ObjectKey::new("", node);
    let there = delete(api.as_ref(), &nodes::KIND, &key).await?;
    if there {
        until_gone(api.as_ref(), &nodes::KIND, &key, GONE_PAUSE, |_| false).await?;
    }
    let password = ObjectKey::new("kube-system", format!("{node}.node-password.k3s"));
    let known = delete(api.as_ref(), &unlisted::SECRETS, &password).await?;
    Ok(if there || known {
        Effect::Changed
    } else {
        Effect::Nothing
    })
}

/// Deletes an object; whether there was one.
async fn delete(
    api: &dyn KubeApi,
    kind: &'static KindSpec,
    key: &ObjectKey,
) -> Result<bool, Problem> {
    match api.delete(kind, key).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}
