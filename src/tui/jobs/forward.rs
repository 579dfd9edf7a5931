//! A port-forward that is switched on, and what there is to forward to.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Context, Sink};
use crate::{
    domain::{Forward, ObjectKey, Problem},
    ops::{
        forward::{
            self, ApiSource,
            kept::{self, Kept},
        },
        workload,
    },
    tui::msg::{ClusterId, News},
};

/// While bytes of the last minute are shown, they move on once a second.
const TICK: Duration = Duration::from_secs(1);

/// Holds a forward open.
pub(super) async fn run(context: Context, id: ClusterId, wanted: Forward, sink: Sink) {
    let source: ApiSource = Arc::new(move || {
        let (context, id) = (context.clone(), id.clone());
        Box::pin(async move {
            // A client that failed is not asked again: the cluster may have been made anew.
            context.connections.forget(&id);
            Ok(context.connections.get(&context, &id).await?)
        })
    });
    let open = match forward::open(source, &wanted).await {
        Ok(open) => open,
        Err(problem) => {
            sink.send(News::Forward(Err(problem))).await;
            return std::future::pending().await;
        }
    };
    let mut status = open.status();
    loop {
        let now = status.borrow_and_update().clone();
        let minute = now.traffic.last_minute(Instant::now());
        let moving = minute.iter().any(|bytes| *bytes > 0);
        if !sink
            .send(News::Forward(Ok(Box::new((now, minute.to_vec())))))
            .await
        {
            return;
        }
        let changed = if moving {
            tokio::time::timeout(TICK, status.changed()).await.ok()
        } else {
            Some(status.changed().await)
        };
        if matches!(changed, Some(Err(_))) {
            return;
        }
    }
}

/// Finds what stands for a pod, once.
pub(super) async fn around(context: Context, id: ClusterId, pod: ObjectKey, sink: Sink) {
    let asked = async {
        let api = context.connections.get(&context, &id).await?;
        workload::of_pod(api.as_ref(), &pod).await
    };
    // What cannot be found out is not offered; the pod itself is.
    let offers = asked.await.unwrap_or_else(|_: Problem| Vec::new());
    sink.send(News::Around(offers)).await;
    std::future::pending::<()>().await;
}

/// Reads the forwards that are kept, once.
pub(super) async fn kept(file: PathBuf, sink: Sink) {
    let news = match tokio::task::spawn_blocking(move || kept::read(&file)).await {
        Ok(Ok(all)) => News::Kept(all),
        Ok(Err(problem)) => News::Broke(problem),
        Err(error) => News::Broke(Problem::failed(
            "the kept forwards were not read",
            error.to_string(),
        )),
    };
    sink.send(news).await;
    std::future::pending::<()>().await;
}

/// The job that keeps a forward, or keeps it no longer.
pub(in crate::tui) fn keep(context: &Context, what: Kept, yes: bool) -> super::Job {
    let file = context.kept.clone();
    let write = move || match file {
        None => Ok(()),
        Some(file) if yes => kept::keep(&file, &what),
        Some(file) => kept::forget(&file, &what),
    };
    Box::new(|sink| {
        Box::pin(async move {
            if let Ok(Err(problem)) = tokio::task::spawn_blocking(write).await {
                sink.send(News::Broke(problem)).await;
            }
        })
    })
}
