//! The contract of `ContainerRuntime`, case by case: what goes on in a container, its files, commands, log, events, use.

use std::time::Duration;

use coracle::{
    backend::ErrorKind,
    domain::container::{EngineEvent, FileEntry, LogRequest},
};
use futures::{StreamExt, TryStreamExt};

use super::{
    runtime::GRACE,
    site::{Site, soon},
};

pub async fn files_go_in_and_out(site: &Site) {
    let (network, _) = site.network().await;
    let spec = site.container("one", &network, "sleep 300");
    let runtime = &site.runtime;
    runtime.create_container(&spec).await.unwrap();
    let entry = |path: &str, mode, contents: &[u8]| FileEntry {
        path: path.to_owned(),
        mode,
        contents: contents.to_vec(),
    };
    let script = entry("/opt/deep/run.sh", 0o744, b"#!/bin/sh\necho ran\n");
    let bytes = entry("/opt/bytes", 0o600, &[0, 255, 10, 0]);

    // Before it has ever run.
    let files = [script.clone(), bytes.clone()];
    runtime.put_files(&spec.name, &files).await.unwrap();
    for file in &files {
        let read = runtime.read_file(&spec.name, &file.path).await.unwrap();
        assert_eq!(read, file.contents, "{}", file.path);
    }

    // While it runs, over what was there.
    runtime.start(&spec.name).await.unwrap();
    let changed = entry("/opt/bytes", 0o600, b"other");
    runtime
        .put_files(&spec.name, std::slice::from_ref(&changed))
        .await
        .unwrap();
    let read = runtime.read_file(&spec.name, "/opt/bytes").await.unwrap();
    assert_eq!(read, changed.contents);
    let read = runtime.read_file(&spec.name, &script.path).await.unwrap();
    assert_eq!(read, script.contents);

    // Not what is too large to be meant.
    let large = entry("/opt/large", 0o600, &vec![7; (1 << 20) + 1]);
    runtime.put_files(&spec.name, &[large]).await.unwrap();
    let refused = runtime.read_file(&spec.name, "/opt/large").await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Failed);
}

pub async fn commands_run_inside(site: &Site) {
    let container = site.running("sleep 300").await;
    let run = |command: &'static [&'static str]| site.runtime.exec(&container, command, GRACE);
    let said = run(&["echo", "hello"]).await.unwrap();
    assert_eq!((said.code, said.output.as_slice()), (0, &b"hello\n"[..]));
    let failed = run(&["sh", "-c", "echo oh; exit 3"]).await.unwrap();
    assert_eq!((failed.code, failed.output.as_slice()), (3, &b"oh\n"[..]));

    let short = Duration::from_secs(2);
    let late = site.runtime.exec(&container, &["sleep", "300"], short);
    let late = soon("the deadline of a command", late).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::Timeout, "{late}");

    site.runtime.stop(&container, GRACE).await.unwrap();
    let stopped = run(&["echo", "hello"]).await.unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Conflict, "{stopped}");
}

pub async fn a_log_is_read_and_followed_to_the_end(site: &Site) {
    let container = site
        .running("echo one; echo two; echo three; sleep 300")
        .await;
    let follow = LogRequest {
        follow: true,
        ..Default::default()
    };
    let mut followed = site.runtime.logs(&container, &follow);
    for want in ["one", "two", "three"] {
        let line = soon("a line", followed.next()).await.unwrap().unwrap();
        assert_eq!(&*line.text, want);
        assert!(line.time.is_some());
    }
    let read = async |request: LogRequest| -> Vec<_> {
        let lines = site.runtime.logs(&container, &request).try_collect();
        soon("a log", lines).await.unwrap()
    };
    let all = read(LogRequest::default()).await;
    let texts: Vec<&str> = all.iter().map(|line| &*line.text).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    let tail = read(LogRequest {
        tail: Some(1),
        ..Default::default()
    });
    assert_eq!(tail.await, all[2..]);
    let last = all[2].time.unwrap();
    let since = read(LogRequest {
        since: Some(last),
        ..Default::default()
    });
    let expected: Vec<_> = all
        .iter()
        .filter(|line| line.time.unwrap() >= last)
        .cloned()
        .collect();
    assert_eq!(since.await, expected);

    site.runtime.stop(&container, GRACE).await.unwrap();
    let end = soon("the end of the log", followed.next()).await;
    assert_eq!(end, None);
}

pub async fn events_tell_what_happens(site: &Site) {
    let (network, _) = site.network().await;
    let spec = site.container("one", &network, "sleep 300");
    let runtime = &site.runtime;
    let mut events = runtime.events();
    let id = runtime.create_container(&spec).await.unwrap();
    runtime.start(&id).await.unwrap();
    runtime.exec(&id, &["echo", "hello"], GRACE).await.unwrap();
    runtime.stop(&id, GRACE).await.unwrap();
    runtime.remove_container(&id).await.unwrap();
    runtime.remove_network(&network).await.unwrap();

    let mut seen: Vec<EngineEvent> = Vec::new();
    let to_the_end = async {
        while !seen
            .last()
            .is_some_and(|event| event.name == network && event.action == "destroy")
        {
            let event = events.next().await.expect("the stream has ended").unwrap();
            // Others may be at work on the engine.
            if event.id == id || event.name == network {
                seen.push(event);
            }
        }
    };
    soon("the end of the network", to_the_end).await;
    let mut actions = seen
        .iter()
        .filter(|event| event.object == "container" && event.name == spec.name)
        .map(|event| event.action.as_str());
    for want in ["create", "start", "die", "stop", "destroy"] {
        assert!(
            actions.any(|action| action == want),
            "no {want} in {seen:?}"
        );
    }
    assert!(seen.iter().all(|event| event.time.is_some()), "{seen:?}");
    assert!(
        !seen.iter().any(|event| event.action.starts_with("exec")),
        "{seen:?}"
    );
}

pub async fn use_is_measured_until_the_end(site: &Site) {
    let container = site.running("sleep 300").await;
    let mut usage = site.runtime.usage(&container);
    let first = soon("a measurement", usage.next()).await.unwrap().unwrap();
    assert!(
        first.memory > 0 && first.memory <= first.memory_limit,
        "{first:?}"
    );
    assert!(first.cpu_cores >= 0.0, "{first:?}");

    site.runtime.stop(&container, GRACE).await.unwrap();
    let rest: Result<Vec<_>, _> = soon("the end of the measurements", usage.try_collect()).await;
    rest.unwrap();
}
