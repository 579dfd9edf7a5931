//! The part of the contract of `KubeApi` that is about connections to pods.

use std::io::ErrorKind as IoKind;

use coracle::{
    backend::{ErrorKind, PodConnection},
    domain::ObjectKey,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{kube::Site, site::soon};

const WEB: u16 = 8080;

async fn connect(site: &Site, pod: &ObjectKey, port: u16) -> PodConnection {
    soon("a connection", site.api.forward(pod, port))
        .await
        .unwrap()
}

/// Asks for a page, and reads to the end of the answer.
async fn ask(mut connection: PodConnection, close: bool) -> Result<String, IoKind> {
    let answer = async {
        let _ = connection.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
        let _ = connection.flush().await;
        if close {
            let _ = connection.shutdown().await;
        }
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    let answer: std::io::Result<String> = soon("the answer", answer).await;
    answer.map_err(|error| error.kind())
}

pub async fn a_port_of_a_pod_answers_or_refuses(site: &Site) {
    let pod = site
        .pod(
            "web",
            "echo hello >/tmp/index.html; httpd -p 8080 -h /tmp; sleep 300",
        )
        .await;
    site.phase(&pod, &["Running"]).await;
    // A pod that runs listens a moment later.
    let listening = async {
        while ask(connect(site, &pod, WEB).await, false).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    soon("the web server", listening).await;
    for close in [false, true] {
        let answer = ask(connect(site, &pod, WEB).await, close).await.unwrap();
        assert!(answer.starts_with("HTTP/1."), "{answer}");
    }
    let nobody = ask(connect(site, &pod, 8081).await, false).await;
    assert_eq!(nobody, Err(IoKind::ConnectionRefused));
    let missing = site
        .api
        .forward(&ObjectKey::new("default", "missing"), WEB)
        .await;
    assert_eq!(missing.err().unwrap().kind, ErrorKind::NotFound);
}
