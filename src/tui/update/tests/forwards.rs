//! What becomes of forwards when the cluster they lead to comes and goes.

use super::*;

#[tokio::test]
async fn a_forward_whose_cluster_is_gone_does_not_listen_any_more() {
    let (mut state, far) = far();
    let forward = crate::domain::Forward {
        target: "svc/web".parse().unwrap(),
        ports: vec!["127.0.0.1:0:80".parse().unwrap()],
    };
    let never: crate::ops::forward::ApiSource =
        std::sync::Arc::new(|| Box::pin(std::future::pending()));
    let open = crate::ops::forward::open(never, &forward).await.unwrap();
    let status = open.status().borrow().clone();
    state.forwards.add(far.clone(), forward.clone(), true);
    let told = News::Forward(Ok(Box::new((status, Vec::new()))));
    news(&mut state, TaskKey::Forward(far, forward), told);
    assert!(state.forwards.all[0].status.is_some());
    let contexts = News::Contexts(vec![context("other")], Vec::new());
    news(&mut state, TaskKey::Contexts, contexts);
    assert!(state.forwards.all[0].status.is_none());
    assert!(
        state.forwards.all[0].on,
        "it is opened again with its cluster"
    );
}
