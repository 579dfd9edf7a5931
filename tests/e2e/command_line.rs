//! A cluster's life through the binary, as a script drives it, on the real engine.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::story::Story;

#[test]
fn a_script_creates_uses_stops_starts_and_deletes_a_cluster() {
    let story = Story::new("life");
    let kubeconfig = || std::fs::read_to_string(story.home().join("kubeconfig")).unwrap();
    let context = format!("k3d-{}", story.name);

    let created = story.json("cluster create NAME -a 1 -o json");
    assert_eq!(created["state"], "running");
    assert_eq!(created["agentsRunning"], 1);
    assert!(kubeconfig().contains(&format!("current-context: {context}")));

    let info = story.json("cluster info NAME -o json");
    let nodes = info["kubernetes"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{info}");
    assert!(nodes.iter().all(|node| node["ready"] == true), "{info}");

    let file = story.run("kubeconfig merge NAME", 0);
    let file = std::path::Path::new(file.trim());
    assert!(file.starts_with(story.home()) && file.exists());

    story.run("cluster create NAME", 4);
    story.run("cluster stop NAME", 0);
    assert_eq!(
        story.json("cluster list NAME -o json")[0]["state"],
        "stopped"
    );
    story.run("cluster start NAME", 0);
    let started = story.json("cluster list NAME -o json");
    assert_eq!(started[0]["state"], "running");
    assert_eq!(started[0]["api"], created["api"]);

    story.run("cluster delete NAME", 0);
    assert_eq!(story.remains(), Vec::<String>::new());
    assert!(!kubeconfig().contains(&context) && !file.exists());
    story.run("cluster list NAME", 3);
}

#[test]
fn a_terminated_create_leaves_nothing() {
    let story = Story::new("term");
    let mut command = story.command("cluster create NAME");
    let mut child: Child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let started = format!("start k3d-{}-server-0", story.name);
    let mut seen = String::new();
    while !seen.contains(&started) {
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("it ended before its server started: {seen}"))
            .unwrap();
        seen.push_str(&line);
        seen.push('\n');
    }
    assert_ne!(story.remains(), Vec::<String>::new());
    let id = Pid::from_child(&child);
    kill_process(id, Signal::TERM).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{rest:#?}");
    assert!(
        rest.join("\n").contains("nothing is left of it"),
        "{rest:#?}"
    );
    assert_eq!(story.remains(), Vec::<String>::new());
}
