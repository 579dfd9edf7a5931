//! The way to the Kubernetes API of a cluster at the engine: the kubeconfig that its servers wrote, and the address at
//! which the API is published.

use std::sync::Arc;

use super::kubeconfig;
use crate::{
    backend::{Backends, Error, ErrorKind, KubeApi, KubeTarget},
    domain::{Cluster, ClusterName, Problem, ProblemKind, Role, kube::NodeStatus},
    plan::KubeAccess,
    resources::nodes,
};

/// Where a cluster's API is, and which of its servers know the way in.
#[must_use]
pub fn access(cluster: &Cluster) -> KubeAccess {
    KubeAccess::of(cluster)
}

/// A client for the API. No request is made to it yet.
///
/// # Errors
/// When no server has written a kubeconfig yet, or what it wrote cannot be used.
pub async fn connect(backends: &Backends, access: &KubeAccess) -> Result<Arc<dyn KubeApi>, Error> {
    let name = ClusterName::existing(&access.url);
    let admin = kubeconfig::admin(backends, &name, access)
        .await
        .map_err(|problem| {
            let kind = match problem.kind {
                ProblemKind::NotFound => ErrorKind::NotFound,
                ProblemKind::Unreachable => ErrorKind::Unreachable,
                ProblemKind::Refused => ErrorKind::Forbidden,
                ProblemKind::Failed | ProblemKind::Usage => ErrorKind::Failed,
            };
            Error::new(kind, problem.what, problem.why)
        })?;
    let target = KubeTarget::Admin {
        admin,
        url: access.url.clone(),
    };
    backends.kube.connect(&target).await
}

/// What Kubernetes says of the cluster's nodes.
///
/// # Errors
/// When no server runs, or the API does not answer.
pub async fn node_statuses(
    backends: &Backends,
    cluster: &Cluster,
) -> Result<Vec<NodeStatus>, Problem> {
    if cluster.count(Role::Server).0 == 0 {
        return Err(Problem::unreachable(
            format!("the nodes of {} are not known", cluster.name),
            "none of its servers runs",
        ));
    }
    let api = connect(backends, &access(cluster)).await?;
    let objects = api.list(&nodes::KIND, "", "").await?;
    Ok(objects.iter().filter_map(nodes::status).collect())
}
