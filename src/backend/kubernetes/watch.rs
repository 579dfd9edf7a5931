//! Rows of a kind: listed as fast as the server can, then followed for ever.
//!
//! The list comes without objects, a namespace a request and all namespaces at once: a table without objects does not say
//! the namespace, and many small answers are there sooner than a big one. Before it, one row is asked for to learn the
//! version; the watch begins there, so whatever changed while the lists were on their way comes again as a change, and
//! setting a row twice does no harm. Changes come with the object's metadata, which says namespace, UID and age.
//!
//! Kinds of which a row needs the object itself ([`KindSpec::whole`]) are listed and watched as objects.

mod list;

use std::time::Duration;

use futures::{AsyncBufReadExt, SinkExt, StreamExt, channel::mpsc, stream, stream::BoxStream};
use jiff::Timestamp;
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{ANSWER, errors, path, table, table::Table};
use crate::{
    backend::{Change, Error, ErrorKind, WatchItem, back_off},
    domain::Problem,
    resources::{KindSpec, Row, Scope},
};

/// Items between the reader and whoever shows them: a page and the changes behind it, not more memory than that.
const AHEAD: usize = 4;
/// Changes that are passed on in one go.
const BATCH: usize = 512;
/// The server ends a watch after this many seconds, so that a silent one is known to be dead soon after.
const WATCH: u32 = 290;
const SILENCE: Duration = Duration::from_secs(WATCH as u64 + 20);
/// Lists of many pages take longer than one answer.
const LIST: Duration = Duration::from_secs(60);

/// The rows of a kind, for ever.
pub(super) fn stream(
    client: Client,
    kind: &'static KindSpec,
    scope: Scope,
) -> BoxStream<'static, WatchItem> {
    let (items, taken) = mpsc::channel(AHEAD);
    let watch = Watch {
        client,
        kind,
        scope,
        items,
        names: Vec::new(),
        version: String::new(),
    };
    // The reader is driven by whoever takes the items, and ends with them.
    let driver = stream::once(watch.run()).filter_map(|()| std::future::ready(None));
    stream::select(taken, driver).boxed()
}

struct Watch {
    client: Client,
    kind: &'static KindSpec,
    scope: Scope,
    items: mpsc::Sender<WatchItem>,
    names: Vec<String>,
    version: String,
}

/// Why a watch came to its end.
enum End {
    /// The server ended it, as it does every few minutes.
    Usual,
    /// The version is too old to go on from.
    Expired,
    /// The connection broke or was refused.
    Broken(Error),
    /// Nobody takes the items any more.
    Unwanted,
}

