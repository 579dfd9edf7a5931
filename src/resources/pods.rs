//! Pods: problems first, with the reason in words.
//!
//! The STATUS column follows kubectl's printer
//! ([`printed`]), whether
//! the row comes from the server's table, which the same code printed, or from an object.

mod printed;

use jiff::Timestamp;
use serde_json::Value;

use self::printed::Printed;
use super::{Cell, Column, KindSpec, Row, cell, created, since, text};
use crate::domain::{Health, ObjectKey};

/// The kind.
pub static KIND: KindSpec = KindSpec {
    plural: "pods",
    group: "",
    version: "v1",
    namespaced: true,
    whole: false,
    columns: &[
        Column {
            title: "NAME",
            min: 20,
            max: 63,
            priority: 0,
            right: false,
        },
        Column {
            title: "READY",
            min: 5,
            max: 6,
            priority: 1,
            right: false,
        },
        Column {
            title: "STATUS",
            min: 9,
            max: 28,
            priority: 0,
            right: false,
        },
        Column {
            title: "RESTARTS",
            min: 8,
            max: 8,
            priority: 1,
            right: true,
        },
        Column {
            title: "AGE",
            min: 4,
            max: 6,
            priority: 1,
            right: true,
        },
        Column {
            title: "IP",
            min: 9,
            max: 39,
            priority: 5,
            right: false,
        },
        Column {
            title: "NODE",
            min: 10,
            max: 40,
            priority: 4,
            right: false,
        },
    ],
    from_table,
    from_object,
};

fn from_table(names: &[String], cells: &[Value], namespace: &str, now: Timestamp) -> Option<Row> {
    let word = |name| {
        cell(names, cells, name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let name = word("Name");
    if name.is_empty() {
        return None;
    }
    let restarts = cell(names, cells, "Restarts").map_or(0, |value| match value {
        // "3 (5m ago)"
        Value::String(text) => text
            .split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0),
        other => other.as_i64().unwrap_or(0),
    });
    let none = |word: &'static str| {
        move |text: &'_ str| {
            if text == word {
                Cell::Empty
            } else {
                super::text(text)
            }
        }
    };
    let none = none("<none>");
    let (ready, status) = (word("Ready"), word("Status"));
    Some(Row {
        key: ObjectKey::new(namespace, name),
        uid: None,
        health: health(status, ready),
        cells: [
            text(name),
            text(ready),
            text(status),
            Cell::Number(restarts),
            since(word("Age"), now),
            none(word("IP")),
            none(word("Node")),
        ]
        .into(),
    })
}

fn from_object(object: &Value) -> Option<Row> {
    let word = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let name = word("/metadata/name");
    if name.is_empty() {
        return None;
    }
    let seen = Printed::of(object);
    let ready = format!("{}/{}", seen.ready, seen.containers);
    Some(Row {
        key: ObjectKey::new(word("/metadata/namespace"), name),
        uid: (!word("/metadata/uid").is_empty()).then(|| word("/metadata/uid").into()),
        health: health(&seen.status, &ready),
        cells: [
            text(name),
            text(&ready),
            text(&seen.status),
            Cell::Number(seen.restarts),
            created(object),
            text(word("/status/podIP")),
            text(word("/spec/nodeName")),
        ]
        .into(),
    })
}

/// How a pod is, from the words of kubectl's printer.
fn health(status: &str, ready: &str) -> Health {
    let all_ready = ready
        .split_once('/')
        .is_some_and(|(ready, all)| ready == all);
    match status {
        "Running" if all_ready => Health::Good,
        "Running" | "NotReady" => Health::Warning,
        "Completed" | "Succeeded" => Health::Idle,
        "Pending" | "ContainerCreating" | "PodInitializing" | "Terminating" => Health::Progressing,
        _ if status.starts_with("Init:") => match status.trim_start_matches("Init:") {
            // "Init:0/1" counts, "Init:CrashLoopBackOff" fails.
            counted if counted.contains('/') => Health::Progressing,
            _ => Health::Failing,
        },
        _ => Health::Failing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status_of(pod: &Value) -> (String, Health) {
        let row = from_object(pod).unwrap();
        let Cell::Text(status) = &row.cells[2] else {
            panic!("no status")
        };
        (status.to_string(), row.health)
    }

    fn pod(status: Value) -> Value {
        let mut pod = json!({
            "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-11-21T00:00:00Z"},
            "spec": {"containers": [{"name": "c"}], "nodeName": "n"},
        });
        pod["status"] = status;
        pod
    }

    #[test]
    fn the_status_is_kubectl_s() {
        let running = json!({"state": {"running": {}}, "ready": true, "restartCount": 2});
        for (status, want, health) in [
            (
                json!({"phase": "Running", "containerStatuses": [running]}),
                "Running",
                Health::Good,
            ),
            (json!({"phase": "Pending"}), "Pending", Health::Progressing),
            (
                json!({"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]}),
                "Completed",
                Health::Idle,
            ),
            (
                json!({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 9}]}),
                "CrashLoopBackOff",
                Health::Failing,
            ),
            (
                json!({"phase": "Failed", "reason": "Evicted"}),
                "Evicted",
                Health::Failing,
            ),
            (
                json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}),
                "ExitCode:3",
                Health::Failing,
            ),
            (
                json!({"phase": "Running", "containerStatuses": [{"state": {"running": {}}, "ready": false}]}),
                "Running",
                Health::Warning,
            ),
        ] {
            assert_eq!(
                status_of(&pod(status.clone())),
                (want.to_owned(), health),
                "{status}"
            );
        }
    }

    #[test]
    fn init_containers_and_deletion_are_said() {
        let mut waiting = pod(
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}),
        );
        waiting["spec"]["initContainers"] = json!([{"name": "i"}]);
        assert_eq!(
            status_of(&waiting),
            ("Init:0/1".to_owned(), Health::Progressing)
        );
        waiting["status"]["initContainerStatuses"][0]["state"] =
            json!({"waiting": {"reason": "ImagePullBackOff"}});
        assert_eq!(
            status_of(&waiting),
            ("Init:ImagePullBackOff".to_owned(), Health::Failing)
        );
        waiting["metadata"]["deletionTimestamp"] = json!("2026-11-21T00:00:00Z");
        assert_eq!(
            status_of(&waiting),
            ("Terminating".to_owned(), Health::Progressing)
        );
    }

    #[test]
    fn a_line_of_the_table_and_the_object_make_the_same_row() {
        let names: Vec<String> = ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node"]
            .map(str::to_owned)
            .to_vec();
        let now: Timestamp = "2026-11-21T00:05:00Z".parse().unwrap();
        let cells = [
            json!("web"),
            json!("1/1"),
            json!("Running"),
            json!("2 (3m ago)"),
            json!("5m"),
            json!("10.42.0.7"),
            json!("n"),
        ];
        let table = from_table(&names, &cells, "shop", now).unwrap();
        let object = from_object(&pod(json!({
            "phase": "Running", "podIP": "10.42.0.7",
            "containerStatuses": [{"state": {"running": {}}, "ready": true, "restartCount": 2}],
        })))
        .unwrap();
        assert_eq!(table, object);
    }
}
