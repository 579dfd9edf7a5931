//! The manifests and charts that k3s keeps deployed, with how far each is.

use crate::{
    backend::{Error, ErrorKind, KubeApi},
    domain::Problem,
    resources::{
        KindSpec,
        deployed::{self, Deployed},
        unlisted,
    },
};
use serde_json::Value;

/// Where k3s keeps its records of manifests, and what happened to them.
const NAMESPACE: &str = "kube-system";

/// Asks for them. By name, what failed first.
///
/// # Errors
/// When the API does not answer, or keeps no such records, because it is not k3s's.
pub async fn manifests(api: &dyn KubeApi) -> Result<Vec<Deployed>, Problem> {
    let addons = match api.list(&deployed::ADDONS, NAMESPACE, "").await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            return Err(Problem::not_found(
                "there are no records of manifests",
                "the server does not know what an AddOn is, so it is not k3s",
            ));
        }
        answer => answer?,
    };
    let (events, charts, jobs) = tokio::try_join!(
        some(
            api,
            &deployed::EVENTS,
            NAMESPACE,
            "involvedObject.kind=Addon"
        ),
        some(api, &deployed::HELM_CHARTS, "", ""),
        some(api, &unlisted::JOBS, "", ""),
    )?;
    let manifests = addons
        .iter()
        .filter_map(|addon| deployed::manifest(addon, &events));
    let charts = charts
        .iter()
        .filter_map(|chart| deployed::chart(chart, &jobs));
    let mut all: Vec<Deployed> = manifests.chain(charts).collect();
    all.sort_by(|a, b| {
        let order = |one: &Deployed| (std::cmp::Reverse(one.state), one.chart, one.name.clone());
        order(a).cmp(&order(b))
    });
    Ok(all)
}

/// The objects of a kind that the server may not know: k3s can be told to do without charts.
async fn some(
    api: &dyn KubeApi,
    kind: &'static KindSpec,
    namespace: &str,
    selector: &str,
) -> Result<Vec<Value>, Error> {
    match api.list(kind, namespace, selector).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
        answer => answer,
    }
}
