//! `coracle forward` as a person and a script meet it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Place;

/// A place with a kubeconfig whose only server is nowhere. Its forwards in the background end with it.
struct Background(Place);

impl Background {
    fn new() -> Self {
        let place = Place::new();
        place.write(
            "home/kubeconfig",
            "current-context: dev\n\
             contexts: [{name: dev, context: {cluster: dev, namespace: shop}}]\n\
             clusters: [{name: dev, cluster: {server: 'https://127.0.0.1:1'}}]\n",
        );
        Self(place)
    }

    fn list(&self) -> Value {
        let run = self.0.run("forward list -o json");
        assert_eq!(run.code(), 0, "{}", run.report());
        serde_json::from_str(&run.stdout()).unwrap()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.run("forward stop --all");
    }
}

/// A forward before our eyes, and the port that it says.
fn foreground(place: &Place, arguments: &str) -> (Child, BufReader<ChildStdout>, u16) {
    let mut command = place.command(arguments);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let port = line.split([':', ' ']).nth(1).unwrap();
    (child, said, port.parse().unwrap())
}

#[test]
fn a_forward_on_the_simulated_world_answers_and_ends_with_ctrl_c() {
    let place = Place::new();
    let (mut child, mut said, port) =
        foreground(&place, "--simulate forward svc/web :http -n shop");
    let mut caller = TcpStream::connect(("127.0.0.1", port)).unwrap();
    caller
        .write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("shop/web-"), "{answer}");
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    for words in ["SIMULATED", "connected to pod web-"] {
        assert!(told.any(|line| line.unwrap().contains(words)), "{words}");
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_forward_in_the_background_outlives_its_command_until_it_is_stopped() {
    let background = Background::new();
    let run = background.0.run("forward svc/web :80 :http --detach");
    assert_eq!(run.code(), 0, "{}", run.report());
    let ports: Vec<u16> = run
        .stdout()
        .lines()
        .map(|line| line.split([':', ' ']).nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(
        run.stderr()
            .contains(&format!("coracle forward stop {}", ports[0]))
    );
    for port in &ports {
        TcpStream::connect(("127.0.0.1", *port)).unwrap();
    }
    background.0.run("forward pod/db-0 :5432 -n data -d");
    let list = background.list();
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    let web = list
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["target"] == "service/web")
        .unwrap();
    assert_eq!(
        (&web["context"], &web["namespace"]),
        (&"dev".into(), &"shop".into())
    );
    assert_eq!(web["listening"][1]["remote"], "http");
    let table = background.0.run("forward list").stdout();
    assert!(
        table.contains("service/web:80,http") && table.contains("pod/db-0:5432"),
        "{table}"
    );

    // The port is named with its owner, and where to go instead.
    let run = background
        .0
        .run(&format!("forward svc/other {}:80 -d", ports[0]));
    assert_eq!(run.code(), 1);
    assert!(
        run.stderr().contains("it is in use by coracle (process "),
        "{}",
        run.report()
    );
    assert!(run.stderr().contains("is free"), "{}", run.report());

    let run = background.0.run(&format!("forward stop {}", ports[1]));
    assert_eq!(run.code(), 0, "{}", run.report());
    for port in ports {
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
    let run = background.0.run("forward stop svc/web");
    assert_eq!(run.code(), 3, "{}", run.report());
    assert_eq!(background.0.run("forward stop db-0").code(), 0);
    assert_eq!(background.list(), Value::Array(Vec::new()));
}

#[test]
fn a_process_that_was_killed_is_no_forward_any_more() {
    let background = Background::new();
    background.0.run("forward svc/web :80 -d");
    let pid = background.list()[0]["pid"].as_i64().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    // The kernel takes a moment to close its sockets; each list asks them.
    let none = Value::Array(Vec::new());
    assert!((0..100).any(|_| background.list() == none));
    let sockets = background.0.path("home/.local/state/coracle/forwards");
    assert_eq!(std::fs::read_dir(sockets).unwrap().count(), 0);
}

#[test]
fn addresses_are_kubectls() {
    let place = Place::new();
    let said = |arguments: &str, lines: usize| -> Vec<String> {
        let mut command = place.command(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut all = Vec::new();
        for _ in 0..lines {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            all.push(line.split(':').next().unwrap().to_owned());
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        child.wait().unwrap();
        all
    };
    let forward = "--simulate forward svc/web :80 -n shop";
    assert_eq!(
        said(&format!("{forward} --address localhost,127.0.0.5"), 2),
        ["127.0.0.1", "127.0.0.5"]
    );
    assert_eq!(
        said(
            &format!("{forward} --address 127.0.0.5 --address 127.0.0.6"),
            2
        ),
        ["127.0.0.5", "127.0.0.6"]
    );
    let run = place.run(&format!("{forward} --address box.example"));
    assert_eq!(run.code(), 2, "{}", run.report());
}

#[test]
fn a_target_that_is_not_there_is_told_at_once() {
    let place = Place::new();
    let run = place.run("--simulate forward svc/tpyo :80 -n shop");
    assert_eq!(
        (run.code(), run.stdout().as_str()),
        (3, ""),
        "{}",
        run.report()
    );
    assert!(run.stderr().contains("tpyo"), "{}", run.report());
}

#[test]
fn wrong_usage_is_told_before_anything_is_opened() {
    let background = Background::new();
    let mut all = String::new();
    for command in [
        "forward",
        "forward svc/web",
        "forward svc/web 80:HTTP",
        "forward nonsense/web 80",
        "forward svc/web 80 --context prod",
        "--simulate forward svc/web 80 --detach",
        "forward stop",
    ] {
        let run = background.0.run(command);
        assert!(matches!(run.code(), 2 | 3), "{}", run.report());
        assert_eq!(run.stdout(), "");
        all.push_str(&run.report());
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}
