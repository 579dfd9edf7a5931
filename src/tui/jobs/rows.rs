//! Rows of a kind of one cluster. The watch reconnects by itself; what is retried here is getting a client at all.

use futures::StreamExt;

use super::{Context, Sink, back_off};
use crate::{
    backend::WatchItem,
    resources::{KindSpec, Scope},
    tui::msg::{ClusterId, News},
};

pub(super) async fn run(context: Context, id: ClusterId, kind: &'static KindSpec, sink: Sink) {
    let mut attempt = 0;
    let api = loop {
        match context.connections.get(&context, &id).await {
            Ok(api) => break api,
            Err(error) => {
                attempt += 1;
                let retry_in = back_off(attempt);
                let broken = WatchItem::Broken {
                    problem: error.into(),
                    retry_in,
                    attempt,
                };
                if !sink.send(News::Rows(broken)).await {
                    return;
                }
                tokio::time::sleep(retry_in).await;
            }
        }
    };
    let mut rows = api.watch(kind, &Scope::default());
    while let Some(item) = rows.next().await {
        if !sink.send(News::Rows(item)).await {
            return;
        }
    }
}
