//! What k3s keeps deployed, as an API server tells it: `AddOn`s with their events, charts with their jobs.

use coracle::{ops, resources::deployed::DeployState};
use serde_json::{Value, json};

use super::server::{Fake, Reply, status};

fn items(list: &Value) -> Reply {
    Reply::Json(200, json!({ "items": list }))
}

#[tokio::test]
async fn manifests_and_charts_are_listed_what_failed_first() {
    let fake = Fake::new(|request| match request.path.as_str() {
        "/apis/k3s.cattle.io/v1/namespaces/kube-system/addons" => items(&json!([
            {"metadata": {"name": "app", "namespace": "kube-system"},
             "spec": {"source": "/m/app.yaml", "checksum": "c0"}},
            {"metadata": {"name": "broken", "namespace": "kube-system"}, "spec": {"source": "/m/broken.yaml"}},
        ])),
        "/api/v1/namespaces/kube-system/events" => {
            assert_eq!(request.query("fieldSelector"), "involvedObject.kind=Addon");
            items(&json!([
                {"type": "Warning", "reason": "ApplyManifestFailed", "message": "no matches for kind",
                 "involvedObject": {"kind": "Addon", "name": "broken"}, "lastTimestamp": "2026-11-21T10:00:00Z"},
            ]))
        }
        "/apis/helm.cattle.io/v1/helmcharts" => items(&json!([
            {"metadata": {"name": "traefik", "namespace": "kube-system"}, "spec": {"chart": "traefik"},
             "status": {"jobName": "helm-install-traefik"}},
        ])),
        "/apis/batch/v1/jobs" => items(&json!([
            {"metadata": {"name": "helm-install-traefik", "namespace": "kube-system"}, "status": {"succeeded": 1}},
        ])),
        _ => status(404, "NotFound"),
    })
    .await;
    let all = ops::manifests(&*fake.api().await).await.unwrap();
    let told: Vec<(&str, DeployState)> = all
        .iter()
        .map(|one| (one.name.as_str(), one.state))
        .collect();
    assert_eq!(
        told,
        [
            ("broken", DeployState::Failed),
            ("app", DeployState::Deployed),
            ("traefik", DeployState::Deployed),
        ]
    );
    assert_eq!(all[0].message, "no matches for kind");
}

#[tokio::test]
async fn a_server_without_charts_has_manifests_and_one_that_is_not_k3s_has_neither() {
    let k3s = Fake::new(|request| {
        if request.path.contains("/addons") || request.path.contains("/events") {
            items(&json!([]))
        } else {
            status(404, "NotFound")
        }
    })
    .await;
    assert_eq!(ops::manifests(&*k3s.api().await).await.unwrap(), []);
    let other = Fake::new(|_| status(404, "NotFound")).await;
    let problem = ops::manifests(&*other.api().await).await.unwrap_err();
    assert_eq!(problem.kind.exit_code(), 3, "{problem}");
}
