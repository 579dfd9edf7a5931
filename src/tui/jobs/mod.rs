//! What tasks do: one file a job. A job sends news until it is ended; none of them touches the state.

mod api;
mod connections;
mod engine;
pub(super) mod export;
pub(super) mod forward;
mod listing;
mod log;
mod observed;
pub(super) mod older;
mod operation;
mod rows;
mod usage;

use std::{path::PathBuf, sync::Arc};

use futures::future::BoxFuture;

pub(super) use operation::{check, execute, plan};

use super::{
    msg::{ClusterId, TaskKey},
    runner::Sink,
};
use crate::{
    backend::{Backends, KubeConnect, back_off, docker::Tried},
    config::Contexts,
    domain::Cluster,
    ops::kubeconfig_file::KubeconfigFiles,
    resources::{nodes, pods},
};
pub(super) use connections::Connections;
pub(super) use observed::Observed;

/// The work of a task.
pub(super) type Job = Box<dyn FnOnce(Sink) -> BoxFuture<'static, ()> + Send>;

/// Opens the world: the engine that answers, or what was tried. It is called again when an engine went away.
pub type Opener = Arc<dyn Fn() -> BoxFuture<'static, Result<Backends, Vec<Tried>>> + Send + Sync>;

/// The kubeconfig files, read anew each time they are asked for.
pub type ContextReader = Arc<
    dyn Fn() -> (
            Vec<crate::domain::kube::ContextInfo>,
            Vec<crate::domain::Problem>,
        ) + Send
        + Sync,
>;

/// What jobs work with. It is the runner's, and follows the state.
#[derive(Clone)]
pub(super) struct Context {
    /// Opens the world.
    pub(super) open: Opener,
    /// Reads the kubeconfig files.
    pub(super) contexts: ContextReader,
    /// The files that contexts are read from.
    pub(super) read: Vec<PathBuf>,
    /// The files that a cluster's access is written to.
    pub(super) files: KubeconfigFiles,
    /// Which contexts are protected.
    pub(super) protected: Contexts,
    /// The file of the port-forwards that are kept.
    pub(super) kept: Option<PathBuf>,
    /// The way to Kubernetes APIs, with or without an engine.
    pub(super) kube: Arc<dyn KubeConnect>,
    /// The world, once it is there.
    pub(super) world: Observed,
    /// Clients that are open.
    pub(super) connections: Connections,
    /// How many old lines of a log are fetched.
    pub(super) tail: u32,
}

impl Context {
    /// A context without a world, for tests of what needs none.
    #[cfg(test)]
    pub(super) fn detached() -> Self {
        struct Nowhere;
        impl KubeConnect for Nowhere {
            fn connect<'a>(
                &'a self,
                _: &'a crate::backend::KubeTarget,
            ) -> crate::backend::Answer<'a, Arc<dyn crate::backend::KubeApi>> {
                Box::pin(std::future::pending())
            }
        }
        Self {
            open: Arc::new(|| Box::pin(std::future::pending())),
            contexts: Arc::new(|| (Vec::new(), Vec::new())),
            read: Vec::new(),
            files: KubeconfigFiles::none(),
            protected: Contexts::default(),
            kept: None,
            kube: Arc::new(Nowhere),
            world: Observed::default(),
            connections: Connections::default(),
            tail: 100,
        }
    }
}

/// The job of a task that runs for as long as it is wanted; `None` while it lacks what it needs.
pub(super) fn continuous(key: &TaskKey, context: &Context) -> Option<Job> {
    let cx = context.clone();
    Some(match key.clone() {
        TaskKey::Engine => Box::new(|sink| Box::pin(engine::run(cx, sink))),
        TaskKey::Contexts => Box::new(|sink| Box::pin(engine::contexts(cx, sink))),
        TaskKey::Api(id) => Box::new(|sink| Box::pin(api::run(cx, id, sink))),
        TaskKey::Pods(id) => Box::new(|sink| Box::pin(rows::run(cx, id, &pods::KIND, sink))),
        TaskKey::Nodes(id) => Box::new(|sink| Box::pin(rows::run(cx, id, &nodes::KIND, sink))),
        TaskKey::PodUsage(id) => Box::new(|sink| Box::pin(usage::pods(cx, id, sink))),
        TaskKey::Usage(container) => {
            let runtime = cx.world.backends()?.runtime;
            Box::new(|sink| Box::pin(usage::container(runtime, container, sink)))
        }
        TaskKey::Log(target, _) => Box::new(|sink| Box::pin(log::run(cx, target, sink))),
        TaskKey::Forward(id, wanted) => {
            Box::new(|sink| Box::pin(forward::run(cx, id, wanted, sink)))
        }
        TaskKey::Around(id, pod) => Box::new(|sink| Box::pin(forward::around(cx, id, pod, sink))),
        TaskKey::Listing(kind, _) => Box::new(|sink| Box::pin(listing::run(cx, kind, sink))),
        TaskKey::Kept => {
            let file = cx.kept?;
            Box::new(|sink| Box::pin(forward::kept(file, sink)))
        }
        TaskKey::Plan(_)
        | TaskKey::Operation(_)
        | TaskKey::Older(..)
        | TaskKey::Export
        | TaskKey::Check
        | TaskKey::Keep(..) => return None,
    })
}

impl Context {
    fn cluster(&self, id: &ClusterId) -> Option<Cluster> {
        let clusters = self.world.clusters();
        let found = clusters
            .iter()
            .find(|cluster| ClusterId::of(cluster) == *id);
        found.cloned()
    }
}
