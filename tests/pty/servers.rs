//! Kubernetes servers as they ought not to be. The window is there all the same, says in words what each did, and takes
//! keys meanwhile.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::json;
use tokio::{runtime::Runtime, sync::watch};

use super::{
    terminal::Terminal,
    way::{self, Way},
};
use crate::{
    cli::Place,
    kubernetes::server::{self, Fake},
};

/// A server on this machine; what it does with a connection goes on as long as the other side listens.
fn listener(answer: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

/// One that says these words to whatever it is asked.
fn says(words: impl Into<Vec<u8>>) -> String {
    let words = words.into();
    listener(move |mut stream| {
        let mut request = [0; 4096];
        while matches!(stream.read(&mut request), Ok(1..)) {
            if stream.write_all(&words).is_err() {
                return;
            }
        }
    })
}

fn page(status: &str) -> String {
    let body = "<html>\u{1b}[31mplease sign in</html>";
    let head = "Content-Type: text/html\r\nContent-Length";
    format!("HTTP/1.1 {status}\r\n{head}: {}\r\n\r\n{body}", body.len())
}

/// One with a certificate that nobody expects.
fn someone_else() -> String {
    let pem = include_bytes!("certificates/someone-else.pem");
    let certificate = CertificateDer::from_pem_slice(pem).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    listener(move |mut stream| {
        let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        while connection
            .complete_io(&mut stream)
            .is_ok_and(|(read, _)| read > 0)
        {}
    })
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A kubeconfig with one context, `odd`.
fn place(url: &str) -> Place {
    let place = Place::new();
    let authority = BASE64_STANDARD.encode(include_bytes!("certificates/authority.pem"));
    let authority = if url.starts_with("https") {
        format!(", certificate-authority-data: {authority}")
    } else {
        String::new()
    };
    place.write(
        "home/kubeconfig",
        &format!(
            "current-context: odd\n\
             clusters: [{{name: odd, cluster: {{server: '{url}'{authority}}}}}]\n\
             users: [{{name: odd, user: {{}}}}]\n\
             contexts: [{{name: odd, context: {{cluster: odd, user: odd}}}}]\n"
        ),
    );
    place
}

/// The window is there at once, keys work before anything has answered, the reason stands in the row and in the pane,
/// and the program can be left.
fn tells(url: &str, reason: &str) {
    let place = place(url);
    let mut terminal = Terminal::open(&place, "");
    terminal.wait_for("odd");
    terminal.press("?");
    terminal.wait_for("type to search");
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    terminal.wait_until(&format!("{reason:?} of {url}"), |screen| {
        let row = screen.lines().find(|line| line.contains("│odd"));
        // The row has room for the beginning.
        let told = |row: &str| row.contains("✗ ") && row.contains("down");
        row.is_some_and(told) && screen.contains(reason) && screen.contains("again")
    });
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}

#[test]
fn a_server_that_is_not_there() {
    tells(&format!("http://{}", nobody()), "Connection refused");
    tells(&format!("https://{}", nobody()), "Connection refused");
}

#[test]
fn a_server_that_never_answers() {
    let silent = listener(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    tells(&format!("http://{silent}"), "no answer within 3 s");
}

#[test]
fn a_server_that_never_answers_in_tls() {
    let silent = listener(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    tells(&format!("https://{silent}"), "no answer within 3 s");
}

#[test]
fn a_server_that_says_garbage() {
    let garbage = says(b"\x00\x01\x02\xff\x1b[2Jgarbage\r\n\r\n");
    tells(
        &format!("http://{garbage}"),
        "what answers there does not speak HTTP",
    );
}

#[test]
fn a_server_that_shows_a_web_page() {
    let words = "with a web page: this is no Kubernetes API";
    for status in ["200 OK", "403 Forbidden", "502 Bad Gateway"] {
        tells(&format!("http://{}", says(page(status))), words);
    }
}

#[test]
fn a_server_whose_header_has_no_end() {
    let endless = listener(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(&[b'a'; 4096]).is_ok() {}
    });
    tells(
        &format!("http://{endless}"),
        "the head of the answer has no end",
    );
}

#[test]
fn a_server_that_speaks_no_tls_or_refuses_to() {
    let plain = says("HTTP/1.1 400 Bad Request\r\n\r\nplain HTTP to HTTPS");
    tells(
        &format!("https://{plain}"),
        "what answers there does not speak TLS",
    );
    // An alert: the handshake failed.
    let refusing = says(b"\x15\x03\x03\x00\x02\x02\x28");
    tells(
        &format!("https://{refusing}"),
        "the server refuses to speak TLS with us",
    );
}

#[test]
fn a_server_with_another_certificate() {
    let url = format!("https://{}", someone_else());
    tells(
        &url,
        "the server's certificate is not signed by the authority",
    );
}

/// A server with one pod that can be taken away.
struct Server {
    runtime: Runtime,
    way: watch::Sender<Way>,
    port: watch::Receiver<Option<SocketAddr>>,
    _fake: Fake,
}

impl Server {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let fake = runtime.block_on(Fake::new(|seen| match seen.path.as_str() {
            _ if seen.is_watch() => {
                // Nothing happens, for ever.
                let (tap, reply) = server::stream();
                std::mem::forget(tap);
                reply
            }
            path if path.ends_with("/pods") => {
                server::Reply::Json(200, server::pods("7", &["lonely"], ""))
            }
            path if path.ends_with("/namespaces") => {
                server::Reply::Json(200, server::namespaces("7", &["shop"]))
            }
            "/version" => server::Reply::Json(200, json!({"gitVersion": "v1.34.2"})),
            path if path.ends_with('z') => server::Reply::Json(200, json!("ok")),
            _ => server::status(404, "not in this fake"),
        }));
        let (way, watched) = watch::channel(Way::Open);
        let (told, port) = watch::channel(None);
        let behind = fake.url().trim_start_matches("http://").to_owned();
        runtime.spawn(way::port(told, behind, watched));
        let mut server = Self {
            runtime,
            way,
            port,
            _fake: fake,
        };
        server.set(Way::Open);
        server
    }

    /// Changes the way, and returns once it is so.
    fn set(&mut self, way: Way) {
        self.way.send_replace(way);
        let wanted = self
            .port
            .wait_for(|port| port.is_some() == (way != Way::Gone));
        drop(self.runtime.block_on(wanted).unwrap());
    }

    fn place(&self) -> Place {
        place(&format!("http://{}", self.port.borrow().unwrap()))
    }
}

#[test]
fn a_server_that_goes_away_leaves_its_pods_marked_stale_and_is_found_again() {
    let mut server = Server::new();
    let place = server.place();
    let mut terminal = Terminal::open(&place, "--context odd");
    let live = |screen: &str| screen.contains("lonely") && screen.contains("● live");
    terminal.wait_until("a live pod", live);
    for _ in 0..2 {
        server.set(Way::Gone);
        terminal.wait_until("a stale pod", |screen| {
            screen.contains("lonely") && screen.contains("stale for 00:0")
        });
        server.set(Way::Open);
        terminal.wait_until("a live pod", live);
    }
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn a_server_that_freezes_leaves_its_pods_marked_stale_and_is_found_again() {
    let mut server = Server::new();
    let place = server.place();
    let mut terminal = Terminal::open(&place, "--context odd");
    let live = |screen: &str| screen.contains("lonely") && screen.contains("● live");
    terminal.wait_until("a live pod", live);
    server.set(Way::Frozen);
    terminal.wait_until("a stale pod", |screen| {
        screen.contains("lonely") && screen.contains("stale for 00:")
    });
    server.set(Way::Open);
    terminal.wait_until("a live pod", live);
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}
