//! Ports, nodes and servers that come and go on clusters that are there, on a real engine.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use coracle::{
    domain::{ClusterName, ObjectKey, PortMapping, Protocol, Role, container::Resources},
    ops::{self, NodeVerb, Wish},
    plan::node::NewNodes,
    resources::{nodes, unlisted},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::life::Life;

fn scale(life: &Life, servers: Option<u16>, agents: Option<u16>) -> Wish {
    Wish::Scale {
        cluster: life.name.clone(),
        servers,
        agents,
    }
}

/// How many nodes Kubernetes knows, and how many of them are Ready.
async fn nodes_of(life: &Life) -> (usize, usize) {
    let objects = life.api().await.list(&nodes::KIND, "", "").await.unwrap();
    let ready = objects
        .iter()
        .filter(|node| nodes::status(node).is_some_and(|status| status.ready));
    (objects.len(), ready.count())
}

#[tokio::test]
async fn a_lone_server_grows_to_three_and_keeps_what_it_had() {
    let life = Life::new("ports-grow").await;
    life.run(Life::create(life.spec(1, 1))).await.unwrap();
    let key = ObjectKey::new("default", "kept");
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "kept" }, "data": { "word": "tide" },
    });
    let api = life.api().await;
    api.create(&unlisted::CONFIG_MAPS, "default", &object)
        .await
        .unwrap();
    let before = life.anonymous_volumes().await;

    let report = life.run(scale(&life, Some(3), None)).await.unwrap();
    println!("from one server to three in {:?}", report.took);
    assert_eq!(nodes_of(&life).await, (4, 4));
    let kept = life.api().await.get(&unlisted::CONFIG_MAPS, &key).await;
    assert_eq!(kept.unwrap()["data"]["word"], "tide");
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap();
    assert_eq!(cluster.count(Role::Server), (3, 3));

    // It is a cluster of three: with its first server down it goes on, and stops and starts as a whole.
    let first = format!("k3d-{}-server-0", life.name);
    life.backends
        .runtime
        .stop(&first, Duration::from_secs(20))
        .await
        .unwrap();
    let members = life.api().await.list(&nodes::KIND, "", "").await.unwrap();
    assert_eq!(members.len(), 4);
    life.run(Wish::Restart(life.name.clone())).await.unwrap();
    assert_eq!(nodes_of(&life).await, (4, 4));

    let mut volumes = life.anonymous_volumes().await;
    volumes.extend(before);
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&volumes).await, Vec::<String>::new());
}

/// Every k3s node has it, for its volumes.
const IMAGE: &str = "rancher/mirrored-library-busybox:1.36.1";

/// A port of this machine that nobody has.
fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").unwrap();
    probe.local_addr().unwrap().port()
}

fn mapping(text: &str) -> Vec<PortMapping> {
    PortMapping::parse(text).unwrap()
}

fn edit(life: &Life, add: &str, delete: &str) -> Wish {
    let all = |texts: &str| texts.split_whitespace().flat_map(mapping).collect();
    Wish::Ports {
        cluster: life.name.clone(),
        add: all(add),
        delete: all(delete),
    }
}

/// Sends a word and has it back.
async fn echoes(port: u16) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(b"ahoy").await.ok()?;
        let mut back = [0; 4];
        stream.read_exact(&mut back).await.ok()?;
        (back == *b"ahoy").then_some(())
    };
    matches!(
        timeout(Duration::from_secs(2), exchange).await,
        Ok(Some(()))
    )
}

async fn until_it_echoes(port: u16) {
    let begun = Instant::now();
    while !echoes(port).await {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing behind port {port}"
        );
        sleep(Duration::from_millis(200)).await;
    }
}

/// The longest time in which a port did not answer, for as long as some work goes on.
async fn longest_silence<T>(port: u16, work: impl Future<Output = T>) -> (T, Duration) {
    let mut longest = Duration::ZERO;
    let mut heard = Instant::now();
    let listen = async {
        loop {
            if echoes(port).await {
                longest = longest.max(heard.elapsed());
                heard = Instant::now();
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = listen => unreachable!(),
    };
    until_it_echoes(port).await;
    (done, longest.max(heard.elapsed()))
}

/// A pod that echoes behind port 30007 of every node.
async fn deploy(life: &Life) {
    let labels = json!({ "app": "echo" });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "echo", "labels": labels },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
                "command": ["nc", "-ll", "-p", "7", "-e", "cat"],
                "ports": [{ "containerPort": 7 }],
            }],
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "echo" },
        "spec": { "type": "NodePort", "selector": labels,
            "ports": [{ "name": "echo", "port": 7, "nodePort": 30007 }] },
    });
    let api = life.api().await;
    api.create(&coracle::resources::pods::KIND, "default", &pod)
        .await
        .unwrap();
    api.create(&unlisted::SERVICES, "default", &service)
        .await
        .unwrap();
}

