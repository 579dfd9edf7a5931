//! Whole objects, health, logs and use: one request, one answer, and the words for every way in which it fails.

use std::time::Duration;

use coracle::{
    backend::{ErrorKind, KubeConnect, KubeTarget, kubernetes::Connector},
    domain::{ObjectKey, container::LogRequest},
    resources::{Scope, nodes, pods, unlisted},
};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::server::{Fake, Reply, status, stream};

fn pod() -> ObjectKey {
    ObjectKey::new("shop", "web")
}

#[tokio::test]
async fn objects_are_read_made_changed_evicted_and_removed() {
    let fake = Fake::new(|request| match request.method.as_str() {
        "GET" if request.path.ends_with("/pods") => Reply::Json(
            200,
            json!({"kind": "PodList", "items": [{"metadata": {"name": "web"}}]}),
        ),
        "GET" => Reply::Json(200, json!({"kind": "Pod", "metadata": {"name": "web"}})),
        _ => Reply::Json(200, json!({"kind": "Status", "status": "Success"})),
    })
    .await;
    let api = fake.api().await;
    let object = api.get(&pods::KIND, &pod()).await.unwrap();
    assert_eq!(object["metadata"]["name"], "web");
    let list = api.list(&pods::KIND, "", "spec.nodeName=n1").await.unwrap();
    assert_eq!(list.len(), 1);
    let new = json!({"metadata": {"name": "settings"}, "data": {"a": "b"}});
    api.create(&unlisted::CONFIG_MAPS, "shop", &new)
        .await
        .unwrap();
    let patch = json!({"spec": {"unschedulable": true}});
    let node = ObjectKey::new("", "n1");
    api.patch(&nodes::KIND, &node, &patch).await.unwrap();
    api.evict(&pod()).await.unwrap();
    api.delete(&pods::KIND, &pod()).await.unwrap();

    let seen = fake.seen();
    let lines: Vec<String> = seen
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.path))
        .collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/namespaces/shop/pods/web",
            "GET /api/v1/pods",
            "POST /api/v1/namespaces/shop/configmaps",
            "PATCH /api/v1/nodes/n1",
            "POST /api/v1/namespaces/shop/pods/web/eviction",
            "DELETE /api/v1/namespaces/shop/pods/web",
        ]
    );
    assert_eq!(seen[1].query("fieldSelector"), "spec.nodeName=n1");
    assert_eq!(seen[2].body, new.to_string());
    assert_eq!(
        seen[3].headers["content-type"],
        "application/merge-patch+json"
    );
    let eviction: Value = serde_json::from_str(&seen[4].body).unwrap();
    assert_eq!(eviction["kind"], "Eviction");
    assert_eq!(
        eviction["metadata"],
        json!({"name": "web", "namespace": "shop"})
    );
}

