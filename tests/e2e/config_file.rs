//! A cluster from k3d's config file on a real engine.

use std::{
    io::Write,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::story::{Story, docker};

const FILE: &str = r#"apiVersion: k3d.io/v1alpha4
kind: Simple
metadata:
  name: ${CLUSTER}
agents: 1
env:
  - envVar: TIDE=${TIDE}
    nodeFilters: ["agent:*"]
options:
  k3d:
    timeout: 5m
    loadbalancer:
      configOverrides: [settings.workerConnections=2048]
  k3s:
    nodeLabels:
      - label: tier=front
        nodeFilters: ["agent:0"]
  runtime:
    labels:
      - label: team=blue
        nodeFilters: [loadbalancer]
"#;

const FILES: &str = r#"files:
  - source: |
      apiVersion: v1
      kind: Namespace
      metadata:
        name: of-the-file
    destination: k3s-manifests/namespace.yaml
    nodeFilters: ["server:0"]
  - source: motd.txt
    destination: /etc/motd
"#;

#[test]
fn a_file_from_stdin_is_what_the_cluster_becomes() {
    let story = Story::new("file");
    let text = FILE.replace("v1alpha4", "v1alpha5") + FILES;
    std::fs::write(story.home().join("motd.txt"), "high water\n").unwrap();
    let mut create = story.command("cluster create --config - -a 1");
    create.env("CLUSTER", &story.name).env("TIDE", "high");
    let mut child = create.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());

    let node = |what: &str| format!("k3d-{}-{what}", story.name);
    let exec = |what: &str, words: &[&str]| {
        let name = node(what);
        docker(&[&["exec", name.as_str()], words].concat())
    };
    assert_eq!(exec("agent-0", &["cat", "/etc/motd"]), "high water\n");
    assert_eq!(exec("agent-0", &["sh", "-c", "echo $TIDE"]), "high\n");
    assert_eq!(exec("server-0", &["sh", "-c", "echo $TIDE"]), "\n");
    let labelled = ["kubectl", "get", "nodes", "-l", "tier=front", "-o", "name"];
    assert_eq!(
        exec("server-0", &labelled).trim(),
        format!("node/{}", node("agent-0"))
    );
    let label = docker(&[
        "inspect",
        "-f",
        "{{index .Config.Labels \"team\"}}",
        &node("serverlb"),
    ]);
    assert_eq!(label.trim(), "blue");
    let values = exec("serverlb", &["cat", "/etc/confd/values.yaml"]);
    assert!(values.contains("workerConnections: 2048"), "{values}");
    let begun = Instant::now();
    let namespaces = ["kubectl", "get", "namespaces", "-o", "name"];
    while !exec("server-0", &namespaces).contains("namespace/of-the-file") {
        assert!(begun.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(500));
    }

    std::fs::write(story.home().join("old.yaml"), FILE).unwrap();
    let mut delete = story.command("cluster delete -c old.yaml");
    let delete = delete.env("CLUSTER", &story.name).env("TIDE", "low");
    assert!(delete.status().unwrap().success());
    assert_eq!(story.remains(), Vec::<String>::new());
}