#[derive(Deserialize)]
struct EventLine<'a> {
    #[serde(rename = "type")]
    action: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct StatusLine {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

impl Watch {
    async fn run(mut self) {
        let mut attempt = 0;
        loop {
            let end = if self.version.is_empty() {
                match tokio::time::timeout(LIST, self.list()).await {
                    Ok(Ok(true)) => self.follow(&mut attempt).await,
                    Ok(Ok(false)) => End::Unwanted,
                    Ok(Err(error)) => End::Broken(error),
                    Err(_) => End::Broken(errors::too_late(&self.what(), LIST)),
                }
            } else {
                self.follow(&mut attempt).await
            };
            match end {
                End::Usual => {}
                End::Unwanted => return,
                End::Expired => self.version.clear(),
                End::Broken(error) => {
                    attempt += 1;
                    let retry_in = back_off(attempt);
                    let problem = Problem::from(error);
                    if self
                        .items
                        .send(WatchItem::Broken {
                            problem,
                            retry_in,
                            attempt,
                        })
                        .await
                        .is_err()
                    {
                        return;
                    }
                    tokio::time::sleep(retry_in).await;
                }
            }
        }
    }

    fn what(&self) -> String {
        format!("watch {}", self.kind.plural)
    }

    /// Follows changes until the watch ends.
    async fn follow(&mut self, attempt: &mut u32) -> End {
        let uri = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH}&resourceVersion={}",
            path::collection(self.kind, one(&self.scope)),
            path::escape(&self.version)
        );
        let accept = if self.kind.whole {
            "application/json"
        } else {
            table::ACCEPT
        };
        let request = http::Request::get(uri)
            .header(http::header::ACCEPT, accept)
            .body(Vec::new());
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return End::Broken(Error::new(
                    ErrorKind::Invalid,
                    self.what(),
                    error.to_string(),
                ));
            }
        };
        let mut body = match tokio::time::timeout(ANSWER, self.client.request_stream(request)).await
        {
            Ok(Ok(body)) => Box::pin(body),
            Ok(Err(kube::Error::Api(status))) if status.code == 410 => return End::Expired,
            Ok(Err(error)) => return End::Broken(errors::explain(&self.what(), &error)),
            Err(_) => return End::Broken(errors::too_late(&self.what(), ANSWER)),
        };
        if *attempt > 0 {
            // What was shown as stale is live again.
            *attempt = 0;
            if self.items.send(WatchItem::Live).await.is_err() {
                return End::Unwanted;
            }
        }
        let mut line = Vec::new();
        let mut changes = Vec::new();
        loop {
            // Changes that are here already go together; the first one that has to be waited for ends the batch.
            let read = if changes.is_empty() {
                match tokio::time::timeout(SILENCE, body.read_until(b'\n', &mut line)).await {
                    Ok(read) => Some(read),
                    Err(_) => return End::Broken(errors::too_late(&self.what(), SILENCE)),
                }
            } else if changes.len() < BATCH {
                // A line that is half here stays in the buffer when it is left.
                tokio::select! {
                    biased;
                    read = body.read_until(b'\n', &mut line) => Some(read),
                    () = tokio::task::yield_now() => None,
                }
            } else {
                None
            };
            match read {
                None => {
                    if self
                        .items
                        .send(WatchItem::Changes(std::mem::take(&mut changes)))
                        .await
                        .is_err()
                    {
                        return End::Unwanted;
                    }
                }
                Some(Ok(0)) => return self.pass_on(changes, End::Usual).await,
                Some(Ok(_)) => {
                    match self.event(&line, &mut changes) {
                        Ok(()) => {}
                        Err(end) => return self.pass_on(changes, end).await,
                    }
                    line.clear();
                }
                Some(Err(error)) => {
                    let broken = Error::new(
                        ErrorKind::Unreachable,
                        self.what(),
                        errors::innermost(&error),
                    );
                    return self.pass_on(changes, End::Broken(broken)).await;
                }
            }
        }
    }

    async fn pass_on(&mut self, changes: Vec<Change>, end: End) -> End {
        if !changes.is_empty() && self.items.send(WatchItem::Changes(changes)).await.is_err() {
            return End::Unwanted;
        }
        end
    }

    /// Takes in one line of the watch.
    fn event(&mut self, line: &[u8], changes: &mut Vec<Change>) -> Result<(), End> {
        let garbage = |watch: &Self| End::Broken(errors::not_kubernetes(&watch.what()));
        let Ok(event) = serde_json::from_slice::<EventLine<'_>>(line) else {
            return Err(garbage(self));
        };
        if event.action == "ERROR" {
            let status: StatusLine =
                serde_json::from_str(event.object.get()).map_err(|_| garbage(self))?;
            if status.code == 410 {
                return Err(End::Expired);
            }
            let why = crate::domain::log::sanitize(status.message.as_bytes());
            return Err(End::Broken(Error::new(ErrorKind::Failed, self.what(), why)));
        }
        let rows = if self.kind.whole {
            self.object(event.object.get())
        } else {
            self.rows(event.object.get())
        };
        for row in rows.ok_or_else(|| garbage(self))? {
            match event.action {
                "ADDED" | "MODIFIED" => changes.push(Change::Set(row)),
                "DELETED" => changes.push(Change::Gone(row.key)),
                // A bookmark only moves the version on.
                _ => {}
            }
        }
        Ok(())
    }

    fn rows(&mut self, text: &str) -> Option<Vec<Row>> {
        let table = Table::parse(text)?;
        if let Some(names) = table.names() {
            self.names = names;
        }
        if let Some(version) = table.version() {
            version.clone_into(&mut self.version);
        }
        Some(table.rows(self.kind, &self.names, "", Timestamp::now()))
    }

    fn object(&mut self, text: &str) -> Option<Vec<Row>> {
        let object: Value = serde_json::from_str(text).ok()?;
        object["metadata"]["resourceVersion"]
            .as_str()?
            .clone_into(&mut self.version);
        Some((self.kind.from_object)(&object).into_iter().collect())
    }
}

/// The namespace of a scope that has exactly one; a watch is of one or of all.
fn one(scope: &Scope) -> &str {
    match scope.namespaces.as_slice() {
        [namespace] => namespace,
        _ => "",
    }
}
