//! The contract of `ContainerRuntime` on the real engine.

use std::time::Duration;

use coracle::{
    backend::{
        ErrorKind,
        docker::{Environment, connect},
    },
    domain::container::LogRequest,
};
use futures::{StreamExt, TryStreamExt};

use crate::contract::site::{Ground, Site, soon};

#[expect(clippy::panic, reason = "without an engine every case fails")]
async fn ground() -> Ground {
    let image =
        std::env::var("CORACLE_E2E_BUSYBOX_IMAGE").unwrap_or_else(|_| "busybox:latest".to_owned());
    let runtime = connect(&Environment::of_process(), None)
        .await
        .unwrap_or_else(|tried| panic!("no engine answers: {tried:#?}"));
    Ground { runtime, image }
}

crate::runtime_contract! { #[tokio::test] ground().await }

// What only a real engine has: long lines in several records, bytes that are no text, links.

#[tokio::test]
async fn long_lines_and_odd_bytes_come_as_single_harmless_lines() {
    let body = async |site: &Site| {
        let script = "head -c 100000 /dev/zero | tr '\\0' x; echo; \
                printf '\\377\\033[31mred\\n'; echo err >&2; sleep 300";
        let container = site.running(script).await;
        let request = LogRequest {
            follow: true,
            ..Default::default()
        };
        let lines = site.runtime.logs(&container, &request).take(3);
        let lines: Vec<_> = soon("three lines", lines.try_collect()).await.unwrap();
        assert!(lines.iter().all(|line| line.time.is_some()));
        let mut texts: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
        // The two output streams have no order between them.
        texts.sort_unstable();
        assert_eq!(texts[0], "err");
        assert!(texts[1].starts_with(&"x".repeat(16_384)) && texts[1].ends_with(" kB more)"));
        assert_eq!(texts[2], "\u{fffd}red");
    };
    ground().await.run("odd_lines", 20, body).await;
}

#[tokio::test]
async fn a_file_is_read_through_one_link() {
    let body = async |site: &Site| {
        let container = site.running("sleep 300").await;
        let script = "mkdir -p /a/b; echo yes > /a/file; \
                ln -s ../file /a/b/link; ln -s /a/b/link /a/far; ln -s /a /dir";
        let deadline = Duration::from_secs(10);
        let made = site
            .runtime
            .exec(&container, &["sh", "-c", script], deadline)
            .await
            .unwrap();
        assert_eq!(made.code, 0, "{made:?}");
        for path in ["/a/file", "/a/b/link", "/dir/file", "/dir/b/link"] {
            let read = site.runtime.read_file(&container, path).await.unwrap();
            assert_eq!(read, b"yes\n", "{path}");
        }
        for path in ["/a/far", "/a/b"] {
            let refused = site.runtime.read_file(&container, path).await.unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Failed, "{path}: {refused}");
        }
    };
    ground().await.run("links", 21, body).await;
}
