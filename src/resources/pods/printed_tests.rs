//! Pods as kubelets write them, and the words that kubectl has for them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn words(pod: &Value) -> (String, String, i64) {
    let printed = print(pod);
    let ready = format!("{}/{}", printed.ready, printed.containers);
    (ready, printed.status, printed.restarts)
}

fn running(name: &str, restarts: i64) -> Value {
    json!({"name": name, "ready": true, "started": true, "restartCount": restarts, "state": {"running": {}}})
}

fn ended(name: &str, state: &Value) -> Value {
    json!({"name": name, "ready": false, "restartCount": 0, "state": {"terminated": state}})
}

fn waiting(name: &str, reason: &str) -> Value {
    json!({"name": name, "ready": false, "restartCount": 3, "state": {"waiting": {"reason": reason}}})
}

/// A pod with the containers a and b, and what the kubelet says of them.
fn pod(phase: &str, containers: &[Value]) -> Value {
    json!({
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}]},
        "status": {"phase": phase, "containerStatuses": containers},
    })
}

#[test]
fn one_word_says_what_the_containers_do() {
    let oom = json!({"exitCode": 137, "reason": "OOMKilled"});
    let completed = json!({"exitCode": 0, "reason": "Completed"});
    for (containers, want, restarts) in [
        (vec![], ("0/2", "Running"), 0),
        (
            vec![running("a", 1), running("b", 2)],
            ("2/2", "Running"),
            3,
        ),
        (
            vec![running("a", 0), waiting("b", "CrashLoopBackOff")],
            ("1/2", "CrashLoopBackOff"),
            3,
        ),
        // The first container with a reason has the last word.
        (
            vec![
                waiting("a", "ErrImagePull"),
                waiting("b", "CrashLoopBackOff"),
            ],
            ("0/2", "ErrImagePull"),
            6,
        ),
        (
            vec![running("a", 0), ended("b", &oom)],
            ("1/2", "OOMKilled"),
            0,
        ),
        (
            vec![running("a", 0), ended("b", &completed)],
            ("1/2", "NotReady"),
            0,
        ),
        (
            vec![ended("a", &completed), ended("b", &completed)],
            ("0/2", "Completed"),
            0,
        ),
        (
            vec![ended("a", &json!({"exitCode": 3}))],
            ("0/2", "ExitCode:3"),
            0,
        ),
        (
            vec![ended("a", &json!({"exitCode": 0, "signal": 9}))],
            ("0/2", "Signal:9"),
            0,
        ),
    ] {
        let printed = words(&pod("Running", &containers));
        assert_eq!(printed, (want.0.to_owned(), want.1.to_owned(), restarts));
    }
    let mut ready = pod("Running", &[running("a", 0), ended("b", &completed)]);
    ready["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    assert_eq!(words(&ready).1, "Running");
}

#[test]
fn init_containers_are_counted_and_their_failures_named() {
    let with = |statuses: Value| {
        let mut pod = pod("Pending", &[waiting("a", "PodInitializing")]);
        pod["spec"]["initContainers"] =
            json!([{"name": "i"}, {"name": "side", "restartPolicy": "Always"}, {"name": "j"}]);
        pod["status"]["initContainerStatuses"] = statuses;
        pod
    };
    let done = ended("i", &json!({"exitCode": 0, "reason": "Completed"}));
    let failed = |reason: &str| ended("i", &json!({"exitCode": 1, "reason": reason}));
    for (statuses, want) in [
        (
            json!([waiting("i", "PodInitializing")]),
            ("0/3", "Init:0/3"),
        ),
        (json!([done, waiting("side", "")]), ("0/3", "Init:1/3")),
        (
            json!([done, running("side", 2), waiting("j", "")]),
            ("1/3", "Init:2/3"),
        ),
        (json!([failed("Error")]), ("0/3", "Init:Error")),
        (json!([failed("")]), ("0/3", "Init:ExitCode:1")),
        (
            json!([waiting("i", "CrashLoopBackOff")]),
            ("0/3", "Init:CrashLoopBackOff"),
        ),
    ] {
        let printed = words(&with(statuses));
        assert_eq!((printed.0.as_str(), printed.1.as_str()), want);
    }
    // Initialized: the restarts of init containers that are done no longer count, those of sidecars do.
    let mut pod = with(json!([done, running("side", 2), done]));
    pod["status"]["containerStatuses"] = json!([running("a", 1), running("b", 0)]);
    pod["status"]["phase"] = json!("Running");
    assert_eq!(words(&pod), ("3/3".to_owned(), "Running".to_owned(), 3));
}

#[test]
fn the_pods_own_reason_and_its_end_come_before_its_phase() {
    let mut evicted = pod("Failed", &[]);
    evicted["status"]["reason"] = json!("Evicted");
    assert_eq!(words(&evicted).1, "Evicted");

    let mut leaving = pod("Running", &[running("a", 0), running("b", 0)]);
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-21T03:00:00Z");
    assert_eq!(words(&leaving).1, "Terminating");
    leaving["status"]["reason"] = json!("NodeLost");
    assert_eq!(words(&leaving).1, "Unknown");

    let mut gated = pod("Pending", &[]);
    gated["status"]["conditions"] =
        json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]);
    assert_eq!(words(&gated).1, "SchedulingGated");
}

/// Any JSON, with the names that pods have, so that wrong types stand where others are expected.
fn json_like_a_pod() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "Always|Completed|Error|Running|True|Ready|\\PC{0,8}".prop_map(Value::from),
    ];
    let names = "metadata|name|spec|status|containers|initContainers|containerStatuses|initContainerStatuses|conditions\
                 |phase|reason|state|waiting|terminated|running|ready|started|restartCount|exitCode|signal|type|restartPolicy";
    leaf.prop_recursive(6, 128, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(names, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_object_makes_it_panic(object in json_like_a_pod()) {
        let _ = print(&object);
    }
}
