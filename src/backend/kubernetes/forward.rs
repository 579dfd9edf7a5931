//! A connection to a port of a pod, through the API server and the kubelet, as messages of a WebSocket.
//!
//! The first byte of each message is its channel: 0 the data, 1 an error in words, after which nothing comes any more.
//! Each channel begins with a message that holds the port. kube's own forwarder is not used: it loses what the pod still
//! sends once the writing side is shut down, hangs where the connection breaks while the client is silent, and does not
//! tell a broken connection from a closed one.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::{
    errors::{self, causes},
    request::{ANSWER, Ask, Socket, Wire, object},
};
use crate::{
    backend::{Error, ErrorKind, PodConnection},
    domain::{ObjectKey, log::sanitize},
    resources::pods,
};

const DATA: u8 = 0;
const ERROR: u8 = 1;

/// The most that one message carries: as much as is read from a local connection at once.
const LARGEST: usize = 64 * 1024;

/// After so much silence the server is asked whether it is still there; after as much again it is not.
const SILENCE: Duration = Duration::from_secs(30);

/// Connects to a port of a pod. It is open when both channels are; whether anything listens at the port shows later.
pub(super) async fn connect(
    wire: &Wire,
    pod: &ObjectKey,
    port: u16,
) -> Result<PodConnection, Error> {
    let what = format!("connect to port {port} of pod {pod}");
    let path = format!("{}/portforward", object(&pods::KIND, pod));
    let ask = Ask::get(path)
        .with("ports", &port.to_string())
        .accepting("*/*");
    let socket = wire.socket(&what, ask).await.map_err(get_is_missing)?;
    open(&what, socket).await
}

/// A role that was written for kubectl's older protocol, a POST, allows `create` alone; a WebSocket is a GET.
fn get_is_missing(mut error: Error) -> Error {
    // Credentials that are not accepted at all have the same class.
    if error.kind == ErrorKind::Forbidden && !error.why.contains("Unauthorized") {
        error.why.push_str(
            "; the connection is a WebSocket, for which the role needs the verb \"get\" of pods/portforward \
             beside \"create\"",
        );
    }
    error
}

async fn open(what: &str, socket: impl Socket) -> Result<PodConnection, Error> {
    let mut tunnel = Tunnel::new(socket);
    let opened = async {
        while tunnel.opened < 2 && tunnel.ended.is_none() {
            std::future::poll_fn(|cx| tunnel.poll_message(cx)).await;
        }
    };
    if tokio::time::timeout(ANSWER, opened).await.is_err() {
        return Err(errors::too_late(what, ANSWER));
    }
    match tunnel.ended.take() {
        Some(Err((kind, why))) => Err(errors::broken(what, &io::Error::new(kind, why))),
        Some(Ok(())) => {
            let why = "the server closed the connection at once";
            let error = io::Error::new(io::ErrorKind::ConnectionReset, why);
            Err(errors::broken(what, &error))
        }
        None => Ok(Box::pin(tunnel)),
    }
}

struct Tunnel<S> {
    socket: S,
    /// How many channels have said their port.
    opened: u8,
    /// Data that nobody has read yet.
    ready: Bytes,
    /// Why nothing more comes; the error of a broken connection is told each time.
    ended: Option<Result<(), (io::ErrorKind, String)>>,
    heard: Instant,
    asked: bool,
    silence: Pin<Box<Sleep>>,
}

impl<S: Socket> Tunnel<S> {
    fn new(socket: S) -> Self {
        let heard = Instant::now();
        Self {
            socket,
            opened: 0,
            ready: Bytes::new(),
            ended: None,
            heard,
            asked: false,
            silence: Box::pin(tokio::time::sleep_until(heard + SILENCE)),
        }
    }

