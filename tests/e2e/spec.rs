//! Everything that a new cluster can be asked for, for some of its nodes each, made by the binary and looked at from
//! inside and outside.

use std::{
    fs,
    io::Read as _,
    net::{TcpListener, TcpStream, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::story::{Story, docker};

/// Every k3s node has it, for its volumes.
const IMAGE: &str = "rancher/mirrored-library-busybox:1.36.1";

/// How long pods may take to be there.
const WAIT: Duration = Duration::from_secs(90);

/// Adjacent ports of this machine that nobody has, and that no other test of this process gets.
fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    // Beyond what the machine hands out by itself.
    let first = 20_000 + u16::try_from(std::process::id() % 8_000).unwrap();
    loop {
        let port = first + NEXT.fetch_add(count, Ordering::Relaxed);
        if (port..port + count).all(free) {
            return port;
        }
    }
}

/// What answers at a port of this machine, `None` where nobody does.
fn ask(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty())
}

/// Asks the cluster's DNS at a port of this machine for the API's address, until it answers.
fn look_up(port: u16) -> [u8; 4] {
    let mut question = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["kubernetes", "default", "svc", "cluster", "local"] {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let begun = Instant::now();
    while begun.elapsed() < WAIT {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let patience = Duration::from_secs(1);
        socket.set_read_timeout(Some(patience)).unwrap();
        // Where nobody is there yet, that comes back as an error.
        let _ = socket.send_to(&question, ("127.0.0.1", port));
        let mut answer = [0; 512];
        match socket.recv(&mut answer) {
            // One answer, whose last four bytes are the address.
            Ok(length) if answer[7] == 1 => return answer[length - 4..length].try_into().unwrap(),
            _ => thread::sleep(Duration::from_millis(300)),
        }
    }
    panic!("the cluster's DNS does not answer at port {port}");
}

/// The answer, as soon as there is one.
fn answer(port: u16) -> String {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask(port) {
            return answer;
        }
        assert!(begun.elapsed() < WAIT, "nobody answers at port {port}");
        thread::sleep(Duration::from_millis(300));
    }
}

/// A pod on every node that says the node's name at two ports of it, and the cluster's DNS at a port of every node.
fn manifest() -> String {
    let serve = |port: u16| format!("nc -ll -p {port} -e hostname");
    let script = format!("{} & exec {}", serve(7777), serve(7778));
    format!(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: who}}\nspec:\n  selector: {{matchLabels: {{app: who}}}}\n  \
         template:\n    metadata: {{labels: {{app: who}}}}\n    spec:\n      hostNetwork: true\n      \
         terminationGracePeriodSeconds: 0\n      tolerations: [{{operator: Exists}}]\n      containers:\n      - name: main\n        \
         image: {IMAGE}\n        imagePullPolicy: IfNotPresent\n        command: [sh, -c, \"{script}\"]\n---\napiVersion: v1\nkind: Service\n\
         metadata: {{name: names, namespace: kube-system}}\nspec:\n  type: NodePort\n  selector: {{k8s-app: kube-dns}}\n  \
         ports: [{{port: 53, targetPort: 53, nodePort: 30053, protocol: UDP}}]\n"
    )
}

