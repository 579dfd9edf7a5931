//! Nodes: Ready or why not.

use serde_json::Value;

use super::{Cell, Column, KindSpec, Row, TableRow, created, text};
use crate::domain::{Health, ObjectKey, kube::NodeStatus, log::sanitize};

/// The kind.
pub static KIND: KindSpec = KindSpec {
    plural: "nodes",
    group: "",
    version: "v1",
    namespaced: false,
    // Why a node is not Ready is in its conditions, and the table has only the word.
    whole: true,
    columns: &[
        Column {
            title: "NAME",
            min: 14,
            max: 63,
            priority: 0,
            right: false,
        },
        Column {
            title: "STATUS",
            min: 8,
            max: 60,
            priority: 0,
            right: false,
        },
        Column {
            title: "ROLES",
            min: 6,
            max: 30,
            priority: 3,
            right: false,
        },
        Column {
            title: "AGE",
            min: 4,
            max: 6,
            priority: 1,
            right: true,
        },
        Column {
            title: "VERSION",
            min: 10,
            max: 20,
            priority: 2,
            right: false,
        },
        Column {
            title: "INTERNAL-IP",
            min: 11,
            max: 39,
            priority: 4,
            right: false,
        },
    ],
    from_table,
    from_object,
};

/// The words of the STATUS column, which [`status_of_row`] reads again.
const READY: &str = "Ready";
const NOT_READY: &str = "NotReady";
const CORDONED: &str = ",SchedulingDisabled";

/// A node of the server's own table. It is not asked for: see [`KindSpec::whole`].
fn from_table(_: &TableRow<'_>) -> Option<Row> {
    None
}

fn from_object(object: &Value) -> Option<Row> {
    let status = status(object)?;
    let mut word = if status.ready { READY } else { NOT_READY }.to_owned();
    if status.cordoned {
        word.push_str(CORDONED);
    }
    if !status.message.is_empty() {
        word = format!("{word}: {}", status.message);
    }
    let health = match (status.ready, status.cordoned) {
        (true, false) => Health::Good,
        (true, true) => Health::Warning,
        (false, _) => Health::Failing,
    };
    let roles: Vec<&str> = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|labels| labels.keys())
        .filter_map(|label| label.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    Some(Row {
        key: ObjectKey::new("", status.name.as_str()),
        uid: object
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .map(Into::into),
        health,
        cells: [
            text(&status.name),
            Cell::Text(word.into()),
            text(&roles.join(",")),
            created(object),
            text(&status.version),
            text(
                &status
                    .address
                    .map(|address| address.to_string())
                    .unwrap_or_default(),
            ),
        ]
        .into(),
    })
}

/// What a row of this kind says of the node.
#[must_use]
pub fn status_of_row(row: &Row) -> NodeStatus {
    let cell = |place: usize| match row.cells.get(place) {
        Some(Cell::Text(text)) => &**text,
        _ => "",
    };
    let (word, message) = cell(1).split_once(": ").unwrap_or((cell(1), ""));
    NodeStatus {
        name: row.key.name.to_string(),
        ready: word.trim_end_matches(CORDONED) == READY,
        message: message.to_owned(),
        cordoned: word.ends_with(CORDONED),
        version: cell(4).to_owned(),
        address: cell(5).parse().ok(),
    }
}

/// What Kubernetes says of a node, from its object; `None` where that is no node.
#[must_use]
pub fn status(object: &Value) -> Option<NodeStatus> {
    let list = |path: &str| object.pointer(path).and_then(Value::as_array);
    let ready = list("/status/conditions")
        .and_then(|all| all.iter().find(|condition| condition["type"] == "Ready"));
    let is_ready = ready.is_some_and(|condition| condition["status"] == "True");
    let message = match ready {
        _ if is_ready => "",
        Some(condition) => condition["message"].as_str().unwrap_or_default(),
        None => "it has not reported yet",
    };
    let address = list("/status/addresses").and_then(|all| {
        let internal = all.iter().find(|address| address["type"] == "InternalIP")?;
        internal["address"].as_str()?.parse().ok()
    });
    Some(NodeStatus {
        name: object.pointer("/metadata/name")?.as_str()?.to_owned(),
        ready: is_ready,
        message: sanitize(message.as_bytes()),
        cordoned: object.pointer("/spec/unschedulable") == Some(&Value::Bool(true)),
        version: sanitize(
            object
                .pointer("/status/nodeInfo/kubeletVersion")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .as_bytes(),
        ),
        address,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_says_whether_it_is_ready_and_why_not() {
        let object = json!({
            "metadata": {"name": "k3d-demo-server-0"},
            "spec": {"unschedulable": true},
            "status": {
                "conditions": [
                    {"type": "MemoryPressure", "status": "False"},
                    {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped\u{1b}[2J posting"},
                ],
                "addresses": [{"type": "Hostname", "address": "x"}, {"type": "InternalIP", "address": "172.18.0.3"}],
                "nodeInfo": {"kubeletVersion": "v1.34.2+k3s1"},
            },
        });
        let status = status(&object).unwrap();
        assert_eq!(
            (status.ready, status.message.as_str()),
            (false, "Kubelet stopped posting")
        );
        assert!(status.cordoned && status.address.is_some());
        assert_eq!(status.version, "v1.34.2+k3s1");
        let row = from_object(&object).unwrap();
        assert_eq!(status_of_row(&row), status);
        let fresh = super::status(&json!({"metadata": {"name": "n"}})).unwrap();
        assert_eq!(
            (fresh.ready, fresh.message.as_str()),
            (false, "it has not reported yet")
        );
        assert_eq!(super::status(&json!({})), None);
    }
}