    /// Takes one message in, or notices that there will be none.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let item = match self.socket.poll_next_unpin(cx) {
            Poll::Ready(item) => item,
            Poll::Pending => return self.poll_silence(cx),
        };
        self.heard = Instant::now();
        self.asked = false;
        match item {
            Some(Ok(Message::Binary(message))) => self.take(message),
            Some(Ok(Message::Close(_))) => self.end(Ok(())),
            // The library answers pings by itself.
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let (kind, why) = broken(&error);
                self.end(Err((kind, why)));
            }
            None => {
                let why = "the connection to the API server broke".to_owned();
                self.end(Err((io::ErrorKind::ConnectionReset, why)));
            }
        }
        Poll::Ready(())
    }

    fn end(&mut self, how: Result<(), (io::ErrorKind, String)>) {
        self.ended.get_or_insert(how);
    }

    fn take(&mut self, mut message: Bytes) {
        if message.is_empty() {
            return;
        }
        let channel = message.split_to(1)[0];
        if self.opened < 2 {
            // The port, once on each channel. They come before everything else.
            self.opened += 1;
        } else if channel == DATA {
            self.ready = message;
        } else if channel == ERROR && !message.is_empty() {
            let why = sanitize(&message);
            self.end(Err((kind_of(&why), why)));
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.silence.as_mut().poll(cx).is_ready() {
            let mut again = self.heard + SILENCE;
            if Instant::now() >= again {
                if self.asked {
                    let why = "the API server does not answer any more".to_owned();
                    self.end(Err((io::ErrorKind::TimedOut, why)));
                    return Poll::Ready(());
                }
                // Where there is no room for a question there are bytes on the way, of which one is heard.
                if let Poll::Ready(Ok(())) = self.socket.poll_ready_unpin(cx) {
                    let _ = self.socket.start_send_unpin(Message::Ping(Bytes::new()));
                    let _ = self.socket.poll_flush_unpin(cx);
                }
                self.asked = true;
                again = Instant::now() + SILENCE;
            }
            self.silence.as_mut().reset(again);
        }
        Poll::Pending
    }
}

impl<S: Socket> AsyncRead for Tunnel<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ready.is_empty() {
            match &this.ended {
                Some(Ok(())) => return Poll::Ready(Ok(())),
                Some(Err((kind, why))) => {
                    return Poll::Ready(Err(io::Error::new(*kind, why.clone())));
                }
                None => ready!(this.poll_message(cx)),
            }
        }
        let some = this.ready.len().min(buffer.remaining());
        buffer.put_slice(&this.ready.split_to(some));
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Tunnel<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.ended.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(this.socket.poll_ready_unpin(cx)).map_err(|error| io_error(&error))?;
        let some = bytes.len().min(LARGEST);
        let mut message = BytesMut::with_capacity(some + 1);
        message.extend_from_slice(&[DATA]);
        message.extend_from_slice(&bytes[..some]);
        this.socket
            .start_send_unpin(Message::Binary(message.freeze()))
            .map_err(|error| io_error(&error))?;
        Poll::Ready(Ok(some))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.get_mut().socket.poll_flush_unpin(cx);
        flushed.map_err(|error| io_error(&error))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// What the kubelet's words mean: when the container runtime could not connect inside the pod, nobody has had a byte.
fn kind_of(why: &str) -> io::ErrorKind {
    let why = why.to_ascii_lowercase();
    let refused = ["connection refused", "failed to connect", "failed to dial"];
    if refused.iter().any(|words| why.contains(words)) {
        io::ErrorKind::ConnectionRefused
    } else {
        io::ErrorKind::ConnectionReset
    }
}

fn broken(error: &WsError) -> (io::ErrorKind, String) {
    let kind = match error {
        WsError::Io(error) => error.kind(),
        _ => io::ErrorKind::ConnectionReset,
    };
    // Only the pod can refuse; a refusal elsewhere says nothing of what has reached it.
    let kind = match kind {
        io::ErrorKind::ConnectionRefused => io::ErrorKind::ConnectionReset,
        kind => kind,
    };
    (kind, sanitize(causes(error).as_bytes()))
}

