//! An API whose pods the test sets, and whose pods the test plays.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use coracle::{
    backend::{Answer, Error, ErrorKind, KubeApi, PodConnection, WatchItem},
    domain::{
        LogLine, ObjectKey, Problem,
        container::{LogRequest, Usage},
        kube::ApiHealth,
    },
    ops::forward::ApiSource,
    resources::{KindSpec, Scope, pods, selector},
};
use futures::{FutureExt, StreamExt, stream, stream::BoxStream};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::{mpsc, watch},
    time::Instant,
};

/// What happens to the next connection to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    /// The API says no.
    Fails(ErrorKind),
    /// No answer ever.
    Hangs,
    /// It comes about, and then turns out that nobody listens.
    Refused,
    /// It comes about and breaks before a byte.
    Cut,
}

/// The pod's side of a connection.
pub struct Pod {
    pub name: String,
    pub port: u16,
    pub pipe: DuplexStream,
    broken: Arc<Mutex<bool>>,
}

impl Pod {
    /// Breaks the connection.
    pub fn cut(self) {
        *self.broken.lock().unwrap() = true;
    }
}

/// The cluster.
pub struct Cluster {
    pub pods: watch::Sender<Vec<Value>>,
    pub up: watch::Sender<bool>,
    pub service: Mutex<Value>,
    pub dials: Mutex<VecDeque<Dial>>,
    /// Who was dialled: `web-1:8080`.
    pub dialled: Mutex<Vec<String>>,
    /// When the API was opened.
    pub opened: Mutex<Vec<Instant>>,
    /// Watches that go on.
    pub watches: AtomicUsize,
    taken: mpsc::UnboundedSender<Pod>,
}

/// A pod as Kubernetes shows it.
pub fn pod(name: &str, ready: bool, app: &str, http: u16) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop", "labels": { "app": app } },
        "spec": { "containers": [{ "name": "app", "ports": [{ "name": "http", "containerPort": http }] }] },
        "status": {
            "phase": "Running",
            "containerStatuses": [{ "name": "app", "ready": ready, "state": { "running": {} } }],
        },
    })
}

impl Cluster {
    /// With these pods ready, and the pods' sides of connections as they come.
    pub fn new(ready: &[&str]) -> (Arc<Self>, mpsc::UnboundedReceiver<Pod>) {
        let (taken, pods_sides) = mpsc::unbounded_channel();
        let pods = ready.iter().map(|name| pod(name, true, "web", 8080));
        let cluster = Self {
            pods: watch::Sender::new(pods.collect()),
            up: watch::Sender::new(true),
            service: Mutex::new(json!({
                "metadata": { "name": "web", "namespace": "shop" },
                "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": "http" }] },
            })),
            dials: Mutex::default(),
            dialled: Mutex::default(),
            opened: Mutex::default(),
            watches: AtomicUsize::new(0),
            taken,
        };
        (Arc::new(cluster), pods_sides)
    }

    pub fn set(&self, pods: Vec<Value>) {
        self.pods.send_replace(pods);
    }

    pub fn dialled(&self) -> Vec<String> {
        self.dialled.lock().unwrap().clone()
    }

    pub fn source(self: &Arc<Self>) -> ApiSource {
        let cluster = Arc::clone(self);
        Arc::new(move || {
            let cluster = Arc::clone(&cluster);
            Box::pin(async move {
                cluster.opened.lock().unwrap().push(Instant::now());
                cluster.answers().map_err(Problem::from)?;
                Ok(Arc::new(Api(cluster)) as Arc<dyn KubeApi>)
            })
        })
    }

    fn answers(&self) -> Result<(), Error> {
        if *self.up.borrow() {
            Ok(())
        } else {
            let why = "connection refused";
            Err(Error::new(ErrorKind::Unreachable, "ask the API", why))
        }
    }
}

struct Api(Arc<Cluster>);

/// Counts a watch as long as it lives.
struct Watching(Arc<Cluster>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.watches.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Api {
    fn object(&self, kind: &KindSpec, key: &ObjectKey) -> Result<Value, Error> {
        self.0.answers()?;
        let all = match kind.plural {
            "services" => vec![self.0.service.lock().unwrap().clone()],
            "pods" => self.0.pods.borrow().clone(),
            _ => Vec::new(),
        };
        all.into_iter()
            .find(|object| object["metadata"]["name"] == *key.name)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("read {key}"), "not found"))
    }

    fn rows(&self, scope: &Scope) -> Vec<WatchItem> {
        let pods = self.0.pods.borrow();
        let fit = pods
            .iter()
            .filter(|pod| selector::fits(&scope.selector, pod))
            .filter(|pod| scope.name.is_empty() || pod["metadata"]["name"] == *scope.name);
        let rows = fit.filter_map(pods::KIND.from_object).collect();
        vec![WatchItem::Page { rows, first: true }, WatchItem::Live]
    }
}

