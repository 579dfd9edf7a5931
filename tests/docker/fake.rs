//! An engine on a socket that answers what a test wants it to, byte by byte.

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use coracle::backend::docker::Environment;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

/// What the fake does with a request.
pub enum Reply {
    /// A whole answer with this status and this JSON.
    Json(u16, &'static str),
    /// The beginning of an answer with these bytes as its body; then the connection breaks.
    Broken(&'static str),
    /// An answer of unknown length with these bytes; then it ends properly.
    Ended(&'static str),
    /// These bytes, whatever they mean.
    Raw(&'static [u8]),
    /// The beginning of an answer, and then nothing for ever.
    Stuck,
    /// Nothing for ever.
    Silence,
}

/// A fake engine. It is gone when this is dropped.
pub struct Fake {
    directory: tempfile::TempDir,
    heads: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

impl Fake {
    /// Starts one. It answers `/version` as an engine does, and the rest as `answer` says to the request line.
    pub fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (heads.clone(), Arc::new(answer));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, seen.clone(), answer.clone()));
            }
        });
        Self {
            directory,
            heads,
            _server: server,
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// An environment that names nothing, with a home directory of its own.
    pub fn environment(&self) -> Environment {
        Environment {
            home: self.directory.path().to_owned(),
            ..Default::default()
        }
    }

    /// The requests until now, line and headers, that are for this path.
    pub fn requests(&self, path: &str) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        let mut found = heads.clone();
        found.retain(|head| head.contains(path));
        found
    }
}

async fn serve(
    mut stream: UnixStream,
    heads: Arc<Mutex<Vec<String>>>,
    answer: Arc<impl Fn(&str) -> Reply>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap_or_default().to_owned();
    heads.lock().unwrap().push(head);
    let reply = answer(&line);
    let chunked =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = |body: &str| format!("{:x}\r\n{body}\r\n", body.len());
    let mut text = String::new();
    match &reply {
        Reply::Json(status, body) => {
            let length = body.len();
            write!(text, "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        }
        Reply::Broken(body) => text = format!("{chunked}{}", chunk(body)),
        Reply::Ended(body) => text = format!("{chunked}{}0\r\n\r\n", chunk(body)),
        Reply::Raw(bytes) => {
            let _ = stream.write_all(bytes).await;
        }
        Reply::Stuck => text = format!("{chunked}{}", chunk("[")),
        Reply::Silence => {}
    }
    let _ = stream.write_all(text.as_bytes()).await;
    if matches!(reply, Reply::Stuck | Reply::Silence) {
        std::future::pending::<()>().await;
    }
}

/// What an engine says to `/version`.
pub const VERSION: Reply = Reply::Json(200, r#"{"Version":"29.0.0","ApiVersion":"1.52"}"#);
