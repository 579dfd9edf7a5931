//! Ports that come and go on clusters that are there, on a real engine.

use std::{
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use coracle::{
    domain::{ObjectKey, PortMapping, Protocol, PublishedPort, container::ContainerDetail},
    ops::{self, NodeVerb, Wish, expose::Exposure},
    resources::unlisted,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::life::Life;

/// Another size.
pub fn scale(life: &Life, servers: Option<u16>, agents: Option<u16>) -> Wish {
    Wish::Scale {
        cluster: life.name.clone(),
        servers,
        agents,
    }
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
    let mut balanced = service.clone();
    balanced["metadata"]["name"] = json!("balanced");
    balanced["spec"]["type"] = json!("LoadBalancer");
    balanced["spec"]["ports"] = json!([{ "port": BALANCED, "targetPort": 7 }]);
    for service in [service, balanced] {
        api.create(&unlisted::SERVICES, "default", &service)
            .await
            .unwrap();
    }
}

/// The port of the service of type `LoadBalancer` before the same pod.
const BALANCED: u16 = 7007;

/// The only port of a service, as it can be published.
async fn exposure(life: &Life, service: &str) -> Exposure {
    let key = ObjectKey::new("default", service);
    let api = life.api().await;
    let all = ops::expose::of_service(&life.backends, api.as_ref(), &life.name, &key).await;
    all.unwrap().remove(0)
}

/// The same of the service of type `LoadBalancer`, once k3s serves it at its nodes.
async fn balanced(life: &Life) -> PublishedPort {
    let begun = Instant::now();
    loop {
        let offered = exposure(life, "balanced").await.offered;
        if offered.container_port == BALANCED {
            return offered;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{offered}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Whether nobody listens there.
async fn refuses(port: u16) -> bool {
    let answer = TcpStream::connect(("127.0.0.1", port)).await;
    answer.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

async fn turn(life: &Life, verb: NodeVerb, node: &str) {
    let wish = Wish::Nodes {
        about: life.name.clone().into(),
        verb,
        names: vec![format!("k3d-{}-{node}", life.name)],
    };
    life.run(wish).await.unwrap();
}

/// A node that came later is found by its name only while it runs. The load balancer starts without it.
async fn a_stopped_node_keeps_no_load_balancer_down(life: &Life, port: u16) {
    let to_the_new = format!("{port}:30007@agent:1");
    life.run(edit(life, &to_the_new, "")).await.unwrap();
    assert_eq!(targets(life, 30007).await, ["server-0", "agent-1"]);
    turn(life, NodeVerb::Stop, "agent-1").await;
    assert_eq!(targets(life, 30007).await, ["server-0"]);
    let restart = Command::new("docker")
        .args(["restart", "-t", "2", &balancer(life)])
        .output();
    assert!(restart.unwrap().status.success());
    let begun = Instant::now();
    while life.api().await.health().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_millis(200)).await;
    }
    until_it_echoes(port).await;
    println!(
        "the load balancer is back without a node in {:?}",
        begun.elapsed()
    );
    turn(life, NodeVerb::Start, "agent-1").await;
    assert_eq!(targets(life, 30007).await, ["server-0", "agent-1"]);
    life.run(edit(life, "", &to_the_new)).await.unwrap();
    assert_eq!(targets(life, 30007).await, ["server-0"]);
}

/// The nodes that the load balancer passes a port on to.
pub async fn targets(life: &Life, port: u16) -> Vec<String> {
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
    let offered = exposure(&life, "echo").await;
    assert_eq!(offered.published, None);
    assert_eq!(offered.offered.container_port, 30007);
    let first = offered.offered.host_port;
    let second = free_port();
    let wish = ops::expose::wish(&life.name, &[offered.offered]);
    let report = life.run(wish).await;
    println!("a port is added in {:?}", report.unwrap().took);
    until_it_echoes(first).await;
    assert_eq!(targets(&life, 30007).await, ["server-0", "agent-0"]);

    let there = exposure(&life, "echo").await.published;
    assert_eq!(there.unwrap().host_port, first);

    // Others, one by a service of the other type, and how long the first one is away for it.
    let third = balanced(&life).await;
    let wish = edit(&life, &format!("{second}:30007@agent:0 {third}"), "");
    let third = third.host_port;
    let (report, silence) = longest_silence(first, life.run(wish)).await;
    println!(
        "a port is added in {:?}, silence {silence:?}",
        report.unwrap().took
    );
    assert!(silence < Duration::from_secs(15), "{silence:?}");
    until_it_echoes(second).await;
    until_it_echoes(third).await;
    let there = exposure(&life, "balanced").await.published;
    assert_eq!(there.unwrap().host_port, third);
    life.api().await.health().await.unwrap();

    who_has_a_port_is_said(&life).await;

    // Other targets of a port take no other container, and nothing is away.
    let before = inspected(&life).await;
    let wish = edit(&life, "", &format!("{second}:30007@agent:0"));
    let (report, silence) = longest_silence(first, life.run(wish)).await;
    println!(
        "a target is removed in {:?}, silence {silence:?}",
        report.unwrap().took
    );
    let after = inspected(&life).await;
    assert_eq!(before.info.id, after.info.id);
    assert_eq!(targets(&life, 30007).await, ["server-0"]);

    // Routes outlive nodes that come and go.
    life.run(scale(&life, None, Some(2))).await.unwrap();
    assert_eq!(targets(&life, 30007).await, ["server-0"]);
    assert!(echoes(first).await);
    a_stopped_node_keeps_no_load_balancer_down(&life, first).await;
    life.run(scale(&life, None, Some(1))).await.unwrap();
    assert_eq!(targets(&life, 30007).await, ["server-0"]);
    assert!(echoes(first).await);

    // Both in one call, and then nothing is left but the API.
    let wish = edit(
        &life,
        &format!("{first}:30007@agent:0"),
        &format!("{second}:30007 {third}:{BALANCED}"),
    );
    life.run(wish).await.unwrap();
    assert!(refuses(second).await && refuses(third).await);
    until_it_echoes(first).await;
    let (report, begun) = (
        life.run(edit(&life, "", &format!("{first}:30007"))).await,
        Instant::now(),
    );
    println!("a port is removed in {:?}", report.unwrap().took);
    assert!(refuses(first).await && begun.elapsed() < Duration::from_secs(5));
    assert_eq!(targets(&life, 30007).await, Vec::<String>::new());
    life.api().await.health().await.unwrap();
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

fn balancer(life: &Life) -> String {
    format!("k3d-{}-serverlb", life.name)
}

/// The load balancer as the engine has it.
async fn inspected(life: &Life) -> ContainerDetail {
    let runtime = &life.backends.runtime;
    runtime.inspect(&balancer(life)).await.unwrap()
}

#[tokio::test]
async fn a_port_that_is_taken_at_the_last_moment_leaves_the_old_load_balancer_at_work() {
    let life = Life::new("ports-race").await;
    life.run(Life::create(life.spec(1, 0))).await.unwrap();
    let port = free_port();
    let wish = edit(&life, &format!("{port}:30007"), "");
    let (request, plan) = life.prepare(wish).await.unwrap();
    let before = inspected(&life).await;
    let _held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let failure = life
        .carry_out(&request, plan, &ops::Cancel::new())
        .await
        .unwrap_err();
    assert!(failure.undone, "{failure:?}");
    let after = inspected(&life).await;
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
