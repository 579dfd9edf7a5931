//! Waiting for Kubernetes. Watches ring, and what they ring for is then read in full; while something is waited for,
//! the logs of the nodes are followed for what would make the wait vain.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::Value;

use super::{
    Effect, Run, inside,
    node_log::{Aim, attend},
};
use crate::{
    backend::{ErrorKind, KubeApi, WatchItem},
    domain::{ObjectKey, Problem, ProblemKind, Role},
    ops::reach,
    plan::{KubeAccess, Progress, StepId},
    resources::{KindSpec, Scope, nodes, pods, unlisted},
};

/// Between two requests to an API that is not up. A timer, because nothing tells: who would is what is waited for.
const API_PAUSE: Duration = Duration::from_millis(150);

/// Between two looks for an object that a controller makes once: a watch would cost more than these few requests.
const OBJECT_PAUSE: Duration = Duration::from_millis(200);

/// Between two questions that are asked with a command in a server.
const INSIDE_PAUSE: Duration = Duration::from_secs(2);

/// A watch that has been silent for so long is not trusted alone.
const SILENCE: Duration = Duration::from_secs(5);

pub(super) async fn api(run: &Run<'_>, id: StepId, access: &KubeAccess) -> Result<Effect, Problem> {
    let first: Vec<String> = access.servers.iter().take(1).cloned().collect();
    unless_trouble(run, id, &first, Role::Server, async {
        let mut silent = inside::Silent::new();
        loop {
            match run.kube(access).await {
                Ok(api) => match api.health().await {
                    Ok(_) => return Ok(Effect::Changed),
                    Err(error) => {
                        run.forget_client(access, error.kind);
                        run.answer(id, &error);
                        if silent.is_cut_off(run, access).await {
                            if !run.go_round(access).await {
                                let name = run.cluster()?;
                                run.set_cut_off(reach::not_from_here(name, access, &error));
                            }
                            return Ok(Effect::Changed);
                        }
                    }
                },
                Err(problem) if access.servers.is_empty() => return Err(problem),
                // The file, or the server, comes later.
                Err(problem) => run.answer(id, &problem),
            }
            tokio::time::sleep(API_PAUSE).await;
        }
    })
    .await
}

pub(super) async fn nodes(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
    names: &[String],
    ready: bool,
) -> Result<Effect, Problem> {
    unless_trouble(run, id, names, Role::Agent, async {
        let of = names.len() as u64;
        watch_until(run, id, access, (&nodes::KIND, ""), |objects| {
            let waiting: Vec<String> = names
                .iter()
                .filter_map(|name| not_there(objects, name, ready))
                .collect();
            if let Some(first) = waiting.first() {
                let done = of - waiting.len() as u64;
                run.progress(
                    id,
                    Progress {
                        done,
                        of,
                        bytes: false,
                        message: first.clone(),
                    },
                );
                run.message(id, &waiting.join("; "));
            }
            waiting.is_empty()
        })
        .await
    })
    .await
}

/// What keeps a node from being Ready, or from having joined where that is enough; `None` when nothing does.
fn not_there(objects: &[Value], name: &str, ready: bool) -> Option<String> {
    // The kubelet lower-cases the name of its machine.
    let wanted = name.to_lowercase();
    let Some(node) = objects
        .iter()
        .find(|node| node["metadata"]["name"].as_str() == Some(&wanted))
    else {
        return Some(format!("{name} has not joined yet"));
    };
    if !ready {
        return None;
    }
    let condition = node["status"]["conditions"]
        .as_array()
        .and_then(|all| all.iter().find(|condition| condition["type"] == "Ready"));
    match condition {
        Some(condition) if condition["status"] == "True" => None,
        Some(condition) => Some(format!(
            "{name} is not Ready: {}",
            condition["message"].as_str().unwrap_or("no reason given")
        )),
        None => Some(format!("{name} is not Ready yet")),
    }
}

