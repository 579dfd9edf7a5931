//! What kubectl shows in a pod's STATUS, READY and RESTARTS: one word for all that a pod can be in, and how bad it is.
//!
//! The server prints these words into its tables by the same rules, so that an object and a line of a table agree.

use std::borrow::Cow;

use serde_json::Value;

/// A pod in kubectl's words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Printed {
    /// How many containers are ready.
    pub(super) ready: usize,
    /// How many are to be ready: the containers, and those init containers that stay.
    pub(super) containers: usize,
    /// The word: `Running`, `Init:0/2`, `CrashLoopBackOff`.
    pub(super) status: String,
    /// How often containers were started again.
    pub(super) restarts: i64,
}

/// Prints a pod.
pub(super) fn print(pod: &Value) -> Printed {
    let specs = items(pod, "/spec/initContainers");
    let stays = |name: &Value| {
        let spec = specs.iter().find(|spec| spec["name"] == *name);
        spec.is_some_and(|spec| spec["restartPolicy"] == "Always")
    };
    let sidecars = specs.iter().filter(|spec| stays(&spec["name"])).count();
    let mut printed = Printed {
        ready: 0,
        containers: items(pod, "/spec/containers").len() + sidecars,
        status: phase(pod).to_owned(),
        restarts: 0,
    };
    let mut sidecar_restarts = 0;
    let mut initializing = false;
    for (done, container) in items(pod, "/status/initContainerStatuses")
        .iter()
        .enumerate()
    {
        printed.restarts = printed.restarts.saturating_add(restarts(container));
        let stays = stays(&container["name"]);
        if stays {
            sidecar_restarts = restarts(container).saturating_add(sidecar_restarts);
        }
        match init_state(container, stays) {
            Init::Done => {}
            Init::Serves { ready } => printed.ready += usize::from(ready),
            Init::Stuck(why) => {
                let why = why.unwrap_or_else(|| format!("{done}/{}", specs.len()).into());
                printed.status = format!("Init:{why}");
                initializing = true;
                break;
            }
        }
    }
    if !initializing || condition(pod, "Initialized") {
        printed.restarts = sidecar_restarts;
        main_containers(pod, &mut printed);
    }
    let phase = text(pod, "/status/phase");
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        if text(pod, "/status/reason") == "NodeLost" {
            "Unknown".clone_into(&mut printed.status);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut printed.status);
        }
    }
    printed
}

/// The word before any container is looked at.
fn phase(pod: &Value) -> &str {
    let gated = items(pod, "/status/conditions").iter().any(|condition| {
        condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated"
    });
    match text(pod, "/status/reason") {
        _ if gated => "SchedulingGated",
        "" => text(pod, "/status/phase"),
        reason => reason,
    }
}

enum Init<'a> {
    /// It has done its work.
    Done,
    /// It goes on beside the containers.
    Serves { ready: bool },
    /// The pod waits for it; why, where there is more to say than how far it is.
    Stuck(Option<Cow<'a, str>>),
}

fn init_state(container: &Value, stays: bool) -> Init<'_> {
    let ended = container.pointer("/state/terminated");
    let waits = text(container, "/state/waiting/reason");
    match ended {
        Some(ended) if ended["exitCode"] == 0 => Init::Done,
        _ if stays && container["started"] == true => Init::Serves {
            ready: container["ready"] == true,
        },
        Some(ended) => Init::Stuck(Some(match text(ended, "/reason") {
            "" => exit(ended).into(),
            reason => reason.into(),
        })),
        None if !matches!(waits, "" | "PodInitializing") => Init::Stuck(Some(waits.into())),
        None => Init::Stuck(None),
    }
}

fn main_containers(pod: &Value, printed: &mut Printed) {
    let mut running = false;
    // The first container with something to say has the last word.
    for container in items(pod, "/status/containerStatuses").iter().rev() {
        printed.restarts = printed.restarts.saturating_add(restarts(container));
        let waits = text(container, "/state/waiting/reason");
        let ended = container.pointer("/state/terminated");
        let reason = text(container, "/state/terminated/reason");
        if !waits.is_empty() {
            waits.clone_into(&mut printed.status);
        } else if !reason.is_empty() {
            reason.clone_into(&mut printed.status);
        } else if let Some(ended) = ended {
            printed.status = exit(ended);
        } else if container["ready"] == true && container.pointer("/state/running").is_some() {
            running = true;
            printed.ready += 1;
        }
    }
    // One container has finished while another goes on: the pod runs, well or not.
    if printed.status == "Completed" && running {
        let word = if condition(pod, "Ready") {
            "Running"
        } else {
            "NotReady"
        };
        word.clone_into(&mut printed.status);
    }
}

fn exit(ended: &Value) -> String {
    match ended["signal"].as_i64() {
        Some(signal) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", ended["exitCode"].as_i64().unwrap_or(0)),
    }
}

fn restarts(container: &Value) -> i64 {
    container["restartCount"].as_i64().unwrap_or(0)
}

fn condition(pod: &Value, name: &str) -> bool {
    items(pod, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == name && condition["status"] == "True")
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    let found = object.pointer(path).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn items<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    let found = object.pointer(path).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

#[cfg(test)]
#[path = "printed_tests.rs"]
mod tests;
