//! What 10,000 pods cost this adapter on a real API server: not a test of anything, so it is only run on request:
//!
//! ```text
//! CORACLE_BENCH_KUBECONFIG=... cargo test --release --test fast measure -- --ignored --nocapture
//! ```

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use coracle::{
    backend::{Change, KubeConnect, KubeTarget, WatchItem, kubernetes::Connector},
    resources::{Scope, pods},
};
use futures::StreamExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures, needs CORACLE_BENCH_KUBECONFIG"]
async fn first_rows_all_rows_memory_and_changes() {
    let file = std::env::var_os("CORACLE_BENCH_KUBECONFIG").expect("CORACLE_BENCH_KUBECONFIG");
    let file = PathBuf::from(file);
    let (contexts, problems) = coracle::backend::kubernetes::contexts(std::slice::from_ref(&file));
    assert!(problems.is_empty(), "{problems:?}");
    let name = contexts[0].name.clone();
    for run in 0..5 {
        let before = memory();
        let begin = Instant::now();
        let target = KubeTarget::Context {
            files: vec![file.clone()],
            name: name.clone(),
        };
        let api = Connector.connect(&target).await.unwrap();
        let connected = begin.elapsed();
        let mut rows = api.watch(&pods::KIND, &Scope::default());
        let (mut first, mut all, mut pages) = (None, Vec::new(), 0);
        let live = loop {
            match rows.next().await.unwrap() {
                WatchItem::Page { rows, .. } => {
                    if !rows.is_empty() {
                        first.get_or_insert_with(|| begin.elapsed());
                    }
                    pages += 1;
                    all.extend(rows);
                }
                WatchItem::Live => break begin.elapsed(),
                other => panic!("{other:?}"),
            }
        };
        let resident = memory();
        let (mut sets, mut gone, mut batches, cpu) = (0, 0, 0, processor());
        let watched = tokio::time::timeout(Duration::from_secs(3), async {
            while let Some(item) = rows.next().await {
                match item {
                    WatchItem::Changes(changes) => {
                        batches += 1;
                        let away = changes
                            .iter()
                            .filter(|change| matches!(change, Change::Gone(_)));
                        let away = away.count();
                        sets += changes.len() - away;
                        gone += away;
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
        assert!(watched.await.is_err());
        eprintln!(
            "run {run}: connect {connected:.1?}, first rows {:.1?}, all {} rows {live:.1?} in {pages} pages, \
             resident {before} -> {resident} KiB; in 3 s {sets} sets, {gone} gone, {batches} batches, {:.1} ms of a core",
            first.unwrap_or_default(),
            all.len(),
            (processor() - cpu) * 10.0,
        );
    }
}

/// Resident memory in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Processor time used, in hundredths of a second.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
}
