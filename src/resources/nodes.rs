//! Nodes: Ready or why not.

use jiff::Timestamp;
use serde_json::Value;

use super::{Column, KindSpec, Row};
use crate::domain::{kube::NodeStatus, log::sanitize};

/// The kind.
pub static KIND: KindSpec = KindSpec {
    plural: "nodes",
    group: "",
    version: "v1",
    namespaced: false,
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
            min: 4,
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
            priority: 4,
            right: false,
        },
        Column {
            title: "NODE",
            min: 10,
            max: 40,
            priority: 3,
            right: false,
        },
    ],
    from_table,
    from_object,
};

fn from_table(
    _names: &[String],
    _cells: &[Value],
    _namespace: &str,
    _now: Timestamp,
) -> Option<Row> {
    None
}

fn from_object(_object: &Value) -> Option<Row> {
    None
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
        let fresh = super::status(&json!({"metadata": {"name": "n"}})).unwrap();
        assert_eq!(
            (fresh.ready, fresh.message.as_str()),
            (false, "it has not reported yet")
        );
        assert_eq!(super::status(&json!({})), None);
    }
}
