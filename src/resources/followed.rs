//! Pods as whoever follows their logs has to know them: which containers there are, which run of each it is, how the
//! last one ended, and of which revision the pod is.
//!
//! The server's table says none of it, so this kind is read from whole objects, and only where logs are followed. A
//! row's second cell carries what is known as JSON; [`Followed::of_row`] reads it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cell, KindSpec, Row, TableRow};
use crate::domain::{Health, ObjectKey, log::sanitize};

/// The kind.
pub static KIND: KindSpec = KindSpec {
    plural: "pods",
    group: "",
    version: "v1",
    namespaced: true,
    whole: true,
    columns: &[],
    from_table,
    from_object,
};

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Followed {
    /// What made it, without the revision: `web` of the `ReplicaSet` `web-7d9f8c`; empty where nothing did.
    pub workload: Box<str>,
    /// The revision of its template, as its workload's controller labels it; may be empty.
    pub revision: Box<str>,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Whether it is over: all its containers ended for good.
    pub over: bool,
    /// Its containers: those that prepare it first, those that a person added last.
    pub containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: Box<str>,
    /// What it is for.
    pub role: ContainerRole,
    /// How often it was started again, which is the number of its latest run, from 0.
    pub run: u64,
    /// What it does.
    pub state: Doing,
    /// How the run before ended. While the container waits to be started again that is the latest run.
    pub last: Option<End>,
    /// When it is started again after it ended.
    again: Again,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerRole {
    /// It prepares the pod, or helps it from before its beginning.
    Init,
    /// It is what the pod is for.
    Main,
    /// A person added it to look into the pod.
    Ephemeral,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doing {
    /// It does not run, or not yet; the reason in Kubernetes' word, such as `CrashLoopBackOff`.
    Waits(Box<str>),
    /// It runs since then.
    Runs(Option<Timestamp>),
    /// Its latest run ended.
    Ended(End),
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The exit code.
    pub code: i64,
    /// Kubernetes' word for it: `Completed`, `Error`, `OOMKilled`.
    pub reason: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Again {
    Always,
    OnFailure,
    Never,
}

impl Followed {
    /// What a row of [`KIND`] carries.
    #[must_use]
    pub fn of_row(row: &Row) -> Option<Self> {
        match row.cells.get(1) {
            Some(Cell::Text(json)) => serde_json::from_str(json).ok(),
            _ => None,
        }
    }

    /// What is known of an object.
    #[must_use]
    pub fn of_object(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let label = |name: &str| metadata.pointer(&format!("/labels/{name}")).map(word);
        let revision = label("pod-template-hash")
            .or_else(|| label("controller-revision-hash"))
            .unwrap_or_default();
        let owner = metadata["ownerReferences"]
            .as_array()
            .and_then(|owners| owners.iter().find(|owner| owner["controller"] == true))
            .map(|owner| word(&owner["name"]))
            .unwrap_or_default();
        let workload = owner
            .strip_suffix(&*revision)
            .and_then(|name| name.strip_suffix('-'))
            .map_or_else(|| owner.clone(), Into::into);
        // A StatefulSet's and a DaemonSet's label begins with their name.
        let short = revision
            .strip_prefix(&*workload)
            .and_then(|rest| rest.strip_prefix('-'));
        let revision = short.map_or_else(|| revision.clone(), Into::into);
        let policy = again(&object["spec"]["restartPolicy"]).unwrap_or(Again::Always);
        let groups = [
            (
                "initContainers",
                "initContainerStatuses",
                ContainerRole::Init,
            ),
            ("containers", "containerStatuses", ContainerRole::Main),
            (
                "ephemeralContainers",
                "ephemeralContainerStatuses",
                ContainerRole::Ephemeral,
            ),
        ];
        let containers = groups.iter().flat_map(|(specs, statuses, role)| {
            let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
            let statuses = list(&object["status"][statuses]);
            let specs = list(&object["spec"][specs]);
            specs.into_iter().map(move |spec| {
                let status = statuses
                    .iter()
                    .find(|status| status["name"] == spec["name"]);
                container(&spec, status.unwrap_or(&Value::Null), *role, policy)
            })
        });
        Self {
            workload,
            revision,
            leaving: metadata["deletionTimestamp"].is_string(),
            over: matches!(
                object["status"]["phase"].as_str(),
                Some("Succeeded" | "Failed")
            ),
            containers: containers.collect(),
        }
    }
}

impl Container {
    /// Whether it has ever been started: only then there is a log.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.run > 0 || self.last.is_some() || !matches!(self.state, Doing::Waits(_))
    }

    /// Whether it runs.
    #[must_use]
    pub const fn runs(&self) -> bool {
        matches!(self.state, Doing::Runs(_))
    }

    /// How it ended, where it has ended for good; `over` where its pod has.
    #[must_use]
    pub fn ended_for_good(&self, over: bool) -> Option<&End> {
        let Doing::Ended(end) = &self.state else {
            return None;
        };
        let again = match self.again {
            Again::Always => true,
            Again::OnFailure => end.code != 0,
            Again::Never => false,
        };
        (over || !again).then_some(end)
    }
}

fn container(spec: &Value, status: &Value, role: ContainerRole, pod: Again) -> Container {
    let state = &status["state"];
    let doing = if state["running"].is_object() {
        let since = state["running"]["startedAt"].as_str();
        Doing::Runs(since.and_then(|since| since.parse().ok()))
    } else if let Some(end) = end(&state["terminated"]) {
        Doing::Ended(end)
    } else {
        Doing::Waits(word(&state["waiting"]["reason"]))
    };
    let own = again(&spec["restartPolicy"]);
    Container {
        name: word(&spec["name"]),
        role,
        run: status["restartCount"].as_u64().unwrap_or(0),
        state: doing,
        last: end(&status["lastState"]["terminated"]),
        again: match (role, own, pod) {
            (_, Some(own), _) => own,
            (ContainerRole::Ephemeral, ..) | (_, _, Again::Never) => Again::Never,
            // One that prepares the pod is done when it succeeded.
            (ContainerRole::Init, ..) => Again::OnFailure,
            (ContainerRole::Main, ..) => pod,
        },
    }
}

fn end(terminated: &Value) -> Option<End> {
    terminated.is_object().then(|| End {
        code: terminated["exitCode"].as_i64().unwrap_or(0),
        reason: word(&terminated["reason"]),
    })
}

fn again(policy: &Value) -> Option<Again> {
    match policy.as_str()? {
        "Always" => Some(Again::Always),
        "OnFailure" => Some(Again::OnFailure),
        _ => Some(Again::Never),
    }
}

/// A word of the cluster, harmless for a terminal.
fn word(value: &Value) -> Box<str> {
    sanitize(value.as_str().unwrap_or_default().as_bytes()).into()
}

fn from_table(_: &TableRow<'_>) -> Option<Row> {
    None
}

fn from_object(object: &Value) -> Option<Row> {
    let metadata = &object["metadata"];
    let name = word(&metadata["name"]);
    if name.is_empty() {
        return None;
    }
    let json = serde_json::to_string(&Followed::of_object(object)).ok()?;
    let uid = word(&metadata["uid"]);
    Some(Row {
        key: ObjectKey::new(&*word(&metadata["namespace"]), name.clone()),
        uid: (!uid.is_empty()).then_some(uid),
        health: Health::Good,
        cells: [Cell::Text(name), Cell::Text(json.into())].into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_carries_what_the_object_says() {
        let object = json!({
            "metadata": {
                "name": "web-7d9f8c-x2k", "namespace": "shop", "uid": "u1",
                "labels": { "pod-template-hash": "7d9f8c" },
                "ownerReferences": [{ "kind": "ReplicaSet", "name": "web-7d9f8c", "controller": true }],
            },
            "spec": {
                "initContainers": [{ "name": "prepare" }, { "name": "proxy", "restartPolicy": "Always" }],
                "containers": [{ "name": "app\u{1b}[31m" }],
            },
            "status": {
                "phase": "Running",
                "initContainerStatuses": [
                    { "name": "prepare", "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } },
                ],
                "containerStatuses": [{
                    "name": "app\u{1b}[31m", "restartCount": 3,
                    "state": { "running": { "startedAt": "2026-11-21T03:00:00Z" } },
                    "lastState": { "terminated": { "exitCode": 137, "reason": "OOMKilled" } },
                }],
            },
        });
        let row = (KIND.from_object)(&object).unwrap();
        assert_eq!(row.key, ObjectKey::new("shop", "web-7d9f8c-x2k"));
        let pod = Followed::of_row(&row).unwrap();
        assert_eq!(pod, Followed::of_object(&object));
        assert_eq!((&*pod.workload, &*pod.revision), ("web", "7d9f8c"));
        let [prepare, proxy, app] = pod.containers.as_slice() else {
            panic!("{pod:?}")
        };
        assert!(prepare.ended_for_good(false).is_some() && prepare.has_begun());
        assert!(!proxy.has_begun() && proxy.ended_for_good(true).is_none());
        assert_eq!((&*app.name, app.run, app.runs()), ("app", 3, true));
        let last = app.last.as_ref().unwrap();
        assert_eq!((last.code, &*last.reason), (137, "OOMKilled"));
    }

    #[test]
    fn what_ended_is_started_again_or_not() {
        let ended = |policy: &str, code: i64, over: bool| {
            let object = json!({
                "spec": { "restartPolicy": policy, "containers": [{ "name": "a" }] },
                "status": { "containerStatuses": [{ "name": "a", "state": { "terminated": { "exitCode": code } } }] },
            });
            let pod = Followed::of_object(&object);
            pod.containers[0].ended_for_good(over).is_some()
        };
        assert!(!ended("Always", 0, false) && ended("Always", 0, true));
        assert!(ended("OnFailure", 0, false) && !ended("OnFailure", 1, false));
        assert!(ended("Never", 1, false));
    }

    proptest! {
        #[test]
        fn no_object_makes_it_panic(text in "\\PC{0,30}", number in any::<i64>()) {
            let value = json!({ "name": text, "restartCount": number, "state": { "running": number } });
            let object = json!({
                "metadata": { "name": text, "labels": text, "ownerReferences": [value] },
                "spec": { "containers": [value, number] }, "status": { "containerStatuses": [value, text] },
            });
            prop_assert!((KIND.from_object)(&object).is_none_or(|row| Followed::of_row(&row).is_some()));
        }
    }
}
