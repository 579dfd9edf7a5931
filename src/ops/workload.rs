//! From what stands for pods to the pods: the selector of a Deployment, a Service and their like.

use serde_json::Value;

use crate::{
    backend::{ErrorKind, KubeApi},
    domain::{ObjectKey, Problem, Workload, workload::WorkloadKind},
    resources::{KindSpec, pods, selector, unlisted},
};

/// A pod's ReplicaSet and its Deployment are two; nothing known has more than a few.
const MOST_OWNERS: usize = 8;

/// The label selector, as the API takes it, of the pods that a workload stands for. A pod has none: it is its own name.
///
/// # Errors
/// When there is no such object, when it selects no pods (a Service without a selector), or the API does not answer.
pub async fn selector(api: &dyn KubeApi, workload: &Workload) -> Result<String, Problem> {
    let object = api
        .get(kind(workload.kind), &workload.key)
        .await
        .map_err(|error| {
            let missing = error.kind == ErrorKind::NotFound;
            let problem = Problem::from(error);
            if missing {
                look_elsewhere(problem, &workload.key.namespace)
            } else {
                problem
            }
        })?;
    selector::of_object(&object).ok_or_else(|| {
        Problem::failed(
            format!("{workload} stands for no pods"),
            "it has no selector",
        )
    })
}

/// Says where else an object may be that is not in this namespace.
pub(super) fn look_elsewhere(problem: Problem, namespace: &str) -> Problem {
    problem.with_hint(format!(
        "look for it outside namespace {namespace:?} with -n"
    ))
}

/// Something that stands for a pod, and the ports that it offers, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub workload: Workload,
    /// A Service's own ports, or those that the pod's containers name.
    pub ports: Vec<u16>,
}

/// What stands for a pod: the Services that lead to it, what keeps it and its like running, and the pod itself.
///
/// # Errors
/// When there is no such pod, or the API does not answer.
pub async fn of_pod(api: &dyn KubeApi, pod: &ObjectKey) -> Result<Vec<Offer>, Problem> {
    let (object, services) = tokio::join!(
        api.get(&pods::KIND, pod),
        api.list(&unlisted::SERVICES, &pod.namespace, ""),
    );
    let object = object?;
    let mut found: Vec<Offer> = services
        // Who may not list Services has the others all the same.
        .unwrap_or_default()
        .iter()
        .filter(|service| {
            selector::of_object(service).is_some_and(|selector| selector::fits(&selector, &object))
        })
        .filter_map(|service| {
            Some(Offer {
                workload: named(WorkloadKind::Service, service, &pod.namespace)?,
                ports: numbers(service.pointer("/spec/ports"), "port"),
            })
        })
        .collect();
    let containers = object.pointer("/spec/containers").and_then(Value::as_array);
    let ports: Vec<u16> = containers
        .into_iter()
        .flatten()
        .flat_map(|container| numbers(container.get("ports"), "containerPort"))
        .collect();
    let mut owner = owner_of(&object, &pod.namespace);
    // Whoever writes objects can make owners of one another: a chain that is longer than any real one has its end here.
    for _ in 0..MOST_OWNERS {
        let Some(workload) = owner.take() else { break };
        // A ReplicaSet is of interest where nobody owns it; otherwise it is one version of a Deployment.
        let above = match workload.kind {
            WorkloadKind::ReplicaSet => api
                .get(kind(workload.kind), &workload.key)
                .await
                .ok()
                .and_then(|object| owner_of(&object, &pod.namespace)),
            _ => None,
        };
        if above.is_some() {
            owner = above;
        } else {
            let ports = ports.clone();
            found.push(Offer { workload, ports });
        }
    }
    found.push(Offer {
        workload: Workload {
            kind: WorkloadKind::Pod,
            key: pod.clone(),
        },
        ports,
    });
    Ok(found)
}

/// The TCP ports of a list of them.
fn numbers(list: Option<&Value>, name: &str) -> Vec<u16> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter(|port| port["protocol"].as_str().is_none_or(|word| word == "TCP"))
        .filter_map(|port| port[name].as_u64()?.try_into().ok())
        .collect()
}

/// What controls an object, where it is a workload.
fn owner_of(object: &Value, namespace: &str) -> Option<Workload> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let kind = owner["kind"].as_str()?.parse().ok()?;
    let key = ObjectKey::new(namespace, owner["name"].as_str()?);
    Some(Workload { kind, key })
}

fn named(kind: WorkloadKind, object: &Value, namespace: &str) -> Option<Workload> {
    let name = object.pointer("/metadata/name")?.as_str()?;
    let key = ObjectKey::new(namespace, name);
    Some(Workload { kind, key })
}

/// Where objects of that kind live.
#[must_use]
pub const fn kind(kind: WorkloadKind) -> &'static KindSpec {
    match kind {
        WorkloadKind::Pod => &pods::KIND,
        WorkloadKind::Deployment => &unlisted::DEPLOYMENTS,
        WorkloadKind::StatefulSet => &unlisted::STATEFUL_SETS,
        WorkloadKind::DaemonSet => &unlisted::DAEMON_SETS,
        WorkloadKind::ReplicaSet => &unlisted::REPLICA_SETS,
        WorkloadKind::Job => &unlisted::JOBS,
        WorkloadKind::Service => &unlisted::SERVICES,
    }
}
