//! Watching a kind in the simulation: its rows are looked at now and then, and what is different is told.

use std::{collections::BTreeMap, time::Duration};

use futures::{SinkExt, StreamExt, channel::mpsc, stream, stream::BoxStream};

use super::kube::Api;
use crate::{
    backend::{Change, WatchItem, back_off},
    domain::{ObjectKey, Problem},
    resources::{KindSpec, Row, Scope, selector},
};

/// How often a few rows are looked at; there is no event for what time alone changes.
const LOOK: Duration = Duration::from_millis(250);
/// How often many are.
const LOOK_AT_MANY: Duration = Duration::from_secs(5);
const MANY: usize = 1_000;
/// Rows in one page.
const PAGE: usize = 500;

pub(super) fn stream(
    api: Api,
    kind: &'static KindSpec,
    scope: Scope,
) -> BoxStream<'static, WatchItem> {
    // A page and what follows it; whoever is slow holds the world up, as a server's connection would.
    let (items, taken) = mpsc::channel(4);
    let driver =
        stream::once(follow(api, kind, scope, items)).filter_map(|()| std::future::ready(None));
    stream::select(taken, driver).boxed()
}

async fn follow(
    api: Api,
    kind: &'static KindSpec,
    scope: Scope,
    mut items: mpsc::Sender<WatchItem>,
) {
    let mut known: Option<BTreeMap<ObjectKey, Row>> = None;
    let mut attempt = 0;
    loop {
        let pause = match api.objects(kind) {
            Err(error) => {
                known = None;
                attempt += 1;
                let retry_in = back_off(attempt);
                let item = WatchItem::Broken {
                    problem: Problem::from(error),
                    retry_in,
                    attempt,
                };
                if items.send(item).await.is_err() {
                    return;
                }
                retry_in
            }
            Ok(objects) => {
                attempt = 0;
                let rows: BTreeMap<ObjectKey, Row> = objects
                    .iter()
                    .filter(|object| selector::fits(&scope.selector, object))
                    .filter_map(kind.from_object)
                    .filter(|row| scope.name.is_empty() || *row.key.name == *scope.name)
                    .filter(|row| {
                        scope.namespaces.is_empty()
                            || scope
                                .namespaces
                                .iter()
                                .any(|name| **name == *row.key.namespace)
                    })
                    .map(|row| (row.key.clone(), row))
                    .collect();
                let told = match &known {
                    None => list(&mut items, &rows).await,
                    Some(before) => differences(&mut items, before, &rows).await,
                };
                if told.is_err() {
                    return;
                }
                let many = rows.len() > MANY;
                known = Some(rows);
                if many { LOOK_AT_MANY } else { LOOK }
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn list(
    items: &mut mpsc::Sender<WatchItem>,
    rows: &BTreeMap<ObjectKey, Row>,
) -> Result<(), mpsc::SendError> {
    let all: Vec<Row> = rows.values().cloned().collect();
    let mut first = true;
    for page in all.chunks(PAGE) {
        items
            .send(WatchItem::Page {
                rows: page.to_vec(),
                first,
            })
            .await?;
        first = false;
    }
    if first {
        items
            .send(WatchItem::Page {
                rows: Vec::new(),
                first,
            })
            .await?;
    }
    items.send(WatchItem::Live).await
}

async fn differences(
    items: &mut mpsc::Sender<WatchItem>,
    before: &BTreeMap<ObjectKey, Row>,
    rows: &BTreeMap<ObjectKey, Row>,
) -> Result<(), mpsc::SendError> {
    let gone = before
        .keys()
        .filter(|key| !rows.contains_key(*key))
        .cloned()
        .map(Change::Gone);
    let set = rows
        .values()
        .filter(|row| before.get(&row.key) != Some(*row))
        .cloned()
        .map(Change::Set);
    let changes: Vec<Change> = gone.chain(set).collect();
    if changes.is_empty() {
        Ok(())
    } else {
        items.send(WatchItem::Changes(changes)).await
    }
}
