//! k3d and coracle on the same clusters, in both directions. Where the `k3d` command is installed it looks at them too.

use std::process::Command;

use serde_json::Value;

use crate::{
    k3d::{Asked, K3d, Seen},
    story::{Story, docker},
};

fn ready(story: &Story) -> Vec<String> {
    let info = story.json("cluster info NAME -o json");
    let nodes = info["kubernetes"]["nodes"].as_array();
    let nodes = nodes.unwrap_or_else(|| panic!("{info}"));
    assert!(nodes.iter().all(|node| node["ready"] == true), "{info}");
    let names = nodes
        .iter()
        .map(|node| node["name"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The cluster's line as a script reads it.
fn line(story: &Story) -> Vec<String> {
    let table = story.run("cluster list NAME --no-headers", 0);
    table.split_whitespace().map(str::to_owned).collect()
}

/// What k3d needs to find to list, start, stop, extend and delete a cluster (section 0 of its description).
fn check_readable(story: &Story, nodes: &[Seen]) {
    let name = &story.name;
    for node in nodes {
        let label = |key: &str| {
            node.label(key)
                .unwrap_or_else(|| panic!("{}: no {key}", node.name))
        };
        assert_eq!(
            (label("app"), label("k3d.cluster")),
            ("k3d".to_owned(), name.clone())
        );
        let network = label("k3d.cluster.network");
        if node.running {
            let place = &node.full["NetworkSettings"]["Networks"][&network]["IPAddress"];
            let address = place.as_str().unwrap_or_default();
            assert!(
                address.parse::<std::net::Ipv4Addr>().is_ok(),
                "{}: {address}",
                node.name
            );
        }
        assert_eq!(label("k3d.cluster.network.id").len(), 64);
        assert!(label("k3d.cluster.network.iprange").contains('/'));
        assert!(["true", "false"].contains(&label("k3d.cluster.network.external").as_str()));
        assert!(!label("k3d.cluster.token").is_empty());
        assert_eq!(
            label("k3d.cluster.url"),
            format!("https://k3d-{name}-server-0:6443")
        );
        let volume = label("k3d.cluster.imageVolume");
        docker(&["volume", "inspect", &volume]);
        let binds = node.full["HostConfig"]["Binds"].to_string();
        assert!(
            binds.contains(&format!("{volume}:/k3d/images")),
            "{}: {binds}",
            node.name
        );
        let balancer = label("k3d.server.loadbalancer");
        assert!(balancer.is_empty() || balancer == format!("k3d-{name}-serverlb"));
        assert_eq!(node.full["Config"]["Hostname"], node.name.as_str());
    }
    let servers: Vec<&Seen> = nodes.iter().filter(|node| node.role == "server").collect();
    assert!(
        servers
            .iter()
            .any(|node| node.name == format!("k3d-{name}-server-0"))
    );
    for server in &servers {
        for key in ["host", "hostIP", "port"] {
            assert!(
                server.label(&format!("k3d.server.api.{key}")).is_some(),
                "{key}"
            );
        }
        docker(&[
            "cp",
            &format!("{}:/output/kubeconfig.yaml", server.name),
            "-",
        ]);
    }
    let initial = servers.iter().filter(|node| node.is_initial()).count();
    assert_eq!(initial, usize::from(servers.len() > 1));
    for node in nodes.iter().filter(|node| node.role == "loadbalancer") {
        docker(&["cp", &format!("{}:/etc/confd/values.yaml", node.name), "-"]);
    }
}

/// What the real k3d says, where there is one.
fn real_k3d(story: &Story, wanted: &[&str]) {
    match Command::new("k3d")
        .args(["cluster", "list", &story.name, "--no-headers"])
        .output()
    {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let words: Vec<&str> = text.split_whitespace().collect();
            assert_eq!(words[1..], *wanted, "{text}");
        }
        Err(_) => println!("k3d is not installed: its description stands for it"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k3d_reads_stops_starts_extends_and_deletes_what_we_made() {
    let story = Story::new("ours");
    let k3d = K3d::new(&story.name).await;
    let kept = format!("{}-data", story.name);
    story.run(&format!("volume create {kept}"), 0);
    let mounted = format!("cluster create NAME -a 1 -v {kept}:/data@agent:0");
    story.run(&mounted, 0);
    check_readable(&story, &k3d.seen().await);
    real_k3d(&story, &["1/1", "1/1", "true"]);

    k3d.stop().await;
    assert_eq!(line(&story)[1..], ["0/1", "0/1", "true", "stopped"]);
    k3d.start().await;
    let (server, agent) = (
        format!("k3d-{}-server-0", story.name),
        format!("k3d-{}-agent-0", story.name),
    );
    // k3d writes its records into this file of the server after a start.
    let manifest = "/var/lib/rancher/k3s/server/manifests/coredns.yaml";
    let manifest = docker(&["exec", &server, "cat", manifest]);
    assert!(manifest.contains("NodeHosts"), "{manifest}");
    docker(&[
        "exec",
        &server,
        "sh",
        "-c",
        "getent hosts host.k3d.internal || grep host.k3d.internal /etc/hosts",
    ]);
    let extra = k3d.node_create(&format!("{}-extra", story.name)).await;
    story.run("cluster start NAME", 0);
    let mut all = vec![agent, server, extra.clone()];
    all.sort();
    assert_eq!(ready(&story), all);
    assert_eq!(line(&story)[1..], ["1/1", "2/2", "true", "running"]);

    k3d.import("busybox").await;

    let port = k3d.port_add().await;
    let list = story.json("cluster list NAME -o json");
    let nodes = list[0]["nodes"].as_array().unwrap();
    let balancer = nodes
        .iter()
        .find(|node| node["role"] == "loadbalancer")
        .unwrap();
    assert_eq!(
        balancer["portMappings"]["80/tcp"][0]["HostPort"],
        port.as_str(),
        "{balancer}"
    );
    assert_eq!(ready(&story), all);
    // A node of k3d's making is one to us: taken out of Kubernetes too.
    story.run("cluster scale NAME --agents 1", 0);
    assert_eq!(ready(&story).len(), 2);

    k3d.delete().await;
    assert_eq!(story.remains(), [kept.as_str()]);
    let kubeconfig = std::fs::read_to_string(story.home().join("kubeconfig")).unwrap();
    for entry in [
        format!("name: k3d-{}", story.name),
        format!("name: admin@k3d-{}", story.name),
    ] {
        assert!(
            kubeconfig.contains(&entry),
            "k3d would not find {entry}: {kubeconfig}"
        );
    }
    // What k3d does not know of is found as a leftover or removed by name.
    story.run("kubeconfig remove NAME", 0);
    story.run(&format!("volume delete {kept}"), 0);
    assert_eq!(story.remains(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_k3d_is_stopped_started_scaled_and_deleted_by_us() {
    let story = Story::new("theirs");
    let k3d = K3d::new(&story.name).await;
    let network = format!("{}-net", story.name);
    docker(&["network", "create", &network]);
    let asked = Asked {
        servers: 1,
        agents: 1,
        network: Some(network.clone()),
        aliases: true,
        ..Asked::default()
    };
    k3d.create(&asked).await;
    let registry = format!("k3d-{}-reg", story.name);
    k3d.registry(&registry, "", &network).await;
    k3d.node_create(&format!("{}-extra", story.name)).await;
    // k3d waits for no node to be Ready; a start of ours does.
    story.run("cluster start NAME", 0);
    let created = line(&story);
    assert_eq!(created[1..], ["1/1", "2/2", "true", "running"]);
    assert_eq!(ready(&story).len(), 3);
    let kubeconfig = story.run("kubeconfig get NAME", 0);
    assert!(kubeconfig.contains(&format!("admin@k3d-{}", story.name)));

    story.run("cluster stop NAME", 0);
    assert_eq!(line(&story)[1..], ["0/1", "0/2", "true", "stopped"]);
    story.run("cluster start NAME", 0);
    assert_eq!(ready(&story).len(), 3);
    // What k3d noted of `--host-alias` holds after our start too.
    let server = format!("k3d-{}-server-0", story.name);
    let hosts = docker(&["exec", &server, "cat", "/etc/hosts"]);
    assert!(
        hosts.contains("a.test") && hosts.contains("1.2.3.4"),
        "{hosts}"
    );
    story.run("cluster scale NAME --agents 3", 0);
    let names = ready(&story);
    assert_eq!(names.len(), 4, "{names:?}");
    story.run("cluster scale NAME --agents 2", 0);
    let port = crate::k3d::free_port();
    story.run(
        &format!("cluster edit NAME --port-add {port}:80@loadbalancer"),
        0,
    );
    check_readable(&story, &k3d.seen().await);
    real_k3d(&story, &["1/1", "2/2", "true"]);

    // And back in k3d's hands.
    k3d.stop().await;
    k3d.start().await;
    story.run("cluster start NAME", 0);
    assert_eq!(ready(&story).len(), 3);

    story.run("cluster delete NAME", 0);
    let mut left = story.remains();
    left.sort();
    let mut foreign = [network.clone(), registry.clone()];
    foreign.sort();
    assert_eq!(
        left, foreign,
        "the network and the registry are not the cluster's"
    );
    docker(&["rm", "-fv", &registry]);
    docker(&["network", "rm", &network]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_of_k3d_with_addresses_of_their_own_come_back() {
    let story = Story::new("three");
    let k3d = K3d::new(&story.name).await;
    let third = std::process::id() % 250;
    let asked = Asked {
        servers: 3,
        subnet: Some(format!("10.213.{third}.0/24")),
        ..Asked::default()
    };
    k3d.create(&asked).await;
    let addresses = |list: &Value| -> Vec<String> {
        let nodes = list[0]["nodes"].as_array().unwrap().iter();
        let servers = nodes.filter(|node| node["role"] == "server");
        servers.map(|node| node["IP"]["IP"].to_string()).collect()
    };
    story.run("cluster start NAME", 0);
    let before = addresses(&story.json("cluster list NAME -o json"));
    assert_eq!(before.len(), 3);
    assert_eq!(ready(&story).len(), 3);
    story.run("cluster stop NAME", 0);
    story.run("cluster start NAME", 0);
    assert_eq!(ready(&story).len(), 3);
    assert_eq!(addresses(&story.json("cluster list NAME -o json")), before);
    check_readable(&story, &k3d.seen().await);
    story.run("cluster delete NAME", 0);
    assert_eq!(story.remains(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_cluster_without_a_load_balancer_still_lives_and_dies() {
    let story = Story::new("old");
    let k3d = K3d::new(&story.name).await;
    let asked = Asked {
        servers: 1,
        no_lb: true,
        old: true,
        ..Asked::default()
    };
    k3d.create(&asked).await;
    // What k3d leaves in its own directory for a node with a memory limit and after a merge.
    let config = story.home().join(".config/k3d");
    let files = config.join(format!(".k3d-{}-server-0", story.name));
    std::fs::create_dir_all(files.join("edac")).unwrap();
    std::fs::write(files.join("meminfo"), "MemTotal: 1 kB").unwrap();
    let merged = config.join(format!("kubeconfig-{}.yaml", story.name));
    std::fs::write(&merged, "").unwrap();
    let own = format!("k3d-{}-registry", story.name);
    k3d.registry(&own, &story.name, &format!("k3d-{}", story.name))
        .await;
    assert_eq!(line(&story)[1..], ["1/1", "0/0", "false", "running"]);
    story.run("cluster stop NAME", 0);
    assert_eq!(line(&story)[1..], ["0/1", "0/0", "false", "stopped"]);
    story.run("cluster start NAME", 0);
    assert_eq!(ready(&story).len(), 1);
    story.run("cluster delete NAME", 0);
    assert_eq!(
        story.remains(),
        Vec::<String>::new(),
        "its own registry goes with it"
    );
    assert!(!files.exists() && !merged.exists());
}
