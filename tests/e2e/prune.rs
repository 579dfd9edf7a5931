//! Leftovers on the real engine: found with their sizes, removed, and nothing of a living cluster among them.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::story::{Story, docker};

/// The kind and the name of every leftover that belongs to the story.
fn listed(story: &Story, arguments: &str) -> Vec<(String, String)> {
    let all = story.json(arguments);
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    let all = all.as_array().unwrap().iter();
    let all = all.map(|entry| (text(entry, "kind"), text(entry, "name")));
    all.filter(|(_, name)| name.contains(&story.name)).collect()
}

#[test]
fn leftovers_are_listed_with_their_sizes_and_removed() {
    let story = Story::new("prune");
    let name = &story.name;
    let label = |text: &str| format!("--label={text}");
    let own = label(&format!("k3d.cluster={name}"));
    let (network, probe) = (format!("k3d-{name}"), format!("k3d-fakenet-{name}"));
    let images = format!("k3d-{name}-images");
    let tools = format!("k3d-{name}-tools");
    docker(&["network", "create", "--label=app=k3d", &network]);
    docker(&["network", "create", "--label=app=k3d", &probe]);
    docker(&["volume", "create", "--label=app=k3d", &own, &images]);
    // What nobody labelled so is nobody's leftover.
    let kept = format!("{name}-data");
    docker(&["volume", "create", &kept]);
    let mount = format!("--volume={images}:/k3d/images");
    let fill = "head -c 100000 /dev/zero > /k3d/images/a; head -c 5000 /dev/zero > /b";
    docker(&[
        "run",
        "--name",
        &tools,
        "--label=app=k3d",
        &own,
        "--label=k3d.role=noRole",
        &mount,
        "--network",
        &network,
        "busybox",
        "sh",
        "-c",
        fill,
    ]);
    let config = story.home().join(".config/k3d");
    let files = config.join(format!(".k3d-{name}-server-0"));
    std::fs::create_dir_all(files.join("edac")).unwrap();
    std::fs::write(files.join("meminfo"), "MemTotal: 1 kB").unwrap();
    let context = format!("k3d-{name}");
    let kubeconfig = format!(
        "clusters: [{{name: {context}, cluster: {{server: 'https://0.0.0.0:1'}}}}]\n\
         users: [{{name: admin@{context}, user: {{token: x}}}}]\n\
         contexts: [{{name: {context}, context: {{cluster: {context}, user: admin@{context}}}}}]\n"
    );
    let own_file = config.join(format!("kubeconfig-{name}.yaml"));
    std::fs::write(&own_file, &kubeconfig).unwrap();
    std::fs::write(story.home().join("kubeconfig"), &kubeconfig).unwrap();

    let mut kinds: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (kind, name) in listed(&story, "prune --dry-run -o json") {
        kinds.push(kind);
        names.push(name);
    }
    let wanted = [
        "container",
        "network",
        "network",
        "volume",
        "context",
        "path",
        "path",
    ];
    assert_eq!(kinds, wanted, "{names:?}");
    let sizes = story.json(&format!("prune --dry-run -o json {images} {tools}"));
    assert!(sizes[1]["bytes"].as_u64().unwrap() >= 100_000, "{sizes}");
    assert!(sizes[0]["bytes"].as_u64().unwrap() >= 5_000, "{sizes}");
    story.run("prune", 4);

    // Only what is this test's: the engine may be somebody's.
    story.run(&format!("prune --yes {}", names.join(" ")), 0);
    assert_eq!(story.remains(), [kept.as_str()]);
    assert!(!files.exists() && !own_file.exists());
    let kubeconfig = std::fs::read_to_string(story.home().join("kubeconfig")).unwrap();
    assert!(!kubeconfig.contains(&context), "{kubeconfig}");
    assert_eq!(listed(&story, "prune --dry-run -o json"), []);
    docker(&["volume", "rm", &kept]);
}

#[test]
fn a_create_that_was_killed_is_left_over_once_a_person_says_so() {
    let story = Story::new("killed");
    let mut child = story
        .command("cluster create NAME")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let started = format!("✓ start k3d-{}-server-0", story.name);
    let seen = lines.by_ref().map(Result::unwrap);
    assert!(seen.into_iter().any(|line| line.contains(&started)));
    // At work it is nobody's leftover.
    assert_eq!(listed(&story, "prune --interrupted --dry-run -o json"), []);
    child.kill().unwrap();
    child.wait().unwrap();

    // Its server runs, so that somebody may want it.
    assert_eq!(listed(&story, "prune --dry-run -o json"), []);
    let left = listed(&story, "prune --interrupted --dry-run -o json");
    let kinds: Vec<&str> = left.iter().map(|(kind, _)| kind.as_str()).collect();
    for kind in ["container", "network", "volume"] {
        assert!(kinds.contains(&kind), "{left:?}");
    }
    let names: Vec<&str> = left.iter().map(|(_, name)| name.as_str()).collect();
    story.run(&format!("prune --interrupted -f {}", names.join(" ")), 0);
    assert_eq!(story.remains(), Vec::<String>::new());
}
