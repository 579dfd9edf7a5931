//! A cluster's life in the simulated world, through the functions that both faces call.

use coracle::{
    backend::{
        Backends, ErrorKind,
        sim::{Fault, World},
    },
    config::ClusterDefaults,
    domain::{ClusterName, ClusterSpec, ClusterState, Role},
    ops::{self, Cancel, Request, Wish},
    plan::Kubeconfig,
};
use tokio::sync::mpsc;

fn spec(name: &str, servers: u16, agents: u16) -> ClusterSpec {
    let defaults = ClusterDefaults::default();
    ClusterSpec {
        servers,
        agents,
        ..ClusterSpec::new(
            ClusterName::parse(name).unwrap(),
            defaults.image,
            defaults.proxy_image,
        )
    }
}

fn create(name: &str, servers: u16, agents: u16) -> Wish {
    Wish::Create {
        spec: Box::new(spec(name, servers, agents)),
        kubeconfig: Kubeconfig::Untouched,
    }
}

async fn fulfil(backends: &Backends, wish: Wish) -> Result<ops::Report, ops::Failure> {
    let request = Request::new(backends, wish);
    let plan = ops::prepare(backends, &request).await.unwrap();
    let (events, mut heard) = mpsc::channel(1_024);
    let work = ops::carry_out(backends, &request, plan, events, &Cancel::new()).await;
    heard.close();
    work
}

async fn state(
    backends: &Backends,
    name: &str,
) -> Option<(ClusterState, (usize, usize), (usize, usize))> {
    let world = ops::observe(backends).await.unwrap();
    let cluster = world
        .clusters
        .iter()
        .find(|cluster| cluster.name.as_str() == name)?;
    Some((
        cluster.state,
        cluster.count(Role::Server),
        cluster.count(Role::Agent),
    ))
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_made_scaled_stopped_started_and_deleted() {
    let world = World::named("empty").unwrap();
    let backends = world.backends();
    let before = world.inventory();
    let name = ClusterName::parse("a").unwrap();
    fulfil(&backends, create("a", 1, 1)).await.unwrap();
    assert_eq!(
        state(&backends, "a").await,
        Some((ClusterState::Running, (1, 1), (1, 1)))
    );
    let more = Wish::Scale {
        cluster: name.clone(),
        servers: None,
        agents: Some(3),
    };
    fulfil(&backends, more).await.unwrap();
    assert_eq!(
        state(&backends, "a").await,
        Some((ClusterState::Running, (1, 1), (3, 3)))
    );
    let fewer = Wish::Scale {
        cluster: name.clone(),
        servers: None,
        agents: Some(0),
    };
    fulfil(&backends, fewer).await.unwrap();
    fulfil(&backends, Wish::Stop(name.clone())).await.unwrap();
    assert_eq!(
        state(&backends, "a").await,
        Some((ClusterState::Stopped, (0, 1), (0, 0)))
    );
    fulfil(&backends, Wish::Start(name.clone())).await.unwrap();
    assert_eq!(
        state(&backends, "a").await,
        Some((ClusterState::Running, (1, 1), (0, 0)))
    );
    fulfil(&backends, Wish::Delete(name)).await.unwrap();
    assert_eq!(world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn three_servers_come_up_and_a_refused_start_leaves_nothing() {
    let world = World::named("empty").unwrap();
    let backends = world.backends();
    let before = world.inventory();
    world
        .faults()
        .add("start k3d-ha-server-1", 0, Fault::Fail(ErrorKind::Failed));
    let failure = fulfil(&backends, create("ha", 3, 0)).await.unwrap_err();
    assert!(failure.undone, "{failure}");
    assert_eq!(world.inventory(), before);
    fulfil(&backends, create("ha", 3, 0)).await.unwrap();
    assert_eq!(
        state(&backends, "ha").await,
        Some((ClusterState::Running, (3, 3), (0, 0)))
    );
}

#[tokio::test(start_paused = true)]
async fn the_usual_world_has_one_of_each_kind() {
    let world = World::named("").unwrap();
    let backends = world.backends();
    let states: Vec<ClusterState> = ops::observe(&backends)
        .await
        .unwrap()
        .clusters
        .iter()
        .map(|cluster| cluster.state)
        .collect();
    assert_eq!(
        states,
        [
            ClusterState::Broken,
            ClusterState::Running,
            ClusterState::Stopped
        ]
    );
    assert_eq!(world.contexts().len(), 2);
}
