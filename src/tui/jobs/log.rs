//! The log of what is selected, in batches: a frame takes in what came since the last one, not line by line.

use std::time::Duration;

use futures::StreamExt;

use super::{Context, Sink, back_off};
use crate::{
    domain::{Mark, MarkEvent, log::LogItem},
    ops::follow,
    tui::msg::{LogTarget, News},
};

/// As many lines make a batch at the most.
const BATCH: usize = 256;
/// Lines wait this long for others to come with them: less than a frame.
const GATHER: Duration = Duration::from_millis(25);

pub(super) async fn run(context: Context, target: LogTarget, sink: Sink) {
    let mut attempt = 0;
    let mut items = match target {
        LogTarget::Container(name) => match &context.backends {
            Some(backends) => {
                follow::follow_container(backends.runtime.clone(), name, context.tail)
            }
            None => return,
        },
        LogTarget::Pod(id, key) => loop {
            match context.connections.get(&context, &id).await {
                Ok(api) => break follow::follow_pod(api, key, context.tail),
                Err(problem) => {
                    attempt += 1;
                    if attempt == 1
                        && !sink
                            .send(News::Log(vec![LogItem::Mark(Mark::of(
                                None,
                                MarkEvent::Problem(problem.into()),
                            ))]))
                            .await
                    {
                        return;
                    }
                    tokio::time::sleep(back_off(attempt)).await;
                }
            }
        },
    };
    while let Some(first) = items.next().await {
        let mut batch = vec![first];
        let end = tokio::time::sleep(GATHER);
        tokio::pin!(end);
        while batch.len() < BATCH {
            tokio::select! {
                biased;
                item = items.next() => match item {
                    Some(item) => batch.push(item),
                    None => break,
                },
                () = &mut end => break,
            }
        }
        if !sink.send(News::Log(batch)).await {
            return;
        }
    }
    // An ended log stays on the screen; its task stays too, so that it is not started again.
    std::future::pending::<()>().await;
}
