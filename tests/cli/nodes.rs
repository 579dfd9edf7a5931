//! Nodes and ports by k3d's words, on a simulated world.

use serde_json::Value;

use super::{done, run};

#[test]
fn nodes_are_a_table_with_k3d_s_columns_and_json_with_its_names() {
    let table = done("node list").stdout();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["NAME", "ROLE", "CLUSTER", "STATUS"]);
    assert!(rows.contains(&vec!["k3d-dev-serverlb", "loadbalancer", "dev", "running"]));
    assert!(rows.contains(&vec!["k3d-old-server-0", "server", "old", "exited"]));
    let bare = done("node ls --no-headers").stdout();
    assert_eq!(bare.lines().count(), rows.len() - 1);
    let one: Value = serde_json::from_str(&done("node get dev-agent-0 -o json").stdout()).unwrap();
    assert_eq!(one[0]["name"], "k3d-dev-agent-0");
    assert_eq!(one[0]["State"]["Running"], true);
    let none = run("node list nobody");
    assert_eq!(none.code(), 3, "{}", none.report());
}

#[test]
fn nodes_are_created_stopped_and_deleted_by_name() {
    for (arguments, last) in [
        (
            "node create extra -c dev --replicas 2 --memory 1g --cpus 0.5 --k3s-node-label a=b",
            "✓ wait until Ready: k3d-extra-0, k3d-extra-1",
        ),
        ("node stop k3d-dev-agent-0", "✓ stop k3d-dev-agent-0"),
        ("node start old-server-0", "✓ start k3d-old-server-0"),
        (
            "node delete k3d-dev-agent-1",
            "✓ delete node k3d-dev-agent-1 from Kubernetes",
        ),
        ("node rm -a", "✓ remove container k3d-dev-serverlb"),
    ] {
        let run = done(arguments);
        assert!(run.stderr().contains(last), "{}", run.report());
    }
    for (arguments, code, word) in [
        ("node delete k3d-dev-server-0", 4, "without a server"),
        ("node delete nobody", 3, "no node"),
        ("node create Extra -c dev", 2, "extra"),
        ("node create x -c dev --memory much", 2, "memory"),
        ("node create x -c https://far:6443", 2, "--token"),
        ("node create x -c dev --runtime-label app=mine", 2, "label"),
    ] {
        let run = run(arguments);
        assert_eq!(run.code(), code, "{}", run.report());
        assert!(run.stderr().contains(word), "{}", run.report());
    }
}

#[test]
fn ports_come_and_go_by_the_cluster_or_its_load_balancer() {
    let plan = done("cluster edit dev --port-add 9090:90 --dry-run").stdout();
    assert!(
        plan.contains("stop k3d-dev-serverlb-prior and start k3d-dev-serverlb"),
        "{plan}"
    );
    for arguments in [
        "cluster update dev --port-add 9090:90@agent:0",
        "node edit k3d-dev-serverlb --port-add 9090:90@loadbalancer",
    ] {
        let run = done(arguments);
        assert!(
            run.stderr().contains("✓ wait for k3d-dev-serverlb"),
            "{}",
            run.report()
        );
    }
    for (arguments, code, word) in [
        ("cluster edit dev", 2, "--port-add"),
        (
            "cluster edit dev --port-add 9090:90@agent:7",
            2,
            "agent:0-1",
        ),
        (
            "cluster edit dev --port-add 9090:90@agent:0:direct",
            2,
            ":direct",
        ),
        ("cluster edit dev --port-delete 9:9", 3, "does not publish"),
        ("cluster edit nothing --port-add 9:9", 3, "no cluster"),
        ("node edit k3d-dev-agent-0 --port-add 9:9", 2, "agent"),
    ] {
        let run = run(arguments);
        assert_eq!(run.code(), code, "{}", run.report());
        assert!(run.stderr().contains(word), "{}", run.report());
    }
    let config = done("debug loadbalancer get-config dev").stdout();
    assert!(
        config.contains("6443.tcp") && config.contains("k3d-dev-server-0"),
        "{config}"
    );
}
