//! The two doors to the world: [`ContainerRuntime`] and [`KubeApi`], and their adapters.
//!
//! The traits speak the words of [`crate::domain`], so that nothing above knows which library, or which world,
//! answers: `docker` and `kubernetes` are the real ones, `sim` is a world in memory. Every call has a deadline inside
//! the adapter; streams end only when their object is gone for good, and say so. The traits are object safe, because
//! the world is chosen when the program runs.

pub mod docker;
mod error;
pub mod kubernetes;
mod line_split;
pub mod sim;

use std::{path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{future::BoxFuture, stream::BoxStream};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

pub use error::{Error, ErrorKind};

use crate::{
    distro::k3s::kubeconfig::Admin,
    domain::{
        LogLine, ObjectKey, Problem, PublishedPort,
        container::{
            ContainerDetail, ContainerInfo, ContainerSpec, DiskUsage, EngineEvent, EngineInfo,
            ExecOutput, FileEntry, LogRequest, NetworkInfo, NetworkSpec, PullProgress, Usage,
            VolumeSpec,
        },
        image::EngineImage,
        kube::ApiHealth,
        log::sanitize,
    },
    resources::{KindSpec, Row, Scope},
};

/// The pause before the `attempt`th try, from 1: half a second, doubled up to 15 s. What is gone for seconds is mostly back
/// within seconds; what is gone for long need not be asked more often than a person would.
#[must_use]
pub fn back_off(attempt: u32) -> Duration {
    Duration::from_millis(500 << attempt.saturating_sub(1).min(5)).min(Duration::from_secs(15))
}

/// An answer that is on its way.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Bytes in chunks, up to their end or the first error.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// A connection to a port of a pod. It reads as ended only when the pod closed it; where it broke, reading fails, with
/// [`std::io::ErrorKind::ConnectionRefused`] when nothing listens at the port, so that no byte has reached anybody.
/// There is no half-closing: container runtimes drop the rest of the answer half a second after it, so that shutting
/// down the writing side only flushes. Dropping it closes it.
pub type PodConnection = Pin<Box<dyn Duplex>>;

/// An engine that runs containers.
pub trait ContainerRuntime: Send + Sync {
    /// What engine this is.
    fn info(&self) -> Answer<'_, EngineInfo>;
    /// All containers, running or not, that carry every one of the labels (`key` or `key=value`). One request.
    fn containers<'a>(&'a self, labels: &'a [&'a str]) -> Answer<'a, Vec<ContainerInfo>>;
    /// One container in full.
    fn inspect<'a>(&'a self, container: &'a str) -> Answer<'a, ContainerDetail>;
    /// All networks.
    fn networks(&self) -> Answer<'_, Vec<NetworkInfo>>;
    /// All volumes that carry every one of the labels.
    fn volumes<'a>(&'a self, labels: &'a [&'a str]) -> Answer<'a, Vec<VolumeSpec>>;
    /// How much of the disk containers and volumes take. Slow: an engine reads through all files to know it.
    fn disk_usage(&self) -> Answer<'_, DiskUsage>;
    /// Whether the engine has the image.
    fn has_image<'a>(&'a self, image: &'a str) -> Answer<'a, bool>;
    /// All images that have a name.
    fn images(&self) -> Answer<'_, Vec<EngineImage>>;
    /// Images as one tar archive, in chunks, as `docker save` writes it. Of an image of several platforms it has the one
    /// that the engine's own containers run, because an engine need not have the others.
    fn save_images(&self, images: &[String]) -> ByteStream;
    /// Pulls an image; the stream ends without an error when it is there.
    fn pull(&self, image: &str) -> BoxStream<'static, Result<PullProgress, Error>>;
    /// Creates a network and returns its ID. [`ErrorKind::Conflict`] where the name or the addresses are taken.
    fn create_network<'a>(&'a self, spec: &'a NetworkSpec) -> Answer<'a, String>;
    /// Creates a volume.
    fn create_volume<'a>(&'a self, spec: &'a VolumeSpec) -> Answer<'a, ()>;
    /// Creates a container and returns its ID. [`ErrorKind::Conflict`] where the name is taken.
    fn create_container<'a>(&'a self, spec: &'a ContainerSpec) -> Answer<'a, String>;
    /// Starts a container; one that runs already is a success.
    fn start<'a>(&'a self, container: &'a str) -> Answer<'a, ()>;
    /// Stops a container, killing it after the grace period; one that does not run is a success.
    fn stop<'a>(&'a self, container: &'a str, grace: Duration) -> Answer<'a, ()>;
    /// Gives a container another name, running or not; its host name stays. [`ErrorKind::Conflict`] where the name is
    /// taken.
    fn rename<'a>(&'a self, container: &'a str, name: &'a str) -> Answer<'a, ()>;
    /// Removes a container and its anonymous volumes, running or not. [`ErrorKind::NotFound`] where there is none.
    fn remove_container<'a>(&'a self, container: &'a str) -> Answer<'a, ()>;
    /// Removes a network. [`ErrorKind::Conflict`] while containers are attached.
    fn remove_network<'a>(&'a self, network: &'a str) -> Answer<'a, ()>;
    /// Puts a container into a network besides those that it is in. [`ErrorKind::Conflict`] where it is in it.
    fn connect<'a>(&'a self, network: &'a str, container: &'a str) -> Answer<'a, ()>;
    /// Takes a container out of a network. [`ErrorKind::NotFound`] where it is not in it.
    fn disconnect<'a>(&'a self, network: &'a str, container: &'a str) -> Answer<'a, ()>;
    /// Removes a volume. [`ErrorKind::Conflict`] while a container uses it.
    fn remove_volume<'a>(&'a self, volume: &'a str) -> Answer<'a, ()>;
    /// Puts files into a container, running or not.
    fn put_files<'a>(&'a self, container: &'a str, files: &'a [FileEntry]) -> Answer<'a, ()>;
    /// Reads one file of a container, running or not, of at most 1 MiB.
    fn read_file<'a>(&'a self, container: &'a str, path: &'a str) -> Answer<'a, Vec<u8>>;
    /// Runs a command in a running container and waits for its end, as long as `deadline`.
    fn exec<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        deadline: Duration,
    ) -> Answer<'a, ExecOutput>;
    /// Runs a command in a running container and writes to its standard input what comes, no faster than the command
    /// takes it. A command that ends before its input is at its end is no failure; one that neither takes nor says
    /// anything for minutes is. An error of the input is the answer, and the command sees its input end.
    fn exec_with_input<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        input: ByteStream,
    ) -> Answer<'a, ExecOutput>;
    /// Gets what is at a path of the HTTP server behind a port that a container publishes on the engine's machine, at
    /// most 4 MiB. [`ErrorKind::NotFound`] where the server has nothing there, [`ErrorKind::Unreachable`] where none is.
    fn fetch<'a>(&'a self, port: &'a PublishedPort, path: &'a str) -> Answer<'a, Fetched>;
    /// A container's log, both streams, with the runtime's times. A followed log ends when the container does.
    fn logs(
        &self,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>>;
    /// What happens to containers and networks from now on. The stream ends with an error when the engine goes away.
    fn events(&self) -> BoxStream<'static, Result<EngineEvent, Error>>;
    /// A container's use of the machine, about once a second, until it stops.
    fn usage(&self, container: &str) -> BoxStream<'static, Result<Usage, Error>>;
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetched {
    /// What was answered.
    pub body: Vec<u8>,
    /// The path of the next page, if there is one.
    pub next: Option<String>,
}

/// The Kubernetes API of one cluster.
pub trait KubeApi: Send + Sync {
    /// Asks `/readyz` and the version.
    fn health(&self) -> Answer<'_, ApiHealth>;
    /// Rows of a kind: the first list as it comes, then changes, for ever; it reconnects by itself and says so.
    fn watch(&self, kind: &'static KindSpec, scope: &Scope) -> BoxStream<'static, WatchItem>;
    /// One object in full.
    fn get<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, Value>;
    /// Objects in full, for small sets: `field_selector` as the API takes it, or empty; namespace `""` is all.
    fn list<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        field_selector: &'a str,
    ) -> Answer<'a, Vec<Value>>;
    /// Creates an object in a namespace, or of the whole cluster where that is empty.
    fn create<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        object: &'a Value,
    ) -> Answer<'a, ()>;
    /// Changes an object by a merge patch.
    fn patch<'a>(
        &'a self,
        kind: &'static KindSpec,
        key: &'a ObjectKey,
        patch: &'a Value,
    ) -> Answer<'a, ()>;
    /// Deletes an object. [`ErrorKind::NotFound`] where there is none.
    fn delete<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, ()>;
    /// Evicts a pod, heeding disruption budgets. [`ErrorKind::Conflict`] while a budget forbids it.
    fn evict<'a>(&'a self, pod: &'a ObjectKey) -> Answer<'a, ()>;
    /// The log of one container of a pod, with the kubelet's times. A followed log ends when the container does.
    fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>>;
    /// Connects to a port of a running pod, as seen from inside the pod.
    fn forward<'a>(&'a self, pod: &'a ObjectKey, port: u16) -> Answer<'a, PodConnection>;
    /// Cores and bytes in use by each pod of the scope. [`ErrorKind::NotFound`] where the cluster has no metrics.
    fn pod_usage<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Vec<(ObjectKey, Usage)>>;
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// A page of the list. The first page of a list replaces everything that was known.
    Page {
        /// The rows of this page.
        rows: Vec<Row>,
        /// Whether a new list begins with it.
        first: bool,
    },
    /// The list is complete; from here on every change follows.
    Live,
    /// What of the wanted objects may not be seen, where that is another than before. At the beginning it is nothing.
    Unseen(Unseen),
    /// Changes, in order, in one go.
    Changes(Vec<Change>),
    /// The connection is gone. What was shown is stale until the next [`WatchItem::Live`].
    Broken {
        /// Why.
        problem: Problem,
        /// How long until the next try.
        retry_in: Duration,
        /// The number of that try, from 1.
        attempt: u32,
    },
}

