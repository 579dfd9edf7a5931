//! The life of clusters on a real engine: made, scaled, stopped, started, deleted, and nothing left; also when it goes
//! wrong on the way.

use std::{net::TcpListener, process::Command, time::Duration};

use coracle::{
    backend::ErrorKind,
    domain::{
        ClusterState, ForNodes, ObjectKey, ProblemKind, container::ContainerState, spec::WaitFor,
    },
    ops::{self, Cancel, Wish},
    plan::{Event, Step},
    resources::{nodes, pods, unlisted},
};
use tokio::sync::mpsc;

use crate::{life::Life, ports::scale};

#[tokio::test]
async fn a_cluster_lives_through_everything_and_leaves_nothing() {
    let life = Life::new("life").await;
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
    life.run(Life::create(life.spec(1, 1))).await.unwrap();

    // Done means that a person can use it, at once.
    let api = life.api().await;
    let account = ObjectKey::new("default", "default");
    api.get(&unlisted::SERVICE_ACCOUNTS, &account)
        .await
        .unwrap();
    api.health().await.unwrap();
    let context = format!("k3d-{}", life.name);
    assert!(
        life.kubeconfig()
            .contains(&format!("current-context: {context}"))
    );
    let record = ObjectKey::new("kube-system", "coredns-custom");
    let coredns = ObjectKey::new("kube-system", "coredns");
    let host = match api.get(&unlisted::CONFIG_MAPS, &record).await {
        Ok(object) => object.to_string(),
        Err(_) => api
            .get(&unlisted::CONFIG_MAPS, &coredns)
            .await
            .unwrap()
            .to_string(),
    };
    assert!(host.contains("host.k3d.internal"), "{host}");

    assert_eq!(life.nodes().await, (2, 2));
    life.run(scale(&life, None, Some(2))).await.unwrap();
    assert_eq!(life.nodes().await, (3, 3));
    life.run(scale(&life, None, Some(1))).await.unwrap();
    assert_eq!(life.nodes().await, (2, 2));
    // The same name joins again: its password was forgotten with it.
    life.run(scale(&life, None, Some(2))).await.unwrap();
    life.run(scale(&life, None, Some(1))).await.unwrap();

    let state = async || {
        let world = ops::observe(&life.backends).await.unwrap();
        world.cluster(&life.name).unwrap().state
    };
    life.run(Wish::Stop(life.name.clone())).await.unwrap();
    assert_eq!(state().await, ClusterState::Stopped);
    life.run(Wish::Start(life.name.clone())).await.unwrap();
    assert_eq!(state().await, ClusterState::Running);
    assert_eq!(life.nodes().await, (2, 2));

    let volumes = life.anonymous_volumes().await;
    assert!(!volumes.is_empty(), "the node image declares volumes");
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&volumes).await, Vec::<String>::new());
    assert!(!life.kubeconfig().contains(&context));
    let problem = life
        .prepare(Wish::Delete(life.name.clone()))
        .await
        .unwrap_err();
    assert_eq!(problem.kind, ProblemKind::NotFound);
}

