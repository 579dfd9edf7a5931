//! Pods: problems first, with the reason in words.
//!
//! The STATUS column follows kubectl's printer ([`printed`]), whether the row comes from the server's table, which that
//! printer made, or from an object.

mod printed;

use serde_json::Value;

use super::{Cell, Column, KindSpec, Row, TableCell, TableRow, created, text};
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
            min: 15,
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

fn from_table(line: &TableRow<'_>) -> Option<Row> {
    let (ready, status) = (line.text("Ready"), line.text("Status"));
    let restarts = match line.cell("Restarts") {
        Some(TableCell::Number(count)) => *count,
        // "3 (5m ago)"
        Some(TableCell::Text(text)) => {
            let count = text.split(' ').next().unwrap_or_default();
            count.parse().unwrap_or(0)
        }
        Some(TableCell::Empty) | None => 0,
    };
    let some = |column| match line.text(column) {
        "<none>" => Cell::Empty,
        word => text(word),
    };
    let key = line.key()?;
    let cells = [
        Cell::Text(key.name.clone()),
        text(ready),
        text(status),
        Cell::Number(restarts),
        line.age(),
        some("IP"),
        some("Node"),
    ];
    Some(Row {
        key,
        uid: line.uid.map(Into::into),
        health: health(status, ready),
        cells: cells.into(),
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
    let seen = printed::print(object);
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

/// How a pod is, by kubectl's words for it.
fn health(status: &str, ready: &str) -> Health {
    let all_ready = ready
        .split_once('/')
        .is_some_and(|(ready, wanted)| ready == wanted);
    match status {
        "Running" if all_ready => Health::Good,
        // Unknown: the node is gone, and nobody knows.
        "Running" | "NotReady" | "Unknown" | "" => Health::Warning,
        "Completed" | "Succeeded" => Health::Idle,
        "Pending" | "ContainerCreating" | "PodInitializing" | "Terminating" | "SchedulingGated" => {
            Health::Progressing
        }
        // "Init:1/2" is on its way; "Init:Error" and every other reason that a container or the node gives is a failure.
        _ => match status.strip_prefix("Init:") {
            Some(step) if step.starts_with(|c: char| c.is_ascii_digit()) => Health::Progressing,
            _ => Health::Failing,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn health_follows_the_word() {
        for (ready, status, want) in [
            ("1/1", "Running", Health::Good),
            ("0/1", "Running", Health::Warning),
            ("1/2", "NotReady", Health::Warning),
            ("0/1", "Completed", Health::Idle),
            ("0/1", "ContainerCreating", Health::Progressing),
            ("0/1", "Init:1/2", Health::Progressing),
            ("0/1", "Init:CrashLoopBackOff", Health::Failing),
            ("0/1", "ImagePullBackOff", Health::Failing),
            ("0/1", "Evicted", Health::Failing),
            ("", "", Health::Warning),
        ] {
            assert_eq!(health(status, ready), want, "{ready} {status}");
        }
    }

    fn line(cells: &[TableCell<'_>]) -> Option<Row> {
        let columns: Vec<String> = ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node"]
            .map(str::to_owned)
            .into();
        let namespace: Arc<str> = "shop".into();
        from_table(&TableRow {
            columns: &columns,
            cells,
            namespace: &namespace,
            uid: None,
            created: None,
            now: "2026-11-21T03:00:00Z".parse().unwrap(),
        })
    }

    #[test]
    fn the_servers_line_and_the_object_give_the_same_row() {
        let words = [
            "web-1",
            "0/1",
            "CrashLoopBackOff",
            "7 (5m ago)",
            "2h",
            "10.0.0.7",
            "n1",
        ];
        let cells = words.map(|word| TableCell::Text(word.into()));
        let from_line = line(&cells).unwrap();
        let object = json!({
            "metadata": {"name": "web-1", "namespace": "shop", "creationTimestamp": "2026-11-21T01:00:00Z"},
            "spec": {"nodeName": "n1", "containers": [{"name": "web"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": [{
                "name": "web", "ready": false, "restartCount": 7,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            }]},
        });
        assert_eq!(from_object(&object), Some(from_line.clone()));
        assert_eq!(from_line.health, Health::Failing);
        assert_eq!(from_line.key.to_string(), "shop/web-1");
        assert_eq!(from_line.cells.len(), KIND.columns.len());
    }

    #[test]
    fn a_line_without_a_name_is_no_row() {
        assert_eq!(line(&[]), None);
        assert_eq!(line(&[TableCell::Empty, TableCell::Number(1)]), None);
    }

    proptest! {
        #[test]
        fn no_cells_make_it_panic(cells in proptest::collection::vec(prop_oneof![
            Just(TableCell::Empty),
            any::<i64>().prop_map(TableCell::Number),
            "\\PC{0,20}".prop_map(|text| TableCell::Text(text.into())),
            "[0-9]{0,20}[smhdy (/]{0,3}".prop_map(|text| TableCell::Text(text.into())),
        ], 0..12)) {
            let _ = line(&cells);
        }
    }
}
