//! The image of a channel of k3s, from a server that answers, one that answers something else, and one that is away.

use axum::{Router, routing::get};
use coracle::ops::node_image;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_channel_is_asked_for_its_image_and_a_server_that_is_away_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = r#"{"data":[{"name":"stable","latest":"v1.34.2+k3s1"}]}"#;
    let app = Router::new()
        .route("/channels", get(move || async move { answer }))
        .route("/page", get(|| async { "<html>" }));
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let url = |path: &str| format!("http://{address}/{path}");
    assert_eq!(
        node_image("stable", &url("channels")).await.unwrap(),
        "docker.io/rancher/k3s:v1.34.2-k3s1"
    );
    assert_eq!(
        node_image("my/k3s:x", &url("nowhere")).await.unwrap(),
        "my/k3s:x"
    );
    let unknown = node_image("+v1.1", &url("channels")).await.unwrap_err();
    assert_eq!(unknown.kind.exit_code(), 2, "{unknown}");
    assert!(node_image("latest", &url("page")).await.is_err());
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    let away = node_image("latest", &url("channels")).await.unwrap_err();
    assert_eq!(away.kind.exit_code(), 5, "{away}");
    assert!(away.hint.contains("name an image"), "{away}");
}
