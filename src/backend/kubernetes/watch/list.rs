//! The list that a watch begins with.

use std::sync::Arc;

use futures::{SinkExt, StreamExt, stream};
use jiff::Timestamp;
use kube::Client;
use serde_json::Value;

use super::Watch;
use crate::{
    backend::{
        Error, ErrorKind, WatchItem,
        kubernetes::{
            ANSWER, errors, path,
            table::{self, Table},
        },
    },
    resources::{KindSpec, unlisted},
};

/// Rows in one answer. The first page is there after milliseconds.
const PAGE: usize = 500;
/// Namespaces that are listed at the same time. More connections than that cost the server more than they gain.
const TOGETHER: usize = 16;

impl Watch {
    /// Lists everything; `false` when nobody takes it.
    pub(super) async fn list(&mut self) -> Result<bool, Error> {
        if self.kind.whole {
            return self.list_objects().await;
        }
        let all = path::collection(self.kind, "");
        let (peek, namespaces) = futures::try_join!(
            self.page(&all, "includeObject=None&limit=1"),
            self.namespaces()
        )?;
        self.version.clone_from(&peek.metadata.resource_version);
        self.names = peek.names().unwrap_or_default();
        let now = Timestamp::now();
        let mut first = true;
        let (kind, client, names) = (self.kind, self.client.clone(), self.names.clone());
        let what = self.what();
        let mut pages = stream::iter(namespaces.into_iter().map(|namespace| {
            let (client, what) = (client.clone(), what.clone());
            pages_of(client, kind, namespace, what).boxed()
        }))
        .flatten_unordered(TOGETHER);
        while let Some(page) = pages.next().await {
            let (namespace, table) = page.inspect_err(|_| self.version.clear())?;
            let rows = table.rows(kind, &names, &namespace, now);
            if rows.is_empty() && !first {
                continue;
            }
            if self
                .items
                .send(WatchItem::Page { rows, first })
                .await
                .is_err()
            {
                return Ok(false);
            }
            first = false;
        }
        if first
            && self
                .items
                .send(WatchItem::Page {
                    rows: Vec::new(),
                    first,
                })
                .await
                .is_err()
        {
            return Ok(false);
        }
        Ok(self.items.send(WatchItem::Live).await.is_ok())
    }

    /// The namespaces to list; one empty name stands for a kind that has none.
    async fn namespaces(&self) -> Result<Vec<Arc<str>>, Error> {
        if !self.kind.namespaced {
            return Ok(vec![Arc::from("")]);
        }
        if !self.scope.namespaces.is_empty() {
            return Ok(self
                .scope
                .namespaces
                .iter()
                .map(|name| Arc::from(name.as_str()))
                .collect());
        }
        let table = self
            .page(
                &path::collection(&unlisted::NAMESPACES, ""),
                "includeObject=None",
            )
            .await?;
        let names = table.names().unwrap_or_default();
        let rows = table.rows(&unlisted::NAMESPACES, &names, "", Timestamp::now());
        Ok(rows
            .into_iter()
            .map(|row| Arc::from(&*row.key.name))
            .collect())
    }

    async fn page(&self, collection: &str, query: &str) -> Result<Table, Error> {
        page(&self.client, &format!("{collection}?{query}"), &self.what()).await
    }

    async fn list_objects(&mut self) -> Result<bool, Error> {
        let what = self.what();
        let text = ask(
            &self.client,
            &path::collection(self.kind, ""),
            "application/json",
            &what,
        )
        .await?;
        let list: Value = serde_json::from_str(&text).map_err(|_| errors::not_kubernetes(&what))?;
        let version = list["metadata"]["resourceVersion"]
            .as_str()
            .ok_or_else(|| errors::not_kubernetes(&what))?;
        let items = list["items"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let rows = items.iter().filter_map(self.kind.from_object).collect();
        version.clone_into(&mut self.version);
        if self
            .items
            .send(WatchItem::Page { rows, first: true })
            .await
            .is_err()
        {
            return Ok(false);
        }
        Ok(self.items.send(WatchItem::Live).await.is_ok())
    }
}

/// The pages of one namespace, one after the other.
fn pages_of(
    client: Client,
    kind: &'static KindSpec,
    namespace: Arc<str>,
    what: String,
) -> impl futures::Stream<Item = Result<(Arc<str>, Table), Error>> {
    let begin = Some(String::new());
    stream::unfold(
        (begin, client, namespace, what),
        move |(token, client, namespace, what)| async move {
            let token = token?;
            let more = if token.is_empty() {
                String::new()
            } else {
                format!("&continue={}", path::escape(&token))
            };
            let uri = format!(
                "{}?includeObject=None&limit={PAGE}{more}",
                path::collection(kind, &namespace)
            );
            let answer = page(&client, &uri, &what).await;
            let next = answer
                .as_ref()
                .ok()
                .and_then(|table| table.metadata.token.clone())
                .filter(|token| !token.is_empty());
            Some((
                answer.map(|table| (Arc::clone(&namespace), table)),
                (next, client, namespace, what),
            ))
        },
    )
}

async fn page(client: &Client, uri: &str, what: &str) -> Result<Table, Error> {
    let text = ask(client, uri, table::ACCEPT, what).await?;
    Table::parse(&text).ok_or_else(|| errors::not_kubernetes(what))
}

async fn ask(client: &Client, uri: &str, accept: &str, what: &str) -> Result<String, Error> {
    let request = http::Request::get(uri)
        .header(http::header::ACCEPT, accept)
        .body(Vec::new())
        .map_err(|error| Error::new(ErrorKind::Invalid, what, error.to_string()))?;
    match tokio::time::timeout(ANSWER, client.request_text(request)).await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(errors::explain(what, &error)),
        Err(_) => Err(errors::too_late(what, ANSWER)),
    }
}
