//! A hundred clusters of ten containers each: what a list and the screen ask the engine for is counted on its way there.
//! The containers are plain ones with k3d's labels, made and never started. Times are printed, not judged.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::ContainerCreateBody,
    query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder},
};
use futures::{StreamExt, stream};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::json;

use crate::story::Story;

const CLUSTERS: usize = 100;
/// A server, a load balancer, and agents.
const CONTAINERS: usize = 10;
/// How many are made at the same time.
const AT_ONCE: usize = 8;
/// What is waited for takes no longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stands before the engine and notes the first line of every request.
struct Counter {
    endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Counter {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let engine = UnixStream::connect("/var/run/docker.sock").unwrap();
                relay(client, engine, &noted);
            }
        });
        Self { endpoint, seen }
    }

    /// The requests since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn relay(client: TcpStream, engine: UnixStream, noted: &Arc<Mutex<Vec<String>>>) {
    let (mut from_client, mut to_client) = (client.try_clone().unwrap(), client);
    let (mut from_engine, mut to_engine) = (engine.try_clone().unwrap(), engine);
    let noted = Arc::clone(noted);
    std::thread::spawn(move || {
        let mut bytes = [0; 16_384];
        let mut line = Vec::new();
        while let Ok(count @ 1..) = from_client.read(&mut bytes) {
            for byte in &bytes[..count] {
                if *byte == b'\n' {
                    let text = String::from_utf8_lossy(&line);
                    if let Some(request) = text.trim().strip_suffix(" HTTP/1.1") {
                        noted.lock().unwrap().push(request.to_owned());
                    }
                    line.clear();
                } else {
                    line.push(*byte);
                }
            }
            if to_engine.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to_engine.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_engine, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
}

fn body(cluster: &str, role: &str) -> ContainerCreateBody {
    let body = json!({
        "Image": "busybox",
        "Cmd": ["true"],
        "Labels": {
            "app": "k3d", "k3d.cluster": cluster, "k3d.role": role, "k3d.version": "v5.9.0",
            "k3d.cluster.network": "bridge", "k3d.cluster.network.external": "true",
            "k3d.server.loadbalancer": format!("k3d-{cluster}-serverlb"),
            "k3d.server.api.port": "6550",
        },
    });
    serde_json::from_value(body).unwrap()
}

/// The names and roles of all containers.
fn all(story: &Story) -> Vec<(String, String, &'static str)> {
    let mut all = Vec::new();
    for number in 0..CLUSTERS {
        let cluster = format!("{}-{number}", story.name);
        all.push((format!("k3d-{cluster}-server-0"), cluster.clone(), "server"));
        all.push((
            format!("k3d-{cluster}-serverlb"),
            cluster.clone(),
            "loadbalancer",
        ));
        for agent in 0..CONTAINERS - 2 {
            let name = format!("k3d-{cluster}-agent-{agent}");
            all.push((name, cluster.clone(), "agent"));
        }
    }
    all
}

/// The requests that ask for the containers: the list, and inspections of single ones.
fn about_containers(requests: &[String]) -> Vec<&String> {
    let about = |request: &&String| request.contains("/containers/");
    requests.iter().filter(about).collect()
}

/// Opens the screen until it shows the name of a cluster.
fn screen(story: &Story, endpoint: &str, wanted: &str) -> Duration {
    let size = PtySize {
        rows: 40,
        cols: 160,
        pixel_width: 0,
        pixel_height: 0,
    };
    let pair = native_pty_system().openpty(size).unwrap();
    let plain = story.command(&format!("--docker-host {endpoint}"));
    let mut builder = CommandBuilder::new(plain.get_program());
    builder.args(plain.get_args());
    builder.env("TERM", "xterm-256color");
    builder.env("HOME", story.home());
    builder.env("KUBECONFIG", story.home().join("kubeconfig"));
    builder.cwd(story.home());
    let begun = Instant::now();
    let mut child = pair.slave.spawn_command(builder).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (sender, shown) = std::sync::mpsc::channel();
    let wanted = wanted.to_owned();
    std::thread::spawn(move || {
        let mut parser = vt100::Parser::new(40, 160, 0);
        let mut bytes = [0; 16_384];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            parser.process(&bytes[..count]);
            if parser.screen().contents().contains(&wanted) {
                let _ = sender.send(());
            }
        }
    });
    let result = shown.recv_timeout(PATIENCE);
    let took = begun.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    result.expect("the screen shows the clusters");
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clusters_are_one_list() {
    let story = Story::new("many");
    let docker = Docker::connect_with_local_defaults().unwrap();
    let begun = Instant::now();
    let made = stream::iter(all(&story)).map(|(name, cluster, role)| {
        let docker = docker.clone();
        async move {
            let options = CreateContainerOptionsBuilder::default().name(&name).build();
            let made = docker
                .create_container(Some(options), body(&cluster, role))
                .await;
            made.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    });
    made.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    println!("made in {:.1?}", begun.elapsed());

    let counter = Counter::new();
    let endpoint = counter.endpoint.clone();
    let list = |more: &str| {
        let begun = Instant::now();
        let printed = story.run(&format!("--docker-host {endpoint} cluster list {more}"), 0);
        (printed, begun.elapsed())
    };
    for more in ["-o name", "--no-headers", "-o json"] {
        let (printed, took) = list(more);
        let requests = counter.take();
        println!(
            "list {more}: {took:.1?}, {} requests: {requests:?}",
            requests.len()
        );
        assert_eq!(about_containers(&requests).len(), 1, "{requests:?}");
        assert!(requests.len() <= 8, "{requests:?}");
        let own = printed.matches(&format!("{}-", story.name)).count();
        assert!(own >= CLUSTERS, "{own}");
    }
    let begun = Instant::now();
    let output = Command::new("docker")
        .args(["-H", &endpoint, "ps", "--all", "--quiet"])
        .output()
        .unwrap();
    assert!(output.status.success());
    println!("docker ps --all --quiet: {:.1?}", begun.elapsed());
    counter.take();

    let took = screen(&story, &endpoint, &format!("{}-0", story.name));
    let requests = counter.take();
    println!(
        "screen: {took:.1?}, {} requests: {requests:?}",
        requests.len()
    );
    let lists = requests
        .iter()
        .filter(|request| request.contains("/containers/json"));
    // One, and one more after each burst of events: other tests make and remove containers meanwhile.
    assert!(lists.count() <= 5, "{requests:?}");
    // The others are about the one cluster that is selected.
    let others = about_containers(&requests).len() - 1;
    assert!(others <= 2 * CONTAINERS, "{requests:?}");

    let begun = Instant::now();
    let gone = stream::iter(all(&story)).map(|(name, ..)| {
        let docker = docker.clone();
        async move {
            let options = RemoveContainerOptionsBuilder::default().force(true).v(true);
            docker
                .remove_container(&name, Some(options.build()))
                .await
                .unwrap();
        }
    });
    gone.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    println!("removed in {:.1?}", begun.elapsed());
}
