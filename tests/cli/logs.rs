//! `coracle logs` and `coracle cluster logs` as a person and a script meet them.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Place, Run, done, run};

/// The lines that a run printed, one cell a word.
fn lines(run: &Run) -> Vec<String> {
    run.stdout().lines().map(str::to_owned).collect()
}

#[test]
fn the_pods_of_a_deployment_are_read_in_time_order() {
    let run = done("logs -n shop deploy/web --tail 5 -o json");
    let records: Vec<Value> = lines(&run)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), 15);
    assert!(records.is_sorted_by_key(|record| record["time"].as_str().unwrap().to_owned()));
    for record in &records {
        assert_eq!(record["namespace"], "shop");
        assert!(record["pod"].as_str().unwrap().starts_with("web-"));
        assert!(record["message"].as_str().unwrap().contains("GET"));
    }
}

#[test]
fn pods_are_named_by_patterns_objects_and_labels() {
    for (query, pods) in [
        ("cart", 2),
        ("^cart ^web", 5),
        ("svc/cart", 2),
        ("-l app=cart", 2),
        ("-l app=web --exclude-pod .", 0),
        ("cart -c nothing", 0),
        ("cart -E app", 0),
    ] {
        let run = done(&format!("logs -n shop --tail 1 --template {{pod}} {query}"));
        assert_eq!(lines(&run).len(), pods, "{}", run.report());
    }
}

#[test]
fn lines_are_chosen_and_written_as_they_are_asked_for() {
    let plain = done("logs -n shop cart --tail 40 -o raw -i 503");
    let all = lines(&plain);
    assert!(
        !all.is_empty() && all.iter().all(|line| line.contains("503")),
        "{all:?}"
    );
    let none = done("logs -n shop cart --tail 40 -e handled");
    assert!(none.stdout().is_empty());
    let line = done("logs -n shop deploy/cart --tail 1 -t").stdout();
    let words: Vec<&str> = line.lines().next().unwrap().split(' ').collect();
    assert!(
        words[0].ends_with('Z') && words[1].starts_with("cart-"),
        "{line}"
    );
    assert_eq!(words[2..4], ["app", "|"]);
    let nested = done("logs -n shop cart --tail 1 -o extjson").stdout();
    let record: Value = serde_json::from_str(nested.lines().next().unwrap()).unwrap();
    assert_eq!(record["message"]["code"], 200);
    let colours = done("logs -n shop cart --tail 1 --color always -H handled").stdout();
    assert!(colours.contains("\u{1b}[7mhandled\u{1b}[0m"), "{colours:?}");
    let piped = done("logs -n shop cart --tail 1 -H handled").stdout();
    assert!(!piped.contains('\u{1b}'));
    let whole = done("logs -A coredns --tail 1").stdout();
    assert!(whole.starts_with("kube-system coredns-"), "{whole}");
}

#[test]
fn what_cannot_be_read_has_its_exit_code() {
    for (arguments, code, words) in [
        ("logs pod/none", 3, "pod/none is not there"),
        ("logs -n shop svc/none", 3, "no such thing"),
        ("logs -n shop deploy/web --tail 1 pod/none", 3, "pod/none"),
        ("logs --context nope", 3, "no context"),
        ("logs x[", 2, "cannot be read"),
        ("logs -c x[", 2, "cannot be read"),
        ("logs cron/x", 2, "no kind"),
        ("logs -A deploy/web", 2, "-n"),
        ("logs --template {mesage}", 2, "message"),
        (
            "logs -n shop web -p --tail 1",
            1,
            "previous terminated container",
        ),
        ("cluster logs nope", 3, "nope"),
        ("cluster logs dev web", 2, "no kind"),
    ] {
        let run = run(arguments);
        assert_eq!(run.code(), code, "{}", run.report());
        assert!(run.stderr().contains(words), "{}", run.report());
    }
    let none = done("logs nothing-is-called-so");
    assert!(none.stderr().contains("no pod fits"), "{}", none.report());
    let unreachable = run("logs --context staging");
    assert_eq!(unreachable.code(), 5, "{}", unreachable.report());
}

#[test]
fn a_cluster_at_the_engine_needs_no_context() {
    let run = done("cluster logs dev service cart -n shop --tail 1");
    assert_eq!(lines(&run).len(), 2, "{}", run.report());
    let run = done("cluster logs dev -n infra --tail 1");
    assert!(run.stdout().contains("postgres-"));
    assert!(
        run.stderr().contains("has not started: ImagePullBackOff"),
        "{}",
        run.report()
    );
}

#[test]
fn a_log_that_is_followed_goes_on_until_ctrl_c() {
    let place = Place::new();
    let mut child = place
        .command("--simulate logs -n shop web -f --tail 1 -o json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    let mut seen = Vec::new();
    for line in said.lines().take(12) {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_ne!(record["mark"], "gap");
        let key = (record["pod"].to_string(), record["time"].to_string());
        assert!(!seen.contains(&key), "{key:?} came twice");
        seen.push(key);
    }
    let id = Pid::from_child(&child);
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let place = Place::new();
    let mut child = place
        .command("--simulate logs -A -f")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    drop(said);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!told.to_lowercase().contains("error"), "{told}");
}
