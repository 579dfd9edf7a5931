//! A cluster's access for a person: shown, merged into kubeconfig files, taken out of them.

use std::path::Path;

use super::kubeconfig_file::{self, KubeconfigFiles};
use crate::{
    backend::Backends,
    distro::k3s::{self, kubeconfig::Admin},
    domain::{Cluster, ClusterName, Distribution, Problem, Secret},
    plan::KubeAccess,
};

/// The credentials in the kubeconfig that the first of the servers that has one wrote; running or not. One that says
/// more than credentials is refused: a container that carries a cluster's labels need not be a server.
pub(super) async fn admin(
    backends: &Backends,
    cluster: &ClusterName,
    access: &KubeAccess,
) -> Result<Admin, Problem> {
    let mut last = None;
    for server in &access.servers {
        let file = backends
            .runtime
            .read_file(server, k3s::KUBECONFIG_PATH)
            .await;
        match file.map(String::from_utf8) {
            Ok(Ok(text)) if !text.trim().is_empty() => return Admin::parse(server, &text),
            Ok(_) => {
                last = Some(Problem::not_found(
                    format!("the kubeconfig of {server} cannot be used"),
                    "it is empty or not a text",
                ));
            }
            Err(error) => last = Some(error.into()),
        }
    }
    Err(last.unwrap_or_else(|| {
        Problem::not_found(
            format!("the API of {cluster} cannot be reached"),
            "it has no server",
        )
    }))
}

/// The cluster's kubeconfig, as it would be merged.
///
/// # Errors
/// When no server has written one, or the engine does not answer.
pub async fn get(backends: &Backends, cluster: &Cluster) -> Result<Secret, Problem> {
    if cluster.distribution == Distribution::Kind {
        return Err(Problem::refused(
            format!("the kubeconfig of {} is not at hand", cluster.name),
            "only k3s clusters keep theirs where it can be read",
        )
        .with_hint(format!("kind get kubeconfig --name {}", cluster.name)));
    }
    let access = KubeAccess::of(cluster);
    let admin = admin(backends, &cluster.name, &access).await?;
    admin.to_kubeconfig(&cluster.name, &access.url)
}

/// Merges the cluster's access into the files, and makes it the current context if asked; whether that changed anything.
///
/// # Errors
/// As for [`get`], and when a file is broken, locked, or cannot be written.
pub async fn merge(
    backends: &Backends,
    cluster: &Cluster,
    files: &KubeconfigFiles,
    switch: bool,
) -> Result<bool, Problem> {
    let ours = get(backends, cluster).await?;
    let (files, context) = (files.clone(), cluster.context());
    in_background(move || kubeconfig_file::merge(&files, &ours, &context, switch))
        .await
        .map(|before| before.is_some())
}

/// Replaces a whole file by the cluster's access.
///
/// # Errors
/// As for [`merge`].
pub async fn overwrite(
    backends: &Backends,
    cluster: &Cluster,
    path: &Path,
    switch: bool,
) -> Result<(), Problem> {
    let ours = get(backends, cluster).await?;
    let (path, context) = (path.to_owned(), cluster.context());
    in_background(move || kubeconfig_file::overwrite(&path, &ours, &context, switch)).await
}

/// Takes a context, and the cluster and user that were made with it, out of the files; whether there was anything.
///
/// # Errors
/// When a file is broken, locked, or cannot be written.
pub async fn remove(files: &KubeconfigFiles, context: &str) -> Result<bool, Problem> {
    let (files, context) = (files.clone(), context.to_owned());
    in_background(move || kubeconfig_file::remove(&files, &context)).await
}

/// Files are changed on a thread of their own, because waiting for a lock blocks.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(Problem::failed(
                "the kubeconfig was not changed",
                error.to_string(),
            ))
        })
}
