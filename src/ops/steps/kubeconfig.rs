//! The cluster's access in the person's kubeconfig: merged, removed, put back as it was.

use std::{path::Path, time::Duration};

use super::{Effect, Run};
use crate::{
    domain::{Problem, ProblemKind},
    ops::{
        kubeconfig::in_background,
        kubeconfig_file::{self, Before},
    },
    plan::{KubeAccess, StepId},
};

/// A server writes its kubeconfig some seconds after its start, and no engine tells about files in containers.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn merge(
    run: &Run<'_>,
    id: StepId,
    access: &KubeAccess,
    context: &str,
    switch: bool,
) -> Result<Effect, Problem> {
    if run.files.paths().is_empty() {
        return Ok(Effect::Nothing);
    }
    let admin = loop {
        match run.admin_kubeconfig(access).await {
            Ok(admin) => break admin,
            Err(problem) if problem.kind == ProblemKind::NotFound => {
                run.message(id, "waiting for the server to write its kubeconfig");
                tokio::time::sleep(PAUSE).await;
            }
            Err(problem) => return Err(problem),
        }
    };
    let cluster = run.cluster()?;
    let ours = admin.to_kubeconfig(cluster, &access.url)?;
    let context = context.to_owned();
    let files = run.files.clone();
    let merged =
        in_background(move || kubeconfig_file::merge(&files, &ours, &context, switch)).await;
    let before = match merged {
        Ok(before) => before,
        // The cluster took minutes and is there; its kubeconfig is there for the asking.
        Err(problem) => {
            run.message(id, &problem.to_string());
            run.warn(kubeconfig_file::later(problem, cluster));
            return Ok(Effect::Nothing);
        }
    };
    let changed = before.is_some();
    if let Some(before) = before {
        run.remember_kubeconfig(id, before);
    }
    Ok(if changed {
        Effect::Changed
    } else {
        Effect::Nothing
    })
}

pub(super) async fn remove(run: &Run<'_>, context: &str) -> Result<Effect, Problem> {
    let context = context.to_owned();
    let files = run.files.clone();
    let cluster = run.plan.about.cluster();
    let own = cluster.map(|cluster| files.own_files(cluster));
    let changed = in_background(move || {
        let mut removed = kubeconfig_file::remove(&files, &context)?;
        for path in own.unwrap_or_default() {
            removed |= forget(&path)?;
        }
        Ok(removed)
    })
    .await?;
    Ok(if changed {
        Effect::Changed
    } else {
        Effect::Nothing
    })
}

/// Removes the file of the cluster's own: its credentials open nothing any more.
fn forget(path: &Path) -> Result<bool, Problem> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Problem::failed(
            format!("{} was not removed", path.display()),
            error.to_string(),
        )),
    }
}

pub(in crate::ops) async fn restore(run: &Run<'_>, before: Before) -> Result<(), Problem> {
    let files = run.files.clone();
    in_background(move || kubeconfig_file::restore(&files, &before)).await
}
