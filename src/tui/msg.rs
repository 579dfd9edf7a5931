//! What can happen to the screen, as data: keys, and news of tasks.

use std::{fmt, time::Duration};

use crate::{
    backend::{Backends, WatchItem, docker::Tried},
    config::KeyChord,
    domain::{
        Cluster, Distribution, Forward, ObjectKey, Problem, Workload,
        container::Usage,
        kube::{ApiHealth, ContextInfo},
        log::LogItem,
    },
    ops::{Failure, Report, Wish, World, draft::LocalFiles, forward::kept::Kept, workload::Offer},
    plan::{Event, Plan},
    tui::{
        dialogs::listing::{Item, Kind},
        state::forwards::Told,
    },
};

/// A cluster in the list: one that the engine holds, or one that a kubeconfig names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClusterId {
    /// A cluster at the engine: clusters of two distributions can have one name.
    Local(Distribution, String),
    /// A context of this name.
    Context(String),
}

impl ClusterId {
    /// The identity of a cluster of the engine.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        Self::Local(cluster.distribution, cluster.name.to_string())
    }

    /// The identity of a cluster of k3s, the distribution whose clusters are changed here.
    #[must_use]
    pub fn k3s(name: impl Into<String>) -> Self {
        Self::Local(Distribution::K3s, name.into())
    }

    /// Its name alone.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Local(_, name) | Self::Context(name) => name,
        }
    }
}

/// Whose log is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogTarget {
    /// A node's container.
    Container(String),
    /// A pod of a cluster, with all its containers.
    Pod(ClusterId, ObjectKey),
    /// All pods that a workload of a cluster stands for.
    Workload(ClusterId, Workload),
    /// All pods of a namespace of a cluster; of all namespaces where it is empty.
    Namespace(ClusterId, String),
    /// The run before the present one of a pod's containers.
    Previous(ClusterId, ObjectKey),
}

impl LogTarget {
    /// The cluster through whose API it is read.
    #[must_use]
    pub const fn cluster(&self) -> Option<&ClusterId> {
        match self {
            Self::Container(_) => None,
            Self::Pod(id, _)
            | Self::Workload(id, _)
            | Self::Namespace(id, _)
            | Self::Previous(id, _) => Some(id),
        }
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(name) => f.write_str(name),
            Self::Pod(_, key) => key.fmt(f),
            Self::Workload(_, workload) => write!(f, "{}/{workload}", workload.key.namespace),
            Self::Namespace(_, name) if name.is_empty() => f.write_str("of all pods"),
            Self::Namespace(_, name) => write!(f, "of namespace {name}"),
            Self::Previous(_, key) => write!(f, "{key}, its run before"),
        }
    }
}

/// Names a task; there is at most one of each name, and its news carry it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TaskKey {
    /// The engine: connection, clusters, events.
    Engine,
    /// The contexts of the kubeconfig files.
    Contexts,
    /// How a cluster's API answers.
    Api(ClusterId),
    /// The pods of a cluster.
    Pods(ClusterId),
    /// The Kubernetes nodes of a cluster.
    Nodes(ClusterId),
    /// What the pods of a cluster use.
    PodUsage(ClusterId),
    /// What a container uses.
    Usage(String),
    /// A followed log, and how many were opened before it: one that is opened again begins anew.
    Log(LogTarget, u64),
    /// Lines of such a log from before those that are there.
    Older(LogTarget, u64),
    /// A port-forward that is switched on.
    Forward(ClusterId, Forward),
    /// What stands for a pod.
    Around(ClusterId, ObjectKey),
    /// The forwards that are kept: read once.
    Kept,
    /// A forward on its way into the file of those that are kept, or out of it.
    Keep(ClusterId, Forward),
    /// What is in a list, the so-many-th time.
    Listing(Kind, u64),
    /// Lines of a log on their way somewhere.
    Export,
    /// Reading the files that a form names.
    Check,
    /// Planning an operation.
    Plan(u64),
    /// Carrying one out.
    Operation(u64),
}

impl TaskKey {
    /// The cluster whose API the task works with.
    #[must_use]
    pub fn cluster(&self) -> Option<&ClusterId> {
        match self {
            Self::Api(id)
            | Self::Pods(id)
            | Self::Nodes(id)
            | Self::PodUsage(id)
            | Self::Around(id, _) => Some(id),
            Self::Log(target, _) => target.cluster(),
            _ => None,
        }
    }
}

/// What a task tells.
#[derive(Clone)]
pub enum News {
    /// The engine answered: the world as it is.
    World(Box<World>, Backends),
    /// No engine answered, or it went away: what was tried, and in how long it is tried again.
    EngineDown {
        /// Every endpoint with its answer.
        tried: Vec<Tried>,
        /// The pause before the next try.
        retry_in: Duration,
    },
    /// The contexts of the kubeconfig files, and what is wrong with the files.
    Contexts(Vec<ContextInfo>, Vec<Problem>),
    /// The API answered.
    ApiUp(ApiHealth),
    /// The API did not answer, and in how long it is asked again.
    ApiDown(Problem, Duration),
    /// Rows of the task's kind.
    Rows(WatchItem),
    /// What the task's container uses.
    Usage(Usage),
    /// What pods use.
    PodUsage(Vec<(ObjectKey, Usage)>),
    /// A piece of the task's log.
    Log(Vec<LogItem>),
    /// The lines of the task's log before those that are there, in the order of time; none where there are no more.
    Older(Result<Vec<LogItem>, Problem>),
    /// How the task's forward is.
    Forward(Told),
    /// The forwards that are kept.
    Kept(Vec<Kept>),
    /// What stands for the task's pod.
    Around(Vec<Offer>),
    /// What is in the task's list.
    Listed(Result<Vec<Item>, Problem>),
    /// Lines of a log were written: what was done, and what a command said to it.
    Exported(Result<(String, String), Problem>),
    /// The plan is made, for the wish with all that it names, or why not.
    Planned(Result<(Wish, Plan), Problem>),
    /// Files that a form names were read, and what is wrong with them.
    Checked(LocalFiles, Option<Problem>),
    /// A step of the operation.
    Step(Event),
    /// The operation is over.
    Over(Result<Box<Report>, Box<Failure>>),
    /// The task broke in a way that nobody foresaw.
    Broke(Problem),
}

/// Everything that can happen.
#[derive(Clone)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyChord),
    /// A text was pasted.
    Paste(String),
    /// The primary mouse button was pressed at a column and row.
    Click(u16, u16),
    /// The wheel was turned: lines down, or up where negative, at a column and row.
    Wheel(i16, u16, u16),
    /// A task has news.
    News(TaskKey, Box<News>),
    /// A moment that was asked for has come.
    Wake,
}
