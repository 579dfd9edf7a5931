//! Credentials that end while a client is in use: it goes on with those that the kubeconfig and its plugin have by then.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use coracle::{
    backend::{ErrorKind, KubeConnect, KubeTarget, WatchItem, kubernetes::Connector},
    resources::{Scope, pods},
};
use futures::StreamExt;
use serde_json::{Value, json};

use super::server::{Fake, Reply, Seen, status};

/// A server that knows one token, which changes.
async fn server(accepted: Arc<Mutex<String>>) -> Fake {
    Fake::new(move |request: &Seen| {
        let known = format!("Bearer {}", accepted.lock().unwrap());
        if request.headers["authorization"] != known {
            return status(401, "Unauthorized");
        }
        match request.path.as_str() {
            "/api/v1/pods" if request.query("watch") == "true" => status(500, "it ends at once"),
            "/api/v1/pods" => Reply::Json(
                200,
                json!({"kind": "Table", "metadata": {"resourceVersion": "1"}, "rows": []}),
            ),
            "/api/v1/namespaces" => status(403, "no"),
            _ => Reply::Json(200, json!({"gitVersion": "v1"})),
        }
    })
    .await
}

fn write(file: &Path, server: &str, user: &Value) -> KubeTarget {
    let config = json!({
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    std::fs::write(file, config.to_string()).unwrap();
    KubeTarget::Context {
        files: vec![file.to_owned()],
        name: "c".to_owned(),
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_read_again_from_the_kubeconfig() {
    let accepted = Arc::new(Mutex::new("t1".to_owned()));
    let fake = server(accepted.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let target = write(&file, fake.url(), &json!({"token": "t1"}));
    let api = Connector.connect(&target).await.unwrap();
    api.health().await.unwrap();

    "t2".clone_into(&mut accepted.lock().unwrap());
    write(&file, fake.url(), &json!({"token": "t2"}));
    api.health().await.unwrap();
    let mut rows = api.watch(&pods::KIND, &Scope::default());
    loop {
        match rows.next().await.unwrap() {
            WatchItem::Live => break,
            WatchItem::Page { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn credentials_that_are_refused_are_not_health_and_the_server_is_not_hammered() {
    let accepted = Arc::new(Mutex::new("t1".to_owned()));
    let fake = server(accepted.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let target = write(&file, fake.url(), &json!({"token": "t1"}));
    let api = Connector.connect(&target).await.unwrap();
    api.health().await.unwrap();
    "t2".clone_into(&mut accepted.lock().unwrap());
    let before = fake.seen().len();
    let error = api.health().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(
        error.why.contains("does not accept the credentials"),
        "{error}"
    );
    // Twice, because a client was made anew; the next question makes none so soon.
    assert_eq!(fake.seen().len() - before, 2);
    assert!(api.health().await.is_err());
    assert_eq!(fake.seen().len() - before, 3);
}

#[tokio::test]
async fn a_plugin_is_asked_again_when_the_server_refuses_what_it_gave() {
    let accepted = Arc::new(Mutex::new("t1".to_owned()));
    let fake = server(accepted.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let answer = |token: &str| {
        let answer = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}});
        std::fs::write(folder.path().join("answer"), answer.to_string()).unwrap();
    };
    answer("t1");
    let script = format!(
        "cd '{}'; echo run >> runs; cat answer",
        folder.path().display()
    );
    let user = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
    }});
    let target = write(&folder.path().join("config"), fake.url(), &user);
    let api = Connector.connect(&target).await.unwrap();
    api.health().await.unwrap();
    // A client of the same context needs no run of its own.
    let other = Connector.connect(&target).await.unwrap();
    "t2".clone_into(&mut accepted.lock().unwrap());
    answer("t2");
    api.health().await.unwrap();
    other.health().await.unwrap();
    let runs = std::fs::read_to_string(folder.path().join("runs")).unwrap();
    assert_eq!(runs.lines().count(), 2);
}
