//! The world as it was observed last, shared by all jobs. A job that goes on while clusters are made anew, as a
//! port-forward does, finds the present ones.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{backend::Backends, domain::Cluster};

/// What was observed last; clones see the same.
#[derive(Clone, Default)]
pub(in crate::tui) struct Observed(Arc<Mutex<Seen>>);

#[derive(Clone, Default)]
struct Seen {
    backends: Option<Backends>,
    clusters: Arc<Vec<Cluster>>,
}

impl Observed {
    /// Takes in a new observation.
    pub(in crate::tui) fn set(&self, backends: Backends, clusters: Vec<Cluster>) {
        let backends = Some(backends);
        let clusters = Arc::new(clusters);
        self.with(|seen| *seen = Seen { backends, clusters });
    }

    /// The doors to the world, once it is there.
    pub(super) fn backends(&self) -> Option<Backends> {
        self.with(|seen| seen.backends.clone())
    }

    /// The clusters of the world.
    pub(in crate::tui) fn clusters(&self) -> Arc<Vec<Cluster>> {
        self.with(|seen| Arc::clone(&seen.clusters))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Seen) -> T) -> T {
        // No code under this lock can break, so that what it guards is whole.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        backend::sim::World,
        ops,
        tui::{jobs::Context, msg::ClusterId},
    };

    #[tokio::test(start_paused = true)]
    async fn a_job_finds_a_cluster_that_was_made_after_it_began() {
        let context = Context::detached();
        let job = context.clone();
        let id = ClusterId::k3s("dev");
        assert!(job.cluster(&id).is_none());
        let backends = World::named("default").unwrap().backends();
        let world = ops::observe(&backends).await.unwrap();
        context.world.set(backends, world.clusters);
        assert!(job.cluster(&id).is_some());
    }
}
