//! The binary on a simulated world: what a script reads of clusters, and what it is told of a change. Each run begins the
//! world anew.

use serde_json::Value;

use super::{Place, Run};

const SAID: &str = "SIMULATED: this is not a real engine";

/// Runs a subcommand of `cluster` in the usual world. Every run says that nothing of it is real.
fn cluster(arguments: &str) -> Run {
    let run = Place::new().run(&format!("--simulate cluster {arguments}"));
    assert!(run.stderr().contains(SAID), "{}", run.report());
    run
}

fn done(arguments: &str) -> Run {
    cluster(arguments).well()
}

#[test]
fn the_list_is_a_table_for_people_and_json_for_scripts() {
    let table = done("list").stdout();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[0],
        ["NAME", "SERVERS", "AGENTS", "LOADBALANCER", "STATE"]
    );
    assert_eq!(rows[2], ["dev", "1/1", "2/2", "true", "running"]);
    assert_eq!(rows.len(), 4);

    let list: Value = serde_json::from_str(&done("list -o json").stdout()).unwrap();
    let seen: Vec<(&str, u64, u64)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| {
            let number = |key: &str| cluster[key].as_u64().unwrap();
            (
                cluster["name"].as_str().unwrap(),
                number("serversRunning"),
                number("agentsRunning"),
            )
        })
        .collect();
    assert_eq!(seen, [("ci", 0, 1), ("dev", 1, 2), ("old", 0, 0)]);
    assert!(
        !done("list -o json").stdout().contains("simulated"),
        "a token is no part of a list"
    );

    assert_eq!(done("list -o name").stdout(), "ci\ndev\nold\n");
    let one: Value = serde_json::from_str(&done("list dev -o json").stdout()).unwrap();
    assert_eq!(one.as_array().unwrap().len(), 1);
}

#[test]
fn a_cluster_that_is_made_is_told_step_by_step_and_its_name_is_the_result() {
    let run = done("create mine --agents 1 --api-port 16551 --kubeconfig-update-default=false");
    let told = run.stderr();
    for step in [
        "✓ create container k3d-mine-agent-0",
        "✓ wait for the API at https://127.0.0.1:16551",
        "cluster \"mine\" is there",
    ] {
        assert!(told.contains(step), "{step}: {}", run.report());
    }
}

#[test]
fn a_plan_is_shown_without_being_carried_out() {
    let run = done("create mine --servers 3 --dry-run");
    let shown = run.stdout() + &run.stderr();
    assert!(
        shown.contains("+ create container k3d-mine-server-2"),
        "{shown}"
    );
    assert!(!shown.contains('✓'), "{shown}");
}

#[test]
fn clusters_are_scaled_stopped_started_and_deleted() {
    for (arguments, last) in [
        (
            "scale dev --agents 3",
            "✓ wait until Ready: k3d-dev-agent-2",
        ),
        ("scale dev --agents 0", "✓ remove container k3d-dev-agent-1"),
        ("stop dev", "✓ stop k3d-dev-server-0"),
        (
            "start old",
            "✓ wait until Ready: k3d-old-server-0, k3d-old-server-1",
        ),
        ("delete dev", "✓ remove volume k3d-dev-images"),
    ] {
        let run = done(arguments);
        assert!(run.stderr().contains(last), "{}", run.report());
    }
}

#[test]
fn the_exit_code_says_what_kind_of_failure_it_was() {
    for (arguments, code) in [
        ("list nothing", 3),
        ("create dev", 4),
        ("create Wrong_Name", 2),
        ("create mine --servers 0", 2),
        ("scale nothing --agents 1", 3),
        ("stop nothing", 3),
    ] {
        let run = Place::new().run(&format!("--simulate cluster {arguments}"));
        assert_eq!(run.code(), code, "{}", run.report());
        assert!(!run.stderr().contains('✓'), "{}", run.report());
    }
    let run = Place::new().run("--simulate=defualt cluster list");
    assert_eq!(run.code(), 2, "{}", run.report());
    assert!(
        run.stderr().contains("did you mean \"default\""),
        "{}",
        run.report()
    );
}

#[test]
fn the_other_worlds_are_chosen_by_name() {
    let list = |world: &str| {
        let run = Place::new().run(&format!("--simulate={world} cluster list -o name"));
        assert_eq!(run.code(), 0, "{}", run.report());
        run.stdout().lines().count()
    };
    assert_eq!(list("empty"), 0);
    assert!(list("big") > 0);
}

#[test]
fn nothing_is_written_into_a_kubeconfig_that_was_not_named() {
    let place = Place::new();
    let run = place.run("--simulate cluster create mine");
    assert_eq!(run.code(), 0, "{}", run.report());
    assert!(!place.path("home/kubeconfig").exists());
}
