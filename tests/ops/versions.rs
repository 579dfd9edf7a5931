//! Published versions, from a registry that gives a pass and has its list in pages.

use axum::{
    Json, Router,
    extract::Query,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use coracle::{
    distro::k3s::releases::{Order, Published, Wanted},
    ops::versions::versions,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::net::TcpListener;

/// So many tags are asked for at a time.
const PAGE: usize = 1_000;

async fn tags(
    headers: HeaderMap,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    if headers
        .get("authorization")
        .is_none_or(|pass| pass != "Bearer let-me-in")
    {
        return Err(StatusCode::UNAUTHORIZED);
    }
    assert_eq!(asked["n"], PAGE.to_string());
    let first = match asked.get("last").map(String::as_str) {
        None => 0,
        Some("v1.34.999-k3s1") => PAGE,
        Some(other) => panic!("{other}"),
    };
    let last = (first + PAGE).min(PAGE + 3);
    let page: Vec<String> = (first..last)
        .map(|number| format!("v1.34.{number}-k3s1"))
        .collect();
    Ok(Json(json!({ "name": "rancher/k3s", "tags": page })))
}

#[tokio::test]
async fn all_pages_are_read_with_the_pass_and_a_refusal_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/tags", get(tags))
        .route("/pass", get(|| async { r#"{"token":"let-me-in"}"# }))
        .route("/no-pass", get(|| async { "{}" }));
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let of = |pass: &str| Published {
        image: "docker.io/rancher/k3s".to_owned(),
        tags: format!("http://{address}/tags"),
        pass: format!("http://{address}/{pass}"),
    };
    let wanted = Wanted {
        include: "",
        exclude: "",
        order: Order::Descending,
        limit: 2,
    };
    assert_eq!(
        versions(&of("pass"), &wanted).await.unwrap(),
        ["v1.34.1002-k3s1", "v1.34.1001-k3s1"]
    );
    let refused = versions(&of("no-pass"), &wanted).await.unwrap_err();
    assert!(refused.what.contains("rancher/k3s"), "{refused}");
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    let away = versions(&of("pass"), &wanted).await.unwrap_err();
    assert_eq!(away.kind.exit_code(), 5, "{away}");
}
