//! A pod as kubectl prints it, from the object: `printPod` of
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/printers/internalversion/printers.go> in our words.

use serde_json::Value;

/// What kubectl prints of a pod.
pub(super) struct Printed {
    pub(super) status: String,
    pub(super) ready: usize,
    pub(super) containers: usize,
    pub(super) restarts: i64,
}

impl Printed {
    #[expect(
        clippy::too_many_lines,
        reason = "one decision after the other, in the order of kubectl's printer"
    )]
    pub(super) fn of(pod: &Value) -> Self {
        let list = |path: &str| {
            pod.pointer(path)
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default()
        };
        let word = |path: &str| {
            pod.pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let mut status = match word("/status/reason") {
            "" => word("/status/phase").to_owned(),
            reason => reason.to_owned(),
        };
        let gated = list("/status/conditions").iter().any(|condition| {
            condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated"
        });
        if gated {
            "SchedulingGated".clone_into(&mut status);
        }
        let restarts_of = |state: &Value| state["restartCount"].as_i64().unwrap_or(0);
        let inits = list("/status/initContainerStatuses");
        let sidecar = |name: &Value| {
            list("/spec/initContainers")
                .iter()
                .any(|init| init["name"] == *name && init["restartPolicy"] == "Always")
        };
        let mut restarts: i64 = inits.iter().map(restarts_of).sum();
        let mut initializing = false;
        for (place, init) in inits.iter().enumerate() {
            if init
                .pointer("/state/terminated/exitCode")
                .and_then(Value::as_i64)
                == Some(0)
                || (sidecar(&init["name"]) && init["started"] == true)
            {
                continue;
            }
            let waiting = init
                .pointer("/state/waiting/reason")
                .and_then(Value::as_str)
                .unwrap_or_default();
            status = match init.pointer("/state/terminated") {
                Some(terminated) => format!("Init:{}", ending(terminated)),
                None if !waiting.is_empty() && waiting != "PodInitializing" => {
                    format!("Init:{waiting}")
                }
                None => format!("Init:{place}/{}", list("/spec/initContainers").len()),
            };
            initializing = true;
            break;
        }
        let containers = list("/status/containerStatuses");
        let mut ready = inits
            .iter()
            .filter(|init| sidecar(&init["name"]) && init["ready"] == true)
            .count();
        if !initializing {
            restarts = inits
                .iter()
                .filter(|init| sidecar(&init["name"]))
                .map(restarts_of)
                .sum();
            let mut running = false;
            for state in containers.iter().rev() {
                restarts += restarts_of(state);
                let waiting = state
                    .pointer("/state/waiting/reason")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                if !waiting.is_empty() {
                    waiting.clone_into(&mut status);
                } else if let Some(terminated) = state.pointer("/state/terminated") {
                    status = ending(terminated);
                } else if state["ready"] == true && state.pointer("/state/running").is_some() {
                    running = true;
                    ready += 1;
                }
            }
            if status == "Completed" && running {
                let is_ready = list("/status/conditions")
                    .iter()
                    .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
                if is_ready { "Running" } else { "NotReady" }.clone_into(&mut status);
            }
        }
        if !word("/metadata/deletionTimestamp").is_empty() {
            let unreachable = word("/status/reason") == "NodeLost";
            if unreachable {
                "Unknown"
            } else {
                "Terminating"
            }
            .clone_into(&mut status);
        }
        let sidecars = list("/spec/initContainers")
            .iter()
            .filter(|init| init["restartPolicy"] == "Always")
            .count();
        Self {
            status,
            ready,
            containers: list("/spec/containers").len() + sidecars,
            restarts,
        }
    }
}

/// How a container ended: its reason, or the signal or code where it has none.
fn ending(terminated: &Value) -> String {
    let reason = terminated["reason"].as_str().unwrap_or_default();
    let number = |key: &str| terminated[key].as_i64().unwrap_or(0);
    match (reason, number("signal")) {
        ("", 0) => format!("ExitCode:{}", number("exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}