#[tokio::test]
async fn of_three_servers_one_may_die() {
    let life = Life::new("ha").await;
    life.run(Life::create(life.spec(3, 0))).await.unwrap();
    let api = life.api().await;
    let victim = format!("k3d-{}-server-1", life.name);
    let killed = Command::new("docker").args(["kill", &victim]).output();
    assert!(killed.unwrap().status.success());
    // The API may be away while etcd elects anew; it has to come back, and stay.
    let mut in_a_row = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
    while in_a_row < 10 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the API did not come back"
        );
        match api.list(&nodes::KIND, "", "").await {
            Ok(objects) => {
                assert_eq!(objects.len(), 3);
                in_a_row += 1;
            }
            Err(_) => in_a_row = 0,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let detail = life.backends.runtime.inspect(&victim).await.unwrap();
    assert_ne!(detail.info.state, ContainerState::Running);
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_its_owner_before_anything_is_made() {
    let life = Life::new("port").await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = life.spec(1, 0);
    spec.api.port = Some(listener.local_addr().unwrap().port());
    let problem = life.prepare(Life::create(spec)).await.unwrap_err();
    let process = format!("process {}", std::process::id());
    assert!(problem.why.contains(&process), "{problem}");
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_port_that_is_taken_at_the_last_moment_leads_back_to_where_it_began() {
    let life = Life::new("race").await;
    let probe = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = probe.local_addr().unwrap().port();
    drop(probe);
    let mut spec = life.spec(1, 1);
    spec.api.port = Some(port);
    let (request, plan) = life.prepare(Life::create(spec)).await.unwrap();
    let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let failure = life
        .carry_out(&request, plan, &Cancel::new())
        .await
        .unwrap_err();
    assert!(failure.undone, "{failure:?}");
    assert!(
        failure.problem.to_string().contains(&port.to_string()),
        "{failure:?}"
    );
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_is_nowhere_leads_back_to_where_it_began() {
    let life = Life::new("image").await;
    let mut spec = life.spec(1, 0);
    spec.image = "localhost:1/nobody/nothing:1".to_owned();
    let failure = life.run(Life::create(spec)).await.unwrap_err();
    assert!(failure.undone, "{failure:?}");
    assert!(
        failure.problem.what.contains("nobody/nothing"),
        "{failure:?}"
    );
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cancelled_create_leaves_nothing() {
    let life = Life::new("cancel").await;
    let (request, plan) = life.prepare(Life::create(life.spec(1, 1))).await.unwrap();
    let server = format!("k3d-{}-server-0", life.name);
    let started = plan
        .steps
        .iter()
        .position(|planned| matches!(&planned.step, Step::StartContainer { container } if *container == server))
        .unwrap();
    let cancel = Cancel::new();
    let (events, mut told) = mpsc::channel(256);
    let work = ops::carry_out(&life.backends, &request, plan, events, &cancel);
    let person = async {
        while let Some(event) = told.recv().await {
            if matches!(event, Event::Finished(id, _) if id == started) {
                cancel.cancel();
            }
        }
    };
    let failure = tokio::join!(work, person).0.unwrap_err();
    assert_eq!(failure.problem.kind, ProblemKind::Refused);
    assert!(failure.undone, "{failure:?}");
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
    assert_eq!(life.kubeconfig(), "");
}

#[tokio::test]
async fn a_node_that_dies_is_noticed_with_the_end_of_its_log() {
    let life = Life::new("dies").await;
    let mut spec = life.spec(1, 0);
    spec.k3s_args = vec![ForNodes::every("--no-such-argument-of-k3s".to_owned())];
    let begun = std::time::Instant::now();
    let failure = life.run(Life::create(spec)).await.unwrap_err();
    println!("noticed and taken back after {:?}", begun.elapsed());
    assert!(failure.undone, "{failure:?}");
    assert!(
        failure.problem.why.contains("no-such-argument-of-k3s"),
        "{failure:?}"
    );
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

/// Begins to create a cluster and is killed when its server has been made.
async fn killed_on_the_way(life: &Life) {
    let (request, plan) = life.prepare(Life::create(life.spec(1, 1))).await.unwrap();
    let (events, mut told) = mpsc::channel(256);
    let cancel = Cancel::new();
    let work = ops::carry_out(&life.backends, &request, plan, events, &cancel);
    let first_server = async {
        while let Some(event) = told.recv().await {
            if matches!(event, Event::Finished(..)) && life.has_server().await {
                break;
            }
        }
    };
    tokio::select! {
        _ = work => panic!("it was to be killed on the way"),
        () = first_server => {}
    }
    let world = ops::observe(&life.backends).await.unwrap();
    assert!(world.cluster(&life.name).unwrap().unfinished.is_some());
}

#[tokio::test]
async fn what_a_killed_program_left_is_found_and_removed() {
    let life = Life::new("killed").await;
    killed_on_the_way(&life).await;
    life.run(Wish::Remove(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
    let server = format!("k3d-{}-server-0", life.name);
    let gone = life.backends.runtime.inspect(&server).await;
    assert_eq!(gone.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn what_a_killed_program_left_is_found_and_finished() {
    let life = Life::new("finish").await;
    killed_on_the_way(&life).await;
    life.run(Wish::Finish(life.name.clone())).await.unwrap();
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap();
    assert_eq!(cluster.state, ClusterState::Running);
    assert_eq!(cluster.unfinished, None);
    let account = ObjectKey::new("default", "default");
    life.api()
        .await
        .get(&unlisted::SERVICE_ACCOUNTS, &account)
        .await
        .unwrap();
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn with_wait_all_every_system_pod_is_ready_and_a_restart_keeps_it_so() {
    let life = Life::new("all").await;
    let mut request = life.request(Life::create(life.spec(1, 0)));
    request.options.wait = WaitFor::All;
    for wish in [request.wish.clone(), Wish::Restart(life.name.clone())] {
        request.wish = wish;
        let plan = ops::prepare(&life.backends, &request).await.unwrap();
        life.carry_out(&request, plan, &Cancel::new())
            .await
            .unwrap();
        let pods = life
            .api()
            .await
            .list(&pods::KIND, "kube-system", "")
            .await
            .unwrap();
        assert!(!pods.is_empty());
        for pod in &pods {
            let conditions = pod["status"]["conditions"].as_array().unwrap();
            let ready = conditions
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            assert!(ready || pod["status"]["phase"] == "Succeeded", "{pod}");
        }
    }
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}