#[tokio::test]
async fn every_refusal_has_its_class_and_the_servers_words() {
    for (code, kind) in [
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
        (429, ErrorKind::Conflict),
        (401, ErrorKind::Forbidden),
        (403, ErrorKind::Forbidden),
        (422, ErrorKind::Invalid),
        (503, ErrorKind::Unreachable),
        (504, ErrorKind::Timeout),
    ] {
        let fake = Fake::new(move |_| status(code, "because\u{1b}[2J of this")).await;
        let error = fake.api().await.evict(&pod()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.why.as_str()),
            (kind, "because of this"),
            "{code}"
        );
        assert_eq!(error.what, "evict pod shop/web");
    }
    let fake = Fake::new(|_| Reply::Html(404, "<html>\n<body>not here</body></html>")).await;
    let error = fake.api().await.get(&pods::KIND, &pod()).await.unwrap_err();
    assert!(error.why.contains("web page"), "{error}");
    // A half secret answer is not quoted.
    let fake = Fake::new(|_| Reply::Html(200, "{\"data\": {\"password\": \"hunter2")).await;
    let error = fake
        .api()
        .await
        .get(&unlisted::SECRETS, &pod())
        .await
        .unwrap_err();
    assert!(!error.why.contains("hunter2"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn no_question_waits_for_ever() {
    let fake = Fake::new(|_| Reply::Silence).await;
    let api = fake.api().await;
    assert_eq!(api.health().await.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(
        api.delete(&pods::KIND, &pod()).await.unwrap_err().kind,
        ErrorKind::Timeout
    );
    assert_eq!(
        api.pod_usage(&Scope::default()).await.unwrap_err().kind,
        ErrorKind::Timeout
    );
    let mut log = api.logs(&pod(), "web", &LogRequest::default());
    assert_eq!(
        log.next().await.unwrap().unwrap_err().kind,
        ErrorKind::Timeout
    );
    assert!(log.next().await.is_none());
}

#[tokio::test]
async fn health_is_what_the_server_lets_everybody_know() {
    let version = json!({"gitVersion": "v1.34.2+k3s1"});
    for ready in [200, 403, 404] {
        let version = version.clone();
        let fake = Fake::new(move |request| match request.path.as_str() {
            "/readyz" if ready != 200 => status(ready, "no"),
            "/readyz" => Reply::Html(200, "ok"),
            "/version" => Reply::Json(200, version.clone()),
            _ => status(404, ""),
        })
        .await;
        let api = fake.api().await;
        for _ in 0..2 {
            let health = api.health().await.unwrap();
            assert_eq!(health.version, "v1.34.2+k3s1", "{ready}");
        }
        assert_eq!(fake.seen().len(), 3, "the version is asked for once");
    }
    let fake = Fake::new(|_| status(500, "[-]etcd failed")).await;
    let error = fake.api().await.health().await.unwrap_err();
    assert!(error.why.contains("etcd failed"), "{error}");
}

#[tokio::test]
async fn a_log_comes_line_by_line_whatever_is_in_it() {
    let (tap, reply) = stream();
    let reply = std::sync::Mutex::new(Some(reply));
    let fake = Fake::new(move |_| reply.lock().unwrap().take().unwrap_or(Reply::Silence)).await;
    let request = LogRequest {
        follow: true,
        tail: Some(20),
        since: Some("2026-11-21T03:00:00.5Z".parse().unwrap()),
        ..LogRequest::default()
    };
    let mut log = fake.api().await.logs(&pod(), "main", &request);
    tap.bytes(b"2026-11-21T03:00:00.1Z before\n2026-11-21T03:00:00.7Z \xff bro");
    tap.bytes(b"ken\n2026-11-21T03:00:01Z \x1b[31mred\n2026-11-21T03:00:02Z ha");
    drop(tap);
    let lines: Vec<_> = log.by_ref().try_collect().await.unwrap();
    let texts: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
    // The kubelet goes back to the whole second; what is older than asked for is left out here. A followed log may end
    // because the kubelet is gone, in the middle of a line.
    assert_eq!(texts, ["\u{fffd} broken", "red"]);
    assert!(lines.iter().all(|line| line.time.is_some()));
    let seen = &fake.seen()[0];
    assert_eq!(seen.path, "/api/v1/namespaces/shop/pods/web/log");
    for (name, value) in [
        ("container", "main"),
        ("follow", "true"),
        ("tailLines", "20"),
        ("timestamps", "true"),
    ] {
        assert_eq!(seen.query(name), value);
    }
}

#[tokio::test]
async fn a_program_gets_a_log_as_it_was_written_and_the_server_counts_back() {
    let (tap, reply) = stream();
    let reply = std::sync::Mutex::new(Some(reply));
    let fake = Fake::new(move |_| reply.lock().unwrap().take().unwrap_or(Reply::Silence)).await;
    let request = LogRequest {
        ago: Some(Duration::from_millis(90_500)),
        whole: true,
        ..LogRequest::default()
    };
    let mut log = fake.api().await.logs(&pod(), "main", &request);
    let text = "x".repeat(100_000);
    tap.bytes(b"2026-11-21T03:00:00Z a\tM\xfcller\r\n2026-11-21T03:00:01Z ");
    tap.bytes(format!("{text}\n").as_bytes());
    drop(tap);
    let lines: Vec<_> = log.by_ref().try_collect().await.unwrap();
    assert_eq!(lines[0].bytes(), b"a\tM\xfcller\r");
    assert_eq!(lines[1].bytes(), text.as_bytes());
    let seen = &fake.seen()[0];
    assert_eq!(seen.query("sinceSeconds"), "91");
    assert_eq!(seen.query("sinceTime"), "");
}

#[tokio::test]
async fn the_lines_before_a_break_are_kept_and_half_a_line_is_none() {
    let (tap, reply) = stream();
    let reply = std::sync::Mutex::new(Some(reply));
    let fake = Fake::new(move |_| reply.lock().unwrap().take().unwrap_or(Reply::Silence)).await;
    let mut log = fake
        .api()
        .await
        .logs(&pod(), "main", &LogRequest::default());
    tap.bytes(b"2026-11-21T03:00:00Z one\n2026-11-21T03:00:01Z tw");
    assert_eq!(&*log.next().await.unwrap().unwrap().text, "one");
    tap.cut();
    assert_eq!(
        log.next().await.unwrap().unwrap_err().kind,
        ErrorKind::Unreachable
    );
    assert!(log.next().await.is_none());
}

#[tokio::test]
async fn what_a_kubelet_says_in_the_place_of_a_log_is_no_line() {
    let (tap, reply) = stream();
    let reply = std::sync::Mutex::new(Some(reply));
    let fake = Fake::new(move |_| reply.lock().unwrap().take().unwrap_or(Reply::Silence)).await;
    let api = fake.api().await;
    let mut log = api.logs(&pod(), "main", &LogRequest::default());
    let words = "unable to retrieve container logs for containerd://30133571";
    tap.bytes(format!("2026-11-21T03:00:00Z {words}\n{words}").as_bytes());
    drop(tap);
    // A container may write the same.
    assert_eq!(&*log.next().await.unwrap().unwrap().text, words);
    let error = log.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind, &*error.why), (ErrorKind::NotFound, words));
    assert!(log.next().await.is_none());
}

#[tokio::test]
async fn the_use_of_a_pod_is_that_of_its_containers() {
    let fake = Fake::new(|request| match request.path.as_str() {
        "/apis/metrics.k8s.io/v1beta1/pods" => Reply::Json(
            200,
            json!({"items": [{
                "metadata": {"name": "web", "namespace": "shop"},
                "containers": [
                    {"usage": {"cpu": "250m", "memory": "64Mi"}},
                    {"usage": {"cpu": "1500000n", "memory": "1Ki"}},
                    {"usage": {"cpu": "odd"}},
                ],
            }]}),
        ),
        _ => status(404, "the server could not find the requested resource"),
    })
    .await;
    let api = fake.api().await;
    let used = api.pod_usage(&Scope::default()).await.unwrap();
    assert_eq!(used.len(), 1);
    assert_eq!(used[0].0, pod());
    assert!((used[0].1.cpu_cores - 0.2515).abs() < 1e-9);
    assert_eq!(used[0].1.memory, 64 * 1024 * 1024 + 1024);
    let scope = Scope {
        namespaces: vec!["other".to_owned()],
        ..Scope::default()
    };
    assert_eq!(
        api.pod_usage(&scope).await.unwrap_err().kind,
        ErrorKind::NotFound
    );
    assert_eq!(
        fake.seen()[1].path,
        "/apis/metrics.k8s.io/v1beta1/namespaces/other/pods"
    );
}

#[tokio::test]
async fn a_context_brings_its_credentials_and_a_missing_one_is_not_found() {
    let fake = Fake::new(|_| Reply::Json(200, json!({"gitVersion": "v1"}))).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, broken) = (folder.path().join("config"), folder.path().join("broken"));
    // The plugin must not be able to ask on the terminal, and may be slow or chatty on stderr.
    let plugin = r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "from-plugin"}}"#;
    let config = json!({
        "clusters": [{"name": "c", "cluster": {"server": fake.url()}}],
        "users": [
            {"name": "token", "user": {"token": "hunter2"}},
            {"name": "plugin", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Always", "command": "sh",
                "args": ["-c", format!("test ! -t 0 && echo '{plugin}'")],
            }}},
        ],
        "contexts": [
            {"name": "with-token", "context": {"cluster": "c", "user": "token"}},
            {"name": "with-plugin", "context": {"cluster": "c", "user": "plugin"}},
            {"name": "without-cluster", "context": {"cluster": "gone", "user": "token"}},
        ],
    });
    std::fs::write(&file, config.to_string()).unwrap();
    std::fs::write(&broken, "contexts: [").unwrap();
    let target = |name: &str| KubeTarget::Context {
        files: vec![broken.clone(), file.clone()],
        name: name.to_owned(),
    };
    for (context, token) in [("with-token", "hunter2"), ("with-plugin", "from-plugin")] {
        let api = Connector.connect(&target(context)).await.unwrap();
        api.health().await.unwrap();
        let seen = fake.seen();
        let last = seen.last().unwrap();
        assert_eq!(last.headers["authorization"], format!("Bearer {token}"));
    }
    for (context, words) in [
        ("nowhere", "no context is named"),
        ("without-cluster", "no cluster is named"),
    ] {
        let Err(error) = Connector.connect(&target(context)).await else {
            panic!("{context} is not there");
        };
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(
            error.why.contains(words) && error.why.contains("broken"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_does_not_disturb_the_next() {
    let fake = Fake::new(|request| match request.path.as_str() {
        "/readyz" => Reply::Silence,
        _ => Reply::Json(200, json!({"metadata": {"name": "web"}})),
    })
    .await;
    let api = fake.api().await;
    let given_up = tokio::time::timeout(Duration::from_millis(50), api.health()).await;
    assert!(given_up.is_err());
    assert!(api.get(&pods::KIND, &pod()).await.is_ok());
}
