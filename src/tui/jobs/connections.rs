//! Clients of clusters' APIs, one a cluster, shared by all jobs: pods, nodes, health and logs need one connection, not four.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{Mutex, OnceCell};

use super::Context;
use crate::{
    backend::{Error, ErrorKind, KubeApi, KubeTarget},
    ops::reach,
    tui::msg::ClusterId,
};

type Slot = Arc<OnceCell<Arc<dyn KubeApi>>>;

/// The clients that are open.
#[derive(Clone, Default)]
pub(in crate::tui) struct Connections(Arc<Mutex<HashMap<ClusterId, Slot>>>);

impl Connections {
    /// The client of a cluster, opened if it is not yet. Those who ask at the same time wait for the same one.
    pub(super) async fn get(
        &self,
        context: &Context,
        id: &ClusterId,
    ) -> Result<Arc<dyn KubeApi>, Error> {
        let slot = Arc::clone(self.0.lock().await.entry(id.clone()).or_default());
        slot.get_or_try_init(|| open(context, id)).await.cloned()
    }

    /// Forgets a client, so that the next one who asks opens it anew: a cluster that was made again under its name has
    /// other certificates.
    pub(super) async fn forget(&self, id: &ClusterId) {
        self.0.lock().await.remove(id);
    }
}

async fn open(context: &Context, id: &ClusterId) -> Result<Arc<dyn KubeApi>, Error> {
    match id {
        ClusterId::Context(name) => {
            let target = KubeTarget::Context {
                files: context.read.clone(),
                name: name.clone(),
            };
            context.kube.connect(&target).await
        }
        ClusterId::Local(name) => {
            let gone = || {
                Error::new(
                    ErrorKind::NotFound,
                    format!("connect to cluster {name}"),
                    "it is not there",
                )
            };
            let backends = context.backends.as_ref().ok_or_else(gone)?;
            let cluster = context.cluster(id).ok_or_else(gone)?;
            reach::connect(backends, &reach::access(&cluster)).await
        }
    }
}
