//! From what stands for pods to the pods: the selector of a Deployment, a Service and their like.

use crate::{
    backend::{ErrorKind, KubeApi},
    domain::{Problem, Workload, workload::WorkloadKind},
    resources::{KindSpec, pods, selector, unlisted},
};

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
                let namespace = &workload.key.namespace;
                problem.with_hint(format!(
                    "look for it outside namespace {namespace:?} with -n"
                ))
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
