//! Servers that keep their data in a database outside of the cluster: no etcd, no majority, nothing lost with a server.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use coracle::{
    domain::{ForNodes, NodeFilter, Role},
    ops::Wish,
};
use tokio::time::sleep;

use crate::{life::Life, ports::scale};

const IMAGE: &str = "coracle/postgres:1";

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().unwrap()
}

/// A database in a container of its own, gone with this value.
struct Database {
    name: String,
    port: String,
}

impl Database {
    fn start() -> Self {
        if !docker(&["image", "inspect", IMAGE]).status.success() {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/build-images");
            let built = Command::new(script).arg("postgres").output().unwrap();
            assert!(built.status.success(), "{built:?}");
        }
        let name = format!("e2e-datastore-{}", std::process::id());
        let run = docker(&["run", "-d", "--name", &name, "-p", "0.0.0.0::5432", IMAGE]);
        assert!(run.status.success(), "{run:?}");
        let port = docker(&["port", &name, "5432/tcp"]).stdout;
        let port = String::from_utf8(port).unwrap();
        let port = port.lines().next().unwrap().rsplit(':').next().unwrap();
        Self {
            port: port.to_owned(),
            name,
        }
    }

    async fn ready(&self) {
        let begun = Instant::now();
        loop {
            let logs = docker(&["logs", &self.name]).stderr;
            if String::from_utf8_lossy(&logs).contains("listening on IPv4") {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no database");
            sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        docker(&["rm", "-fv", &self.name]);
    }
}

#[tokio::test]
async fn servers_share_a_postgresql_and_need_no_majority() {
    let life = Life::new("ports-data").await;
    let database = Database::start();
    database.ready().await;
    let mut spec = life.spec(2, 0);
    spec.k3s_args = vec![ForNodes {
        value: format!(
            "--datastore-endpoint=postgres://k3s:k3s@host.k3d.internal:{}/k3s?sslmode=disable",
            database.port
        ),
        nodes: vec![NodeFilter::role(Role::Server)],
    }];
    let (request, plan) = life.prepare(Life::create(spec)).await.unwrap();
    assert!(!plan.to_json().to_string().contains("k3s:k3s@"));
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    let cancel = coracle::ops::Cancel::new();
    let report = life.carry_out(&request, plan, &cancel);
    println!(
        "two servers on PostgreSQL in {:?}",
        report.await.unwrap().took
    );
    let server = |number: u16| format!("k3d-{}-server-{number}", life.name);
    let runtime = &life.backends.runtime;
    let first = runtime.inspect(&server(0)).await.unwrap();
    assert!(!first.command.contains(&"--cluster-init".to_owned()));
    let found = runtime
        .exec(
            &server(0),
            &["ls", "/var/lib/rancher/k3s/server/db"],
            Duration::from_secs(10),
        )
        .await
        .unwrap();
    let found = String::from_utf8_lossy(&found.output).into_owned();
    assert!(
        !found.contains("etcd") && !found.contains("state.db"),
        "{found}"
    );

    life.put_word().await;
    assert_eq!(life.nodes().await.0, 2);

    // One of two is enough, and another one joins meanwhile.
    runtime
        .stop(&server(1), Duration::from_secs(20))
        .await
        .unwrap();
    life.has_word().await;
    life.run(scale(&life, Some(3), None)).await.unwrap();
    assert_eq!(life.nodes().await.0, 3);
    life.run(scale(&life, Some(1), None)).await.unwrap();
    assert_eq!(life.nodes().await.0, 1);
    life.has_word().await;
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}
