//! A registry's life beside a cluster of the simulated world.

use std::time::Duration;

use coracle::{
    backend::{
        Backends, ErrorKind,
        sim::{Fault, World},
    },
    domain::{ClusterName, ObjectKey, ProblemKind, Registry, registry::RegistrySpec},
    ops::{self, Cancel, Failure, Report, Request, Wish, reach, registries},
    plan::registry::{Wanted, find},
    resources::unlisted::CONFIG_MAPS,
};
use tokio::sync::mpsc;

const NODES: [&str; 3] = ["k3d-dev-server-0", "k3d-dev-agent-0", "k3d-dev-agent-1"];
const FILE: &str = "/etc/rancher/k3s/registries.yaml";

async fn run(backends: &Backends, wish: Wish) -> Result<Report, Failure> {
    let request = Request::new(backends, wish);
    let plan = ops::prepare(backends, &request).await.unwrap();
    let (events, _told) = mpsc::channel(256);
    ops::carry_out(backends, &request, plan, events, &Cancel::new()).await
}

fn create(clusters: &[&str]) -> Wish {
    Wish::Registry(Wanted::Create {
        spec: Box::new(RegistrySpec {
            name: "k3d-reg".to_owned(),
            ..RegistrySpec::default()
        }),
        network: "bridge".to_owned(),
        clusters: clusters
            .iter()
            .copied()
            .map(ClusterName::existing)
            .collect(),
    })
}

async fn registry(backends: &Backends) -> Option<Registry> {
    let all = registries::list(backends).await.unwrap();
    find(&all, "reg").ok().cloned()
}

async fn file(backends: &Backends, node: &str) -> String {
    let bytes = backends
        .runtime
        .read_file(node, FILE)
        .await
        .unwrap_or_default();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_runs_is_told_and_told_otherwise() {
    let backends = World::named("default").unwrap().backends();
    run(&backends, create(&["dev"])).await.unwrap();
    let made = registry(&backends).await.unwrap();
    assert_eq!(made.networks, ["bridge", "k3d-dev"]);
    let catalogue = registries::catalogue(&backends, &made).await.unwrap();
    assert_eq!(catalogue[0].name, "shop/cart");
    assert_eq!(catalogue[0].tags.len(), 2);
    for node in NODES {
        let text = file(&backends, node).await;
        assert!(text.contains("http://k3d-reg:5000"), "{node}: {text}");
    }
    let world = ops::observe(&backends).await.unwrap();
    let cluster = world.cluster(&ClusterName::existing("dev")).unwrap();
    let api = reach::connect(&backends, &reach::access(cluster))
        .await
        .unwrap();
    let key = ObjectKey::new("kube-public", "local-registry-hosting");
    let record = api.get(&CONFIG_MAPS, &key).await.unwrap();
    assert!(record.to_string().contains("k3d-reg:5000"), "{record}");

    // Once more there is nothing to connect.
    let (registry_name, dev) = ("reg".to_owned(), ClusterName::existing("dev"));
    let connect = Wanted::Connect {
        registry: registry_name.clone(),
        cluster: dev.clone(),
    };
    let request = Request::new(&backends, Wish::Registry(connect));
    let plan = ops::prepare(&backends, &request).await.unwrap();
    assert!(
        !plan.to_text().contains("into network"),
        "{}",
        plan.to_text()
    );

    let disconnect = Wish::Registry(Wanted::Disconnect {
        registry: registry_name,
        cluster: dev,
    });
    run(&backends, disconnect.clone()).await.unwrap();
    assert_eq!(registry(&backends).await.unwrap().networks, ["bridge"]);
    for node in NODES {
        let text = file(&backends, node).await;
        assert!(!text.contains("k3d-reg"), "{node}: {text}");
    }
    assert_eq!(
        api.get(&CONFIG_MAPS, &key).await.unwrap_err().kind,
        ErrorKind::NotFound
    );
    let request = Request::new(&backends, disconnect);
    let again = ops::prepare(&backends, &request).await.unwrap_err();
    assert_eq!(again.kind, ProblemKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn it_outlives_the_cluster_that_used_it() {
    let backends = World::named("default").unwrap().backends();
    run(&backends, create(&["dev"])).await.unwrap();
    run(&backends, Wish::Delete(ClusterName::existing("dev")))
        .await
        .unwrap();
    let left = registry(&backends).await.unwrap();
    assert_eq!(left.networks, ["bridge"]);

    run(&backends, Wish::Registry(Wanted::Stop("reg".to_owned())))
        .await
        .unwrap();
    let stopped = registry(&backends).await.unwrap();
    let problem = registries::catalogue(&backends, &stopped)
        .await
        .unwrap_err();
    assert_eq!(problem.kind, ProblemKind::Unreachable);
    run(&backends, Wish::Registry(Wanted::Start("reg".to_owned())))
        .await
        .unwrap();
    run(&backends, Wish::Registry(Wanted::Delete("reg".to_owned())))
        .await
        .unwrap();
    assert_eq!(registry(&backends).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_nodes_that_asked_a_registry_forget_it_when_it_is_deleted() {
    let world = World::named("default").unwrap();
    let backends = world.backends();
    run(&backends, create(&["dev"])).await.unwrap();
    let delete = Wish::Registry(Wanted::Delete("reg".to_owned()));
    // A node that does not answer does not keep it from going, and is named.
    world
        .faults()
        .add("read", 0, Fault::Fail(ErrorKind::Failed));
    let request = Request::new(&backends, delete.clone());
    let plan = ops::prepare(&backends, &request).await.unwrap();
    let warned = |words: &str| plan.warnings.iter().any(|warning| warning.contains(words));
    assert!(warned("may go on asking it"), "{:?}", plan.warnings);
    assert!(
        warned("cluster dev gets images from it"),
        "{:?}",
        plan.warnings
    );

    // One that does not run learns it all the same.
    backends
        .runtime
        .stop(NODES[2], Duration::ZERO)
        .await
        .unwrap();
    run(&backends, delete).await.unwrap();
    assert_eq!(registry(&backends).await, None);
    for node in NODES {
        let text = file(&backends, node).await;
        assert!(!text.contains("k3d-reg"), "{node}: {text}");
    }
}
