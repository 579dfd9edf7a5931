//! Rows of a kind of one cluster. The watch reconnects by itself; what is retried here is getting a client at all, and
//! getting another one when the client was given up: a cluster that was made again has other certificates.

use futures::StreamExt;

use super::{Context, Sink, back_off};
use crate::{
    backend::WatchItem,
    resources::{KindSpec, Scope},
    tui::msg::{ClusterId, News},
};

pub(super) async fn run(context: Context, id: ClusterId, kind: &'static KindSpec, sink: Sink) {
    let mut attempt = 0;
    loop {
        let api = match context.connections.get(&context, &id).await {
            Ok(api) => api,
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
                continue;
            }
        };
        let mut rows = api.watch(kind, &Scope::default());
        while let Some(item) = rows.next().await {
            let broken = matches!(item, WatchItem::Broken { .. });
            if matches!(item, WatchItem::Live) {
                attempt = 0;
            }
            if !sink.send(News::Rows(item)).await {
                return;
            }
            if broken && !context.connections.holds(&id, &api) {
                break;
            }
        }
    }
}
