//! The log of what is selected, in batches: a frame takes in what came since the last one, not line by line.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::BoxStream};

use super::{Context, Sink, back_off};
use crate::{
    backend::KubeApi,
    domain::{Mark, MarkEvent, Workload, WorkloadKind, log::LogItem},
    ops::follow::{self, Query, Target},
    tui::msg::{ClusterId, LogTarget, News},
};

/// As many lines make a batch at the most.
const BATCH: usize = 256;
/// Lines wait this long for others to come with them: less than a frame.
const GATHER: Duration = Duration::from_millis(25);

pub(super) async fn run(context: Context, target: LogTarget, sink: Sink) {
    let Some(mut items) = open(&context, target, &sink).await else {
        return;
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

/// Begins to follow, as soon as there is a client; `None` where nobody wants it any more.
async fn open(
    context: &Context,
    target: LogTarget,
    sink: &Sink,
) -> Option<BoxStream<'static, LogItem>> {
    let tail = context.tail;
    if let LogTarget::Container(name) = target {
        let runtime = context.world.backends()?.runtime;
        return Some(follow::follow_container(runtime, name, tail));
    }
    let api = client(context, target.cluster()?, sink).await?;
    let targets = match target {
        LogTarget::Pod(_, key) => return Some(follow::follow_pod(api, key, tail)),
        LogTarget::Workload(_, workload) => vec![Target::Of(workload)],
        LogTarget::Previous(_, key) => {
            let pod = Workload {
                kind: WorkloadKind::Pod,
                key,
            };
            let query = Query {
                targets: vec![Target::Of(pod)],
                previous: true,
                ..Query::default()
            };
            return Some(follow::follow(api, query));
        }
        LogTarget::Namespace(_, name) => vec![Target::Pods {
            namespaces: (!name.is_empty()).then_some(name).into_iter().collect(),
            selector: String::new(),
            name: None,
        }],
        LogTarget::Container(_) => return None,
    };
    let query = Query {
        targets,
        tail: Some(tail),
        follow: true,
        ..Query::default()
    };
    Some(follow::follow(api, query))
}

/// The cluster's client; why it cannot be had is told once.
async fn client(context: &Context, id: &ClusterId, sink: &Sink) -> Option<Arc<dyn KubeApi>> {
    let mut attempt = 0;
    loop {
        let problem = match context.connections.get(context, id).await {
            Ok(api) => return Some(api),
            Err(problem) => problem,
        };
        attempt += 1;
        if attempt == 1 {
            let mark = Mark::of(None, MarkEvent::Problem(problem.into()));
            if !sink.send(News::Log(vec![LogItem::Mark(mark)])).await {
                return None;
            }
        }
        tokio::time::sleep(back_off(attempt)).await;
    }
}
