//! How a cluster's API answers. Nothing pushes a latency, so it is asked for while somebody looks.

use std::time::Duration;

use super::{Context, Sink, back_off};
use crate::{
    backend::{Error, ErrorKind},
    domain::{Problem, kube::ApiHealth},
    tui::msg::{ClusterId, News},
};

/// Often enough to notice a change while looking, seldom enough to cost nothing.
const EVERY: Duration = Duration::from_secs(10);
/// Nobody works with an API that needs longer than this to say that it is there.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(context: Context, id: ClusterId, sink: Sink) {
    let mut failures = 0;
    loop {
        let pause = match ask(&context, &id).await {
            Ok(health) => {
                failures = 0;
                sink.send(News::ApiUp(health)).await;
                EVERY
            }
            Err(error) => {
                failures += 1;
                context.connections.forget(&id);
                let pause = back_off(failures);
                sink.send(News::ApiDown(Problem::from(error), pause)).await;
                pause
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn ask(context: &Context, id: &ClusterId) -> Result<ApiHealth, Error> {
    let asked = async { context.connections.get(context, id).await?.health().await };
    tokio::time::timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| {
            let why = format!("no answer within {} s", PATIENCE.as_secs());
            Err(Error::new(
                ErrorKind::Timeout,
                "ask whether the API is ready",
                why,
            ))
        })
}
