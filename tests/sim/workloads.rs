//! From pods to what stands for them and back, in the simulated world.

use coracle::{
    backend::{KubeConnect, KubeTarget, sim::World},
    domain::{ObjectKey, WorkloadKind},
    ops::workload,
    resources::{pods, selector},
};

#[tokio::test(start_paused = true)]
async fn a_pod_is_found_through_its_service_and_its_deployment() {
    let world = World::named("default").unwrap();
    let target = KubeTarget::Context {
        files: Vec::new(),
        name: "k3d-dev".to_owned(),
    };
    let api = world.connect(&target).await.unwrap();
    let pods = api.list(&pods::KIND, "kube-system", "").await.unwrap();
    let pod = pods
        .iter()
        .find(|pod| pod["metadata"]["labels"]["app"] == "coredns")
        .unwrap();
    let key = ObjectKey::new("kube-system", pod["metadata"]["name"].as_str().unwrap());
    let found = workload::of_pod(api.as_ref(), &key).await.unwrap();
    let words: Vec<String> = found
        .iter()
        .map(|offer| offer.workload.to_string())
        .collect();
    let own = format!("pod/{}", key.name);
    assert_eq!(words, ["service/coredns", "deployment/coredns", &own]);
    assert_eq!(found[0].ports, [80]);
    for stands in found.iter().map(|offer| &offer.workload) {
        if stands.kind == WorkloadKind::Pod {
            continue;
        }
        let selector = workload::selector(api.as_ref(), stands).await.unwrap();
        assert!(selector::fits(&selector, pod), "{stands}");
    }
    let gone = ObjectKey::new("kube-system", "nobody");
    assert!(workload::of_pod(api.as_ref(), &gone).await.is_err());
}
