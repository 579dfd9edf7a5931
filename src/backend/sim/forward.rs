//! Connections to ports of simulated pods: a small web server at 8080, an echo at 7, and nobody elsewhere.
//!
//! A connection breaks when its pod or its cluster goes. Faults on `forward POD PORT` hit the connecting, faults on
//! `answer POD PORT` an answer of the web server: it comes late, never, or breaks in its middle.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::{Fault, kube::Api};
use crate::{
    backend::PodConnection,
    domain::{ObjectKey, log::sanitize},
};

/// The port of the web server, which has the name `http`, and that of the echo.
pub(super) const WEB: u16 = 8080;
const ECHO: u16 = 7;

/// How long the web server thinks.
const THINKS: Duration = Duration::from_millis(2);
/// How often it is looked whether the pod is still there; there is no event for what time alone changes.
const LOOK: Duration = Duration::from_millis(250);
/// Bytes that wait to be read; whoever writes more has to read first.
const ROOM: usize = 256 * 1024;
/// A request's head that is longer is none.
const LONGEST_HEAD: usize = 64 * 1024;

/// Connects to a pod that is there.
pub(super) fn connect(api: Api, pod: ObjectKey, port: u16) -> PodConnection {
    Box::pin(Connection {
        api,
        pod,
        port,
        head: Vec::new(),
        answer: VecDeque::new(),
        thinking: None,
        ending: None,
        look: Box::pin(tokio::time::sleep(LOOK)),
        reader: None,
        writer: None,
    })
}

struct Connection {
    api: Api,
    pod: ObjectKey,
    port: u16,
    /// The head of a request, as far as it has come.
    head: Vec<u8>,
    answer: VecDeque<u8>,
    /// Until when nothing of the answer is to be had.
    thinking: Option<Pin<Box<Sleep>>>,
    /// What comes after the answer.
    ending: Option<Ending>,
    look: Pin<Box<Sleep>>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy)]
enum Ending {
    Closed,
    Broken,
}

impl Connection {
    /// Answers a whole head of a request.
    fn request(&mut self) {
        let head = sanitize(&self.head);
        let head = head.to_ascii_lowercase();
        let closes = head.contains("connection: close") || head.contains(" http/1.0");
        self.head.clear();
        let text = format!("{} of the simulated world\n", self.pod);
        let whole = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let what = format!("answer {} {}", self.pod, self.port);
        let (mut length, mut thinks) = (whole.len(), THINKS);
        match self.api.strike(&what) {
            Some(Fault::Fail(_)) => {
                length /= 2;
                self.ending = Some(Ending::Broken);
            }
            Some(Fault::Hang) => length = 0,
            Some(Fault::Delay(late)) => thinks = late,
            Some(Fault::End) => self.ending = Some(Ending::Closed),
            None => self.ending = closes.then_some(Ending::Closed),
        }
        self.answer.extend(&whole.as_bytes()[..length]);
        self.thinking = Some(Box::pin(tokio::time::sleep(thinks)));
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> bool {
        while self.look.as_mut().poll(cx).is_ready() {
            if !self.api.has_pod(&self.pod) {
                return true;
            }
            self.look.set(tokio::time::sleep(LOOK));
        }
        false
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !matches!(this.port, WEB | ECHO) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        if this.poll_gone(cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        this.reader = Some(cx.waker().clone());
        if let Some(thinking) = &mut this.thinking {
            if thinking.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.thinking = None;
        }
        if this.answer.is_empty() {
            return match this.ending {
                None => Poll::Pending,
                Some(Ending::Closed) => Poll::Ready(Ok(())),
                Some(Ending::Broken) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            };
        }
        let (front, _) = this.answer.as_slices();
        let some = front.len().min(buffer.remaining());
        buffer.put_slice(&front[..some]);
        this.answer.drain(..some);
        if let Some(writer) = this.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.answer.len() >= ROOM {
            this.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut taken = bytes.len();
        if this.port == ECHO {
            taken = taken.min(ROOM - this.answer.len());
            this.answer.extend(&bytes[..taken]);
        } else {
            this.head.extend_from_slice(bytes);
            if this.head.windows(4).any(|end| end == b"\r\n\r\n") {
                this.request();
            } else if this.head.len() > LONGEST_HEAD {
                this.ending = Some(Ending::Closed);
            }
        }
        if let Some(reader) = this.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
