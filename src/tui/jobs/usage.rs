//! What containers and pods use of the machine.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;

use super::{Context, Sink};
use crate::{
    backend::{ContainerRuntime, ErrorKind},
    resources::Scope,
    tui::msg::{ClusterId, News},
};

/// The metrics server measures every 15 s; asking more often brings the same numbers.
const METRICS: Duration = Duration::from_secs(15);
/// A cluster without metrics may get them later.
const WITHOUT: Duration = Duration::from_secs(120);

/// A container's use, until it stops.
pub(super) async fn container(runtime: Arc<dyn ContainerRuntime>, container: String, sink: Sink) {
    let mut usage = runtime.usage(&container);
    while let Some(Ok(usage)) = usage.next().await {
        if !sink.send(News::Usage(usage)).await {
            return;
        }
    }
    // The container ended; a new task begins when the engine says that it runs again.
    std::future::pending::<()>().await;
}

/// The use of all pods, where the cluster measures it.
pub(super) async fn pods(context: Context, id: ClusterId, sink: Sink) {
    loop {
        let asked = match context.connections.get(&context, &id).await {
            Ok(api) => api.pod_usage(&Scope::default()).await,
            Err(error) => Err(error),
        };
        let pause = match asked {
            Ok(usage) => {
                sink.send(News::PodUsage(usage)).await;
                METRICS
            }
            Err(error) if error.kind == ErrorKind::NotFound => WITHOUT,
            Err(_) => METRICS,
        };
        tokio::time::sleep(pause).await;
    }
}