pub(super) async fn service_account(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
) -> Result<Effect, Problem> {
    let key = ObjectKey::new("default", "default");
    if run.cut_off().is_some() {
        return inside_until(run, id, access, ("serviceaccounts", "default"), |all| {
            all.iter()
                .any(|account| account["metadata"]["name"] == "default")
        })
        .await;
    }
    loop {
        let found = client(run, access)
            .await?
            .get(&unlisted::SERVICE_ACCOUNTS, &key)
            .await;
        match found {
            Ok(_) => return Ok(Effect::Changed),
            Err(error) if error.kind == ErrorKind::Forbidden => return Err(error.into()),
            Err(error) if error.kind == ErrorKind::NotFound => {
                run.message(id, "the controllers have not made it yet");
            }
            Err(error) => run.answer(id, &error),
        }
        tokio::time::sleep(OBJECT_PAUSE).await;
    }
}

pub(super) async fn system_pods(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
) -> Result<Effect, Problem> {
    let system = (&pods::KIND, "kube-system");
    watch_until(run, id, access, system, |objects| {
        let waiting: Vec<&str> = objects
            .iter()
            .filter(|pod| !is_done_or_ready(pod))
            .filter_map(|pod| pod["metadata"]["name"].as_str())
            .collect();
        if !waiting.is_empty() {
            let of = objects.len() as u64;
            let message = format!("not ready yet: {}", waiting.join(", "));
            let done = of - waiting.len() as u64;
            run.message(id, &message);
            run.progress(
                id,
                Progress {
                    done,
                    of,
                    bytes: false,
                    message,
                },
            );
        }
        !objects.is_empty() && waiting.is_empty()
    })
    .await
}

fn is_done_or_ready(pod: &Value) -> bool {
    pod["status"]["phase"] == "Succeeded"
        || pod["status"]["conditions"].as_array().is_some_and(|all| {
            all.iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
}

/// A client, however long the server takes to write its kubeconfig: another step's deadline is about that.
async fn client(run: &Run<'_>, access: &KubeAccess) -> Result<Arc<dyn KubeApi>, Problem> {
    loop {
        match run.kube(access).await {
            Err(problem)
                if matches!(
                    problem.kind,
                    ProblemKind::NotFound | ProblemKind::Unreachable
                ) && !access.servers.is_empty() =>
            {
                tokio::time::sleep(API_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// Waits until what a kind's objects are satisfies `done`. The watch is begun before the first look, so that nothing
/// between the two is missed, and tells only when to look.
async fn watch_until(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
    (kind, namespace): (&'static KindSpec, &str),
    mut done: impl FnMut(&[Value]) -> bool,
) -> Result<Effect, Problem> {
    if run.cut_off().is_some() {
        return inside_until(run, id, access, (kind.plural, namespace), done).await;
    }
    let api = client(run, access).await?;
    let scope = Scope {
        namespaces: (!namespace.is_empty())
            .then(|| namespace.to_owned())
            .into_iter()
            .collect(),
        ..Scope::default()
    };
    let mut bell = api.watch(kind, &scope);
    loop {
        match tokio::time::timeout(SILENCE, bell.next()).await {
            Ok(Some(WatchItem::Page { .. })) => continue,
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => {
                tokio::time::sleep(OBJECT_PAUSE).await;
                bell = api.watch(kind, &scope);
            }
        }
        match api.list(kind, namespace, "").await {
            Ok(objects) if done(&objects) => return Ok(Effect::Changed),
            Err(error) if error.kind == ErrorKind::Forbidden => return Err(error.into()),
            Ok(_) => {}
            Err(error) => run.answer(id, &error),
        }
    }
}

/// The same where the API is not reached from here: a server is asked now and then what it sees.
async fn inside_until(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
    (kind, namespace): (&str, &str),
    mut done: impl FnMut(&[Value]) -> bool,
) -> Result<Effect, Problem> {
    loop {
        match inside::list(run, access, kind, namespace).await {
            Ok(objects) if done(&objects) => return Ok(Effect::Changed),
            Ok(_) => {}
            Err(problem) => run.answer(id, &problem),
        }
        tokio::time::sleep(INSIDE_PAUSE).await;
    }
}

/// Waits for `work`, unless one of the containers shows that it cannot succeed.
async fn unless_trouble<T>(
    run: &Run<'_>,
    id: StepId,
    containers: &[String],
    role: Role,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let mut watched: FuturesUnordered<_> = containers
        .iter()
        .map(|container| attend(run, id, container, role, Aim::Trouble))
        .collect();
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            Some(trouble) = watched.next() => trouble?,
        }
    }
}