fn io_error(error: &WsError) -> io::Error {
    let (kind, why) = broken(error);
    io::Error::new(kind, why)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::{Sink, Stream, channel::mpsc};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    type Told = mpsc::UnboundedReceiver<Message>;
    type Server = mpsc::UnboundedSender<Result<Message, WsError>>;

    /// A socket whose other end the test plays.
    struct Played {
        from: mpsc::UnboundedReceiver<Result<Message, WsError>>,
        to: Mutex<mpsc::UnboundedSender<Message>>,
    }

    impl Stream for Played {
        type Item = Result<Message, WsError>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.from.poll_next_unpin(cx)
        }
    }

    impl Sink<Message> for Played {
        type Error = WsError;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
            Poll::Ready(Ok(()))
        }
        fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), WsError> {
            let sent = self.to.lock().unwrap().unbounded_send(message);
            sent.map_err(|_| WsError::ConnectionClosed)
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
            Poll::Ready(Ok(()))
        }
    }

    fn says(server: &Server, bytes: &'static [u8]) {
        let message = Message::Binary(Bytes::from_static(bytes));
        server.unbounded_send(Ok(message)).unwrap();
    }

    fn played() -> (Played, Server, Told) {
        let ((server, from), (to, told)) = (mpsc::unbounded(), mpsc::unbounded());
        let to = Mutex::new(to);
        (Played { from, to }, server, told)
    }

    async fn opened() -> (PodConnection, Server, Told) {
        let (socket, server, told) = played();
        says(&server, &[DATA, 0x90, 0x1f]);
        says(&server, &[ERROR, 0x90, 0x1f]);
        (open("connect", socket).await.unwrap(), server, told)
    }

    #[test]
    fn a_role_that_allows_create_alone_is_told_what_it_lacks() {
        let told = |why| get_is_missing(Error::new(ErrorKind::Forbidden, "connect", why)).why;
        assert!(told("pods \"web-1\" is forbidden").contains("\"get\" of pods/portforward"));
        assert_eq!(told("Unauthorized"), "Unauthorized");
    }

    #[tokio::test]
    async fn data_comes_until_the_server_closes_and_a_break_is_an_error() {
        for closed in [true, false] {
            let (mut connection, server, _told) = opened().await;
            says(&server, b"\0one ");
            says(&server, b"\0");
            says(&server, b"\0two");
            if closed {
                server.unbounded_send(Ok(Message::Close(None))).unwrap();
            }
            drop(server);
            let mut text = String::new();
            let end = connection.read_to_string(&mut text).await;
            assert_eq!(text, if closed { "one two" } else { "" });
            let end = end.map(drop).map_err(|error| error.kind());
            let broken = Err(io::ErrorKind::ConnectionReset);
            assert_eq!(end, if closed { Ok(()) } else { broken });
        }
    }

    #[tokio::test]
    async fn the_kubelet_s_words_tell_a_refusal_from_a_break() {
        for (words, kind) in [
            (
                &b"\x01failed to connect to localhost:81 inside namespace: dial tcp4 127.0.0.1:81"
                    [..],
                io::ErrorKind::ConnectionRefused,
            ),
            (
                b"\x01socat[7] E connect(5, AF=2 127.0.0.1:81): Connection refused",
                io::ErrorKind::ConnectionRefused,
            ),
            (
                b"\x01read tcp4: connection reset by peer\x1b[2J",
                io::ErrorKind::ConnectionReset,
            ),
        ] {
            let (mut connection, server, _told) = opened().await;
            says(&server, words);
            let error = connection.read_u8().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(!error.to_string().contains('\x1b'), "{error:?}");
            let late = connection.write_all(b"x").await.unwrap_err();
            assert_eq!(late.kind(), io::ErrorKind::BrokenPipe);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_is_asked_and_then_given_up() {
        let (mut connection, server, mut told) = opened().await;
        let begun = Instant::now();
        let mut byte = [0];
        let played = async {
            for _ in 0..3 {
                let asked = told.next().await.unwrap();
                assert!(asked.is_ping(), "{asked:?}");
                server
                    .unbounded_send(Ok(Message::Pong(Bytes::new())))
                    .unwrap();
            }
            told.next().await.unwrap();
        };
        let (error, ()) = tokio::join!(connection.read(&mut byte), played);
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), SILENCE * 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_open_the_channels_is_given_up() {
        let (socket, server, _told) = played();
        says(&server, &[DATA, 0x90, 0x1f]);
        let late = open("connect", socket).await.err().unwrap();
        assert_eq!(late.kind, ErrorKind::Timeout);
        let (socket, server, _told) = played();
        drop(server);
        let broken = open("connect", socket).await.err().unwrap();
        assert_eq!(broken.kind, ErrorKind::Unreachable);
    }

    #[tokio::test]
    async fn much_data_goes_in_messages_of_bounded_size() {
        let (mut connection, _server, mut told) = opened().await;
        let sent: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        connection.write_all(&sent).await.unwrap();
        connection.shutdown().await.unwrap();
        drop(connection);
        let mut got = Vec::new();
        while let Some(message) = told.next().await {
            let data = message.into_data();
            assert!(data[0] == DATA && data.len() <= LARGEST + 1);
            got.extend_from_slice(&data[1..]);
        }
        assert!(got == sent);
    }
}