fn unasked<'a, T>() -> Answer<'a, T> {
    async {
        Err(Error::new(
            ErrorKind::Failed,
            "ask",
            "no forward asks for it",
        ))
    }
    .boxed()
}

impl KubeApi for Api {
    fn watch(&self, kind: &'static KindSpec, scope: &Scope) -> BoxStream<'static, WatchItem> {
        assert_eq!(
            (kind.plural, &scope.namespaces[..]),
            ("pods", &["shop".to_owned()][..])
        );
        self.0.watches.fetch_add(1, Ordering::SeqCst);
        let watching = Watching(Arc::clone(&self.0));
        let told = (self.0.pods.subscribe(), self.0.up.subscribe());
        let (api, scope) = (Api(Arc::clone(&self.0)), scope.clone());
        let first = stream::iter(api.rows(&scope));
        let later = stream::unfold((told, api, scope, watching), |state| async move {
            let ((mut pods, mut up), api, scope, watching) = state;
            let items = tokio::select! {
                biased;
                _ = up.wait_for(|up| !up) => {
                    let retry_in = Duration::from_secs(1);
                    let problem = Problem::unreachable("the watch broke", "connection reset");
                    vec![WatchItem::Broken { problem, retry_in, attempt: 1 }]
                }
                _ = pods.changed() => api.rows(&scope),
            };
            Some((stream::iter(items), ((pods, up), api, scope, watching)))
        });
        first.chain(later.flatten()).boxed()
    }
    fn get<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, Value> {
        std::future::ready(self.object(kind, key)).boxed()
    }
    fn forward<'a>(&'a self, pod: &'a ObjectKey, port: u16) -> Answer<'a, PodConnection> {
        async move {
            self.0
                .dialled
                .lock()
                .unwrap()
                .push(format!("{}:{port}", pod.name));
            self.object(&pods::KIND, pod)?;
            let dial = self.0.dials.lock().unwrap().pop_front();
            let (near, far) = tokio::io::duplex(64 * 1024);
            let broken = Arc::new(Mutex::new(false));
            let refused = match dial {
                Some(Dial::Fails(kind)) => return Err(Error::new(kind, "dial", "no")),
                Some(Dial::Hangs) => std::future::pending().await,
                Some(Dial::Cut) => {
                    *broken.lock().unwrap() = true;
                    false
                }
                Some(Dial::Refused) => true,
                None => {
                    let _ = self.0.taken.send(Pod {
                        name: pod.name.to_string(),
                        port,
                        pipe: far,
                        broken: Arc::clone(&broken),
                    });
                    false
                }
            };
            Ok(Box::pin(Side {
                near,
                broken,
                refused,
            }) as PodConnection)
        }
        .boxed()
    }
    fn health(&self) -> Answer<'_, ApiHealth> {
        unasked()
    }
    fn list<'a>(&'a self, _: &'static KindSpec, _: &'a str, _: &'a str) -> Answer<'a, Vec<Value>> {
        unasked()
    }
    fn create<'a>(&'a self, _: &'static KindSpec, _: &'a str, _: &'a Value) -> Answer<'a, ()> {
        unasked()
    }
    fn patch<'a>(&'a self, _: &'static KindSpec, _: &'a ObjectKey, _: &'a Value) -> Answer<'a, ()> {
        unasked()
    }
    fn delete<'a>(&'a self, _: &'static KindSpec, _: &'a ObjectKey) -> Answer<'a, ()> {
        unasked()
    }
    fn evict<'a>(&'a self, _: &'a ObjectKey) -> Answer<'a, ()> {
        unasked()
    }
    fn logs(
        &self,
        _: &ObjectKey,
        _: &str,
        _: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        stream::empty().boxed()
    }
    fn pod_usage<'a>(&'a self, _: &'a Scope) -> Answer<'a, Vec<(ObjectKey, Usage)>> {
        unasked()
    }
}

/// Our side of a connection to a pod that the test plays.
struct Side {
    near: DuplexStream,
    broken: Arc<Mutex<bool>>,
    refused: bool,
}

impl AsyncRead for Side {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refused {
            return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.near).poll_read(cx, buffer);
        let ended = read.is_ready() && buffer.filled().len() == before;
        if ended && *self.broken.lock().unwrap() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for Side {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.near).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // As at a real pod, there is no half-closing.
        Poll::Ready(Ok(()))
    }
}

/// Long enough for everything that is not waited for on purpose.
pub const SOON: Duration = Duration::from_millis(20);