/// What is missing in a watch of several namespaces, because the person's rights do not reach as far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unseen {
    /// Namespaces that may not be listed; the others are shown.
    pub refused: Vec<String>,
    /// The one namespace that is shown, where not even the names of the others may be listed.
    pub only: Option<String>,
    /// How many namespaces are left out because no more are watched one by one.
    pub beyond: usize,
}

impl Unseen {
    /// In words, harmless for a terminal; empty where nothing is missing.
    #[must_use]
    pub fn words(&self) -> String {
        let name = |name: &String| sanitize(name.as_bytes());
        let mut words = Vec::new();
        if let Some(only) = &self.only {
            words.push(format!(
                "namespace {} only, others may not be listed",
                name(only)
            ));
        }
        match self.refused.as_slice() {
            [] => {}
            [one] => words.push(format!("{} may not be listed", name(one))),
            [one, other] => words.push(format!(
                "{} and {} may not be listed",
                name(one),
                name(other)
            )),
            [one, more @ ..] => words.push(format!(
                "{} and {} more namespaces may not be listed",
                name(one),
                more.len()
            )),
        }
        if self.beyond > 0 {
            words.push(format!("{} namespaces are too many to watch", self.beyond));
        }
        words.join("; ")
    }
}

/// One change of a watched set.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An object is new or different.
    Set(Row),
    /// An object is gone.
    Gone(ObjectKey),
}

/// Which Kubernetes API is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KubeTarget {
    /// A context of the person's kubeconfig files, merged as kubectl merges them.
    Context {
        /// The files, in order.
        files: Vec<PathBuf>,
        /// The context.
        name: String,
    },
    /// The admin access that a server wrote, which is a stranger's text: nothing in it is run, no file is read for it.
    Admin {
        /// The credentials.
        admin: Admin,
        /// Where the API is reached from here.
        url: String,
    },
}

/// Opens Kubernetes APIs. Opening makes no request, but may run a credential plugin.
pub trait KubeConnect: Send + Sync {
    /// A client for the target.
    fn connect<'a>(&'a self, target: &'a KubeTarget) -> Answer<'a, Arc<dyn KubeApi>>;
}

/// The world that the product works on, real or simulated.
#[derive(Clone)]
pub struct Backends {
    /// The engine.
    pub runtime: Arc<dyn ContainerRuntime>,
    /// The way to Kubernetes APIs.
    pub kube: Arc<dyn KubeConnect>,
    /// Whether this is the simulated world, which every frame says.
    pub simulated: bool,
}