/// The nodes that the load balancer passes a port on to.
async fn targets(life: &Life, port: u16) -> Vec<String> {
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap();
    let routes = ops::ports::routes(&life.backends, cluster).await.unwrap();
    let all = routes.unwrap().targets(port, Protocol::Tcp).to_vec();
    let prefix = format!("k3d-{}-", life.name);
    all.iter()
        .map(|name| name.trim_start_matches(&prefix).to_owned())
        .collect()
}

/// This process, or a container.
async fn who_has_a_port_is_said(life: &Life) {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().port();
    let problem = life.prepare(edit(life, &format!("{taken}:80"), "")).await;
    let process = format!("process {}", std::process::id());
    let problem = problem.unwrap_err();
    assert!(problem.why.contains(&process), "{problem}");
    let other = format!("e2e-ports-holder-{}", std::process::id());
    let run = [
        "run",
        "-d",
        "--rm",
        "--name",
        &other,
        "-p",
        "127.0.0.1::7",
        "busybox",
        "sleep",
        "60",
    ];
    assert!(
        Command::new("docker")
            .args(run)
            .output()
            .unwrap()
            .status
            .success()
    );
    let port = Command::new("docker").args(["port", &other, "7"]).output();
    let port = String::from_utf8(port.unwrap().stdout).unwrap();
    let port = port.trim().rsplit(':').next().unwrap().to_owned();
    let problem = life.prepare(edit(life, &format!("{port}:80"), "")).await;
    assert!(
        Command::new("docker")
            .args(["rm", "-f", &other])
            .output()
            .is_ok()
    );
    let problem = problem.unwrap_err();
    assert!(
        problem.why.contains(&format!("container {other}")),
        "{problem}"
    );
}

#[tokio::test]
async fn ports_come_and_go_on_a_live_cluster_with_seconds_of_silence() {
    let life = Life::new("ports-edit").await;
    life.run(Life::create(life.spec(1, 1))).await.unwrap();
    deploy(&life).await;
    let (first, second) = (free_port(), free_port());
    let report = life.run(edit(&life, &format!("{first}:30007"), "")).await;
    println!("a port is added in {:?}", report.unwrap().took);
    until_it_echoes(first).await;
    assert_eq!(targets(&life, 30007).await, ["server-0", "agent-0"]);

    // The same by the service: it is told where it is, and where it would be.
    let key = ObjectKey::new("default", "echo");
    let api = life.api().await;
    let offered = ops::expose::of_service(&life.backends, api.as_ref(), &life.name, &key).await;
    let offered = offered.unwrap().remove(0);
    assert_eq!(offered.published.unwrap().host_port, first);
    assert_eq!(offered.offered.container_port, 30007);

    // Another one, and how long the first one is away for it.
    let wish = edit(&life, &format!("{second}:30007@agent:0"), "");
    let (report, silence) = longest_silence(first, life.run(wish)).await;
    println!(
        "a port is added in {:?}, silence {silence:?}",
        report.unwrap().took
    );
    assert!(silence < Duration::from_secs(15), "{silence:?}");
    until_it_echoes(second).await;
    life.api().await.health().await.unwrap();

    who_has_a_port_is_said(&life).await;

    // Other targets of a port take no other container, and nothing is away.
    let before = life
        .backends
        .runtime
        .inspect(&balancer(&life))
        .await
        .unwrap();
    let wish = edit(&life, "", &format!("{second}:30007@agent:0"));
    let (report, silence) = longest_silence(first, life.run(wish)).await;
    println!(
        "a target is removed in {:?}, silence {silence:?}",
        report.unwrap().took
    );
    let after = life
        .backends
        .runtime
        .inspect(&balancer(&life))
        .await
        .unwrap();
    assert_eq!(before.info.id, after.info.id);
    assert_eq!(targets(&life, 30007).await, ["server-0"]);

    // Routes outlive nodes that come and go.
    life.run(scale(&life, None, Some(2))).await.unwrap();
    assert_eq!(targets(&life, 30007).await, ["server-0"]);
    assert!(echoes(first).await);
    life.run(scale(&life, None, Some(1))).await.unwrap();
    assert_eq!(targets(&life, 30007).await, ["server-0"]);
    assert!(echoes(first).await);

    // Both in one call, and then nothing is left but the API.
    let wish = edit(
        &life,
        &format!("{first}:30007@agent:0"),
        &format!("{second}:30007"),
    );
    life.run(wish).await.unwrap();
    assert!(!echoes(second).await);
    until_it_echoes(first).await;
    let (report, begun) = (
        life.run(edit(&life, "", &format!("{first}:30007"))).await,
        Instant::now(),
    );
    println!("a port is removed in {:?}", report.unwrap().took);
    assert!(!echoes(first).await && begun.elapsed() < Duration::from_secs(5));
    assert_eq!(targets(&life, 30007).await, Vec::<String>::new());
    life.api().await.health().await.unwrap();
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

fn balancer(life: &Life) -> String {
    format!("k3d-{}-serverlb", life.name)
}

#[tokio::test]
async fn a_port_that_is_taken_at_the_last_moment_leaves_the_old_load_balancer_at_work() {
    let life = Life::new("ports-race").await;
    life.run(Life::create(life.spec(1, 0))).await.unwrap();
    let port = free_port();
    let wish = edit(&life, &format!("{port}:30007"), "");
    let (request, plan) = life.prepare(wish).await.unwrap();
    let before = life
        .backends
        .runtime
        .inspect(&balancer(&life))
        .await
        .unwrap();
    let _held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let failure = life
        .carry_out(&request, plan, &ops::Cancel::new())
        .await
        .unwrap_err();
    assert!(failure.undone, "{failure:?}");
    let after = life
        .backends
        .runtime
        .inspect(&balancer(&life))
        .await
        .unwrap();
    assert_eq!(after.info.id, before.info.id);
    assert_eq!(after.info.state, before.info.state);
    let begun = Instant::now();
    let api = life.api().await;
    while api.health().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(200)).await;
    }
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

