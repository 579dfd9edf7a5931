//! Whether there is what a forward leads to, asked once by whoever opens it: a name that is misspelt is told at once, not
//! to the first caller. A cluster that does not answer is no mistake, because it may be started later.

use serde_json::Value;

use super::{ApiSource, ports};
use crate::{
    backend::{ErrorKind, KubeApi},
    domain::{
        Forward, ForwardTarget, ObjectKey, Problem, ProblemKind, RemotePort, Workload,
        workload::WorkloadKind,
    },
    ops::workload,
    resources::{pods, unlisted},
};

/// Asks for the target; why nobody answered, where that is so.
///
/// # Errors
/// When the target is not there, leads to no pods, has no such port, or may not be seen.
pub async fn check(source: &ApiSource, forward: &Forward) -> Result<Option<Problem>, Problem> {
    let asked = async {
        let api = source().await?;
        match &forward.target {
            // Pods may come later.
            ForwardTarget::Selector { .. } => Ok(()),
            ForwardTarget::Workload(workload) => {
                let remotes: Vec<&RemotePort> =
                    forward.ports.iter().map(|port| &port.remote).collect();
                target(api.as_ref(), workload, &remotes).await
            }
        }
    };
    match asked.await {
        Ok(()) => Ok(None),
        Err(problem) if problem.kind == ProblemKind::Unreachable => Ok(Some(problem)),
        Err(problem) => Err(problem),
    }
}

async fn target(
    api: &dyn KubeApi,
    workload: &Workload,
    remotes: &[&RemotePort],
) -> Result<(), Problem> {
    match workload.kind {
        WorkloadKind::Pod => pod(api, &workload.key).await,
        WorkloadKind::Service => service(api, workload, remotes).await,
        _ => workload::selector(api, workload).await.map(drop),
    }
}

/// A pod that has ended takes no connections any more; one that has not begun will.
async fn pod(api: &dyn KubeApi, key: &ObjectKey) -> Result<(), Problem> {
    let object = api.get(&pods::KIND, key).await.map_err(|error| {
        let missing = error.kind == ErrorKind::NotFound;
        let problem = Problem::from(error);
        if missing {
            workload::look_elsewhere(problem, &key.namespace)
        } else {
            problem
        }
    })?;
    match phase(&object) {
        ended @ ("Succeeded" | "Failed") => Err(Problem::failed(
            format!("pod {key} takes no connections"),
            format!("it has ended, in phase {ended}"),
        )),
        _ => Ok(()),
    }
}

/// The phase of a pod, such as `Running`
/// (<https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase>).
pub(super) fn phase(pod: &Value) -> &str {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str);
    phase.unwrap_or_default()
}

async fn service(
    api: &dyn KubeApi,
    service: &Workload,
    remotes: &[&RemotePort],
) -> Result<(), Problem> {
    let found = workload::selector(api, service).await;
    let object = match api.get(&unlisted::SERVICES, &service.key).await {
        Ok(object) => object,
        Err(error) => return Err(found.err().unwrap_or_else(|| error.into())),
    };
    if object["spec"]["type"] == "ExternalName" {
        let name = object["spec"]["externalName"].as_str().unwrap_or_default();
        return Err(Problem::failed(
            format!("{service} has no pods"),
            format!("it is an ExternalName, another name for {name:?}"),
        ));
    }
    found?;
    for remote in remotes {
        ports::of_service(service, &object, remote)?;
    }
    Ok(())
}
