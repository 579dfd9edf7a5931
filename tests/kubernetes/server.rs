//! An API server that answers what a test wants it to, and remembers what it was asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use coracle::{
    backend::{KubeApi, KubeConnect, KubeTarget, kubernetes::Connector},
    distro::k3s::kubeconfig::Admin,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub fn is_watch(&self) -> bool {
        self.query("watch") == "true"
    }
}

/// What the server does with it.
pub enum Reply {
    /// A status and a JSON body.
    Json(u16, Value),
    /// A status and a page.
    Html(u16, &'static str),
    /// Pieces as they come.
    Stream(mpsc::UnboundedReceiver<Piece>),
    /// Nothing for ever.
    Silence,
}

/// A piece of a stream.
pub enum Piece {
    Bytes(Vec<u8>),
    /// The connection breaks in the middle of the answer.
    Break,
}

/// The end of a stream that the test holds; dropping it ends the stream properly.
#[derive(Clone)]
pub struct Tap(mpsc::UnboundedSender<Piece>);

impl Tap {
    pub fn event(&self, event: &Value) {
        self.bytes(format!("{event}\n").as_bytes());
    }

    pub fn bytes(&self, bytes: &[u8]) {
        self.0.send(Piece::Bytes(bytes.to_vec())).unwrap();
    }

    pub fn cut(&self) {
        self.0.send(Piece::Break).unwrap();
    }
}

/// A stream, and what feeds it.
pub fn stream() -> (Tap, Reply) {
    let (tap, pieces) = mpsc::unbounded_channel();
    (Tap(tap), Reply::Stream(pieces))
}

/// A fake API server. It is gone when this is dropped.
pub struct Fake {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _server: JoinSet<()>,
}

impl Fake {
    pub async fn new(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, seen.clone(), answer.clone()));
            }
        });
        Self {
            url,
            seen: requests,
            _server: server,
        }
    }

    pub fn target(&self) -> KubeTarget {
        KubeTarget::Admin {
            admin: Admin::default(),
            url: self.url.clone(),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn api(&self) -> Arc<dyn KubeApi> {
        Connector.connect(&self.target()).await.unwrap()
    }

    /// The requests until now.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Those of them that opened a watch.
    pub fn watches(&self) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(Seen::is_watch);
        seen
    }
}

async fn serve(
    stream: TcpStream,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<impl Fn(&Seen) -> Reply>,
) {
    // Pieces of an answer must not wait for acknowledgements: paused clocks would run ahead meanwhile.
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request.clone());
        let (status, kind, body) = match answer(&request) {
            Reply::Json(status, body) => (status, "application/json", body.to_string()),
            Reply::Html(status, body) => (status, "text/html", body.to_owned()),
            Reply::Silence => std::future::pending().await,
            Reply::Stream(pieces) => match send_pieces(&mut stream, pieces).await {
                Some(()) => continue,
                None => return,
            },
        };
        let head = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn send_pieces(
    stream: &mut BufReader<TcpStream>,
    mut pieces: mpsc::UnboundedReceiver<Piece>,
) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    while let Some(piece) = pieces.recv().await {
        let Piece::Bytes(bytes) = piece else {
            return None;
        };
        let size = format!("{:x}\r\n", bytes.len());
        stream.write_all(size.as_bytes()).await.ok()?;
        stream.write_all(&bytes).await.ok()?;
        stream.write_all(b"\r\n").await.ok()?;
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Seen {
        method,
        path: path.to_owned(),
        query: query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.replace("%3D", "=")))
            .collect(),
        ..Seen::default()
    };
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        let name = name.to_lowercase();
        request.headers.insert(name, value.to_owned());
    }
    if let Some(length) = request.headers.get("content-length") {
        let mut body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
        request.body = String::from_utf8(body).ok()?;
    }
    Some(request)
}

/// What a server refuses with.
pub fn status(code: u16, message: &str) -> Reply {
    Reply::Json(code, status_object(code, message))
}

/// The object of that.
pub fn status_object(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "r", "message": message, "metadata": {}})
}

const COLUMNS: [&str; 7] = ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node"];

/// A server's table of pods with these names, all running; `proceed` is the token for the next page.
pub fn pods(version: &str, names: &[&str], proceed: &str) -> Value {
    let rows: Vec<Value> = names
        .iter()
        .map(|name| json!({"cells": cells(name, "Running"), "object": null}))
        .collect();
    table(version, &COLUMNS, &Value::from(rows), proceed)
}

/// A server's table of namespaces.
pub fn namespaces(version: &str, names: &[&str]) -> Value {
    let rows: Vec<Value> = names
        .iter()
        .map(|name| json!({"cells": [name, "Active", "5d"], "object": null}))
        .collect();
    table(version, &["Name", "Status", "Age"], &Value::from(rows), "")
}

fn table(version: &str, columns: &[&str], rows: &Value, proceed: &str) -> Value {
    let columns: Vec<Value> = columns.iter().map(|name| json!({"name": name})).collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version, "continue": proceed},
        "columnDefinitions": columns,
        "rows": rows,
    })
}

fn cells(name: &str, word: &str) -> Value {
    json!([name, "1/1", word, "2 (5m ago)", "2h", "10.0.0.1", "n1"])
}

/// An event of a watch of pods. Only the first of a watch carries the columns.
pub fn event(kind: &str, first: bool, version: &str, namespace: &str, name: &str) -> Value {
    let object = json!({
        "kind": "PartialObjectMetadata",
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": version,
            "creationTimestamp": "2026-11-20T00:00:00Z",
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:metadata": {"f:x": {}}}}],
        },
    });
    let line = json!([{"cells": cells(name, "CrashLoopBackOff"), "object": object}]);
    let mut table = table(version, &COLUMNS, &line, "");
    if !first {
        table["columnDefinitions"] = Value::Null;
    }
    json!({"type": kind, "object": table})
}

/// What a server says about once a minute.
pub fn bookmark(version: &str) -> Value {
    let mut event = event("BOOKMARK", false, version, "", "");
    event["object"]["rows"][0]["object"]["metadata"] =
        json!({"resourceVersion": version, "creationTimestamp": null});
    event
}