fn agents(name: &str) -> NewNodes {
    NewNodes {
        name: name.to_owned(),
        role: Role::Agent,
        count: 1,
        image: None,
        resources: Resources::default(),
        node_labels: Vec::new(),
        labels: BTreeMap::new(),
        networks: Vec::new(),
        k3s_args: Vec::new(),
        token: None,
    }
}

async fn delete_node(life: &Life, name: &str) {
    let world = ops::observe(&life.backends).await.unwrap();
    let all = ops::nodes::all(&world);
    let listed = ops::nodes::find(&all, name).unwrap();
    for wish in ops::nodes::wishes(NodeVerb::Delete, &[listed]) {
        life.run(wish).await.unwrap();
    }
}

#[tokio::test]
async fn named_nodes_join_and_leave_here_and_by_a_url() {
    let life = Life::new("ports-node").await;
    life.run(Life::create(life.spec(1, 0))).await.unwrap();
    // What is not in the cluster by its labels is removed by its name, so it bears that too.
    let extra = format!("{}-extra", life.name);
    let node = format!("k3d-{extra}-0");
    let new = NewNodes {
        resources: Resources {
            memory: Some(1 << 30),
            nano_cpus: Some(1_500_000_000),
            ..Resources::default()
        },
        node_labels: vec!["tier=front".to_owned()],
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        ..agents(&extra)
    };
    let wish = Wish::AddNodes {
        cluster: life.name.clone(),
        nodes: Box::new(new),
    };
    let report = life.run(wish.clone()).await.unwrap();
    println!("a node is added in {:?}", report.took);
    let key = ObjectKey::new("", node.as_str());
    let object = life.api().await.get(&nodes::KIND, &key).await.unwrap();
    assert_eq!(object["metadata"]["labels"]["tier"], "front");
    assert_eq!(object["status"]["capacity"]["memory"], "1Gi");
    let detail = life.backends.runtime.inspect(&node).await.unwrap();
    assert_eq!(detail.resources.nano_cpus, Some(1_500_000_000));
    assert_eq!(detail.info.labels["team"], "blue");
    let begun = Instant::now();
    delete_node(&life, &format!("{extra}-0")).await;
    println!("it is removed in {:?}", begun.elapsed());
    let password = ObjectKey::new("kube-system", format!("{node}.node-password.k3s"));
    let api = life.api().await;
    assert!(api.get(&nodes::KIND, &key).await.is_err());
    assert!(api.get(&unlisted::SECRETS, &password).await.is_err());
    // The same name joins again.
    life.run(wish).await.unwrap();
    assert_eq!(nodes_of(&life).await, (2, 2));

    // As if the cluster were elsewhere.
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap().clone();
    let url = format!("https://k3d-{}-server-0:6443", life.name);
    let far = format!("{}-far", life.name);
    let wish = Wish::AddNodes {
        cluster: ClusterName::existing(&url),
        nodes: Box::new(NewNodes {
            image: Some(life.spec(1, 0).image),
            token: cluster.token.clone(),
            networks: vec![cluster.network.clone()],
            ..agents(&far)
        }),
    };
    life.run(wish).await.unwrap();
    let key = ObjectKey::new("", format!("k3d-{far}-0"));
    assert!(life.api().await.get(&nodes::KIND, &key).await.is_ok());
    let world = ops::observe(&life.backends).await.unwrap();
    let all = ops::nodes::all(&world);
    assert_eq!(
        ops::nodes::find(&all, &format!("{far}-0")).unwrap().cluster,
        url
    );
    delete_node(&life, &format!("k3d-{far}-0")).await;
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}