#[test]
fn everything_that_is_asked_for_reaches_the_nodes_that_it_is_for() {
    let story = Story::new("spec");
    let name = story.name.clone();
    let node = |tail: &str| format!("k3d-{name}-{tail}");
    let (shared, kept) = (story.home().join("shared"), format!("kept-{name}"));
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("word"), "tide").unwrap();
    fs::write(story.home().join("who.yaml"), manifest()).unwrap();
    let first = free_ports(6);
    let port = |n: u16| first + n;
    let create = format!(
        "cluster create NAME -a 2 -p {}:7777@agent:* -p {}:7778@agent:1 -p {}:7777@server:0:direct \
         -p {}-{}:7777-7778@agents[0]:direct -p 127.0.0.1:{}:30053/udp@agent:1 -v {}:/shared@agent:0 -v k3d-{name}-own:/own@server:0 \
         -v {kept}:/kept@server:*;agent:* -e COLOUR=blue@agent:1 -e MAIL=a\\@b@server:0 \
         --k3s-arg --node-label=arg=yes@agent:0 --k3s-node-label tier=db@agent:1 --runtime-label team=a@agent:1 \
         --k3s-arg --kubelet-arg=image-gc-high-threshold=100@all \
         --k3s-arg --kubelet-arg=eviction-hard=memory.available<10Mi@all \
         --servers-memory 2g --agents-memory 1g --agents-cpus 1.5 --runtime-ulimit nofile=9000:10000 \
         --lb-config-override settings.workerConnections=2048 --manifest who.yaml",
        port(0),
        port(1),
        port(2),
        port(3),
        port(4),
        port(5),
        shared.display(),
    );
    story.run(&create, 0);

    // Through the load balancer to chosen nodes, and to a node directly.
    assert_eq!(answer(port(1)), node("agent-1"));
    assert_eq!(answer(port(2)), node("server-0"));
    assert_eq!(answer(port(3)), node("agent-0"));
    assert_eq!(answer(port(4)), node("agent-0"));
    assert_eq!(look_up(port(5)), [10, 43, 0, 1]);
    let agents: Vec<String> = (0..6).map(|_| answer(port(0))).collect();
    assert!(
        agents.iter().all(|who| who.contains("-agent-")),
        "{agents:?}"
    );

    let exec = |tail: &str, script: &str| docker(&["exec", &node(tail), "sh", "-c", script]);
    assert_eq!(exec("agent-0", "cat /shared/word"), "tide");
    assert_eq!(exec("agent-1", "ls -d /shared 2>/dev/null || true"), "");
    exec("server-0", "touch /kept/file");
    assert!(exec("agent-1", "ls /kept").contains("file"));
    assert!(exec("serverlb", "cat /etc/confd/values.yaml").contains("workerConnections: 2048"));

    let inspect = |tail: &str| -> Value {
        let text = docker(&["inspect", &node(tail)]);
        serde_json::from_str::<Value>(&text).unwrap()[0].clone()
    };
    let has = |list: &Value, wanted: &str| list.as_array().unwrap().iter().any(|v| v == wanted);
    let (server, zero, one) = (inspect("server-0"), inspect("agent-0"), inspect("agent-1"));
    assert!(
        has(&one["Config"]["Env"], "COLOUR=blue") && !has(&zero["Config"]["Env"], "COLOUR=blue")
    );
    assert!(has(&server["Config"]["Env"], "MAIL=a@b"));
    assert_eq!(one["Config"]["Labels"]["team"], "a");
    assert_eq!(zero["Config"]["Labels"]["team"], Value::Null);
    assert_eq!(server["HostConfig"]["Memory"], 2_u64 << 30);
    assert_eq!(one["HostConfig"]["Memory"], 1_u64 << 30);
    assert_eq!(one["HostConfig"]["NanoCpus"], 1_500_000_000_u64);
    assert_eq!(server["HostConfig"]["NanoCpus"], 0);
    assert_eq!(one["HostConfig"]["Ulimits"][0]["Hard"], 10_000);
    assert_eq!(inspect("serverlb")["HostConfig"]["Memory"], 0);

    // What Kubernetes was told.
    let kubernetes = |tail: &str, path: &str| {
        let path = format!("jsonpath={{{path}}}");
        let node = node(tail);
        let command = [
            "exec",
            &node.replace(tail, "server-0"),
            "kubectl",
            "get",
            "node",
        ];
        docker(&[&command[..], &[&node, "-o", &path]].concat())
    };
    assert_eq!(kubernetes("agent-0", ".metadata.labels.arg"), "yes");
    assert_eq!(kubernetes("agent-1", ".metadata.labels.tier"), "db");
    assert_eq!(kubernetes("agent-0", ".metadata.labels.tier"), "");
    assert_eq!(kubernetes("agent-1", ".status.capacity.memory"), "1Gi");
    assert_eq!(kubernetes("server-0", ".status.capacity.memory"), "2Gi");

    // A node that joins later, and one that starts again, are limited alike.
    story.run("cluster scale NAME -a 3", 0);
    assert_eq!(kubernetes("agent-2", ".status.capacity.memory"), "1Gi");
    assert_eq!(
        inspect("agent-2")["HostConfig"]["NanoCpus"],
        1_500_000_000_u64
    );
    story.run("cluster restart NAME", 0);
    assert_eq!(kubernetes("agent-1", ".status.capacity.memory"), "1Gi");
    assert_eq!(answer(port(1)), node("agent-1"));

    // What is the cluster's goes with it, and what is not stays.
    story.run("cluster delete NAME", 0);
    assert_eq!(story.remains(), [kept.as_str()]);
    docker(&["volume", "rm", &kept]);
}

