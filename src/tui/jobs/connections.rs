//! Clients of clusters' APIs, one a cluster, shared by all jobs: pods, nodes, health and logs need one connection, not four.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

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
        let slot = Arc::clone(self.slots().entry(id.clone()).or_default());
        slot.get_or_try_init(|| open(context, id)).await.cloned()
    }

    /// Forgets a client, so that the next one who asks opens it anew: a cluster that was made again under its name has
    /// other certificates.
    pub(in crate::tui) fn forget(&self, id: &ClusterId) {
        self.slots().remove(id);
    }

    /// Whether this client is the cluster's still; one that was forgotten is of no more use.
    pub(super) fn holds(&self, id: &ClusterId, api: &Arc<dyn KubeApi>) -> bool {
        let slots = self.slots();
        let known = slots.get(id).and_then(|slot| slot.get());
        known.is_some_and(|known| Arc::ptr_eq(known, api))
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<ClusterId, Slot>> {
        // No code under this lock can break, and a map is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        ClusterId::Local(_, name) => {
            let gone = || {
                Error::new(
                    ErrorKind::NotFound,
                    format!("connect to cluster {name}"),
                    "it is not there",
                )
            };
            let backends = context.world.backends().ok_or_else(gone)?;
            let cluster = context.cluster(id).ok_or_else(gone)?;
            reach::connect(&backends, &reach::access(&cluster)).await
        }
    }
}