#[test]
fn a_filter_that_chooses_nothing_leaves_the_engine_alone() {
    let story = Story::new("spec-none");
    for flag in [
        "-p 80:80@agent:1",
        "-e A=b@agent:7",
        "-v /a:b",
        "--lb-config-override ports.80=x",
    ] {
        let output = story
            .command(&format!("cluster create NAME -a 1 {flag}"))
            .output()
            .unwrap();
        assert!(!output.status.success(), "{flag}");
        assert_eq!(story.remains(), Vec::<String>::new(), "{flag}");
    }
}

/// Also those that k3s cannot deploy, with its reason; first of all.
fn manifests_are_shown_with_what_became_of_them(story: &Story) {
    let state = |name: &str| {
        let all = story.json("cluster manifests NAME -o json");
        let mut all = all.as_array().unwrap().iter();
        all.find(|one| one["name"] == name).cloned()
    };
    let eventually = |name: &str, wanted: &str| {
        let begun = Instant::now();
        loop {
            let seen = state(name);
            match seen {
                Some(one) if one["state"] == wanted => return one,
                _ => assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "{name}: {seen:?}"
                ),
            }
            thread::sleep(Duration::from_millis(300));
        }
    };
    let who = eventually("who", "deployed");
    let source = who["source"].as_str().unwrap();
    assert!(source.ends_with("/server/manifests/more/who.yaml"), "{who}");
    let unknown = eventually("unknown", "failed");
    let message = unknown["message"].as_str().unwrap();
    assert!(message.contains("no matches for kind"), "{message}");
    let torn = eventually("torn", "failed");
    let message = torn["message"].as_str().unwrap();
    assert!(message.contains("Parse manifest at"), "{message}");
    assert_eq!(
        eventually("coredns", "deployed")["message"].as_str(),
        Some("")
    );
    let table = story.run("cluster manifests NAME --no-headers", 0);
    let first: Vec<&str> = table
        .lines()
        .take(2)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(first, ["torn", "unknown"]);
}

#[test]
fn a_node_alone_publishes_sees_the_machine_and_shares_a_volume_for_images() {
    let story = Story::new("spec-one");
    let name = story.name.clone();
    let server = format!("k3d-{name}-server-0");
    let images = format!("images-{name}");
    let folder = story.home().join("manifests/more");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("who.yaml"), manifest()).unwrap();
    let unknown = "apiVersion: example.org/v1\nkind: Nonsense\nmetadata: {name: a}\n";
    fs::write(folder.join("unknown.yaml"), unknown).unwrap();
    fs::write(folder.join("torn.yaml"), "kind: [Namespace\n").unwrap();
    let first = free_ports(1);
    let create = format!(
        "cluster create NAME --no-lb -p {first}:7777@server:0:direct --host-pid-mode --image-volume {images} \
         --manifest manifests --k3s-arg --kubelet-arg=image-gc-high-threshold=100 \
         --k3s-arg --kubelet-arg=eviction-hard=memory.available<10Mi"
    );
    story.run(&create, 0);
    assert_eq!(answer(first), server);
    let seen = docker(&[
        "inspect",
        "-f",
        "{{.HostConfig.PidMode}} {{index .Config.Labels \"k3d.cluster.imageVolume\"}}",
        &server,
    ]);
    assert_eq!(seen.trim(), format!("host {images}"));
    manifests_are_shown_with_what_became_of_them(&story);
    story.run("cluster restart NAME", 0);
    assert_eq!(answer(first), server);
    story.run("cluster delete NAME", 0);
    assert_eq!(story.remains(), [images.as_str()]);
    docker(&["volume", "rm", &images]);
}
