//! Carries bytes between a caller and a pod until one of them is done, and says how it ended.
//!
//! A caller that shuts down its writing side still gets its answer: the pod is not told, because container runtimes drop
//! what comes later than half a second after that.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    net::TcpStream,
    sync::Notify,
};

use super::status::Counts;
use crate::backend::PodConnection;

/// What is read at once.
const CHUNK: usize = 32 * 1024;

/// So much of what a caller has sent is kept until the pod answers, for another pod where the first refuses. A request
/// without its body fits.
const KEPT: usize = 64 * 1024;

/// How long a pod may be silent towards a caller that has asked something and shut down its writing side. It cannot be told
/// from one that has gone away altogether.
const OWED: Duration = Duration::from_secs(60);

/// The same where the pod had spoken last: the caller has its answer, and has most likely gone.
const NOT_OWED: Duration = Duration::from_secs(5);

/// How long a caller has to take notice that the pod has closed the connection.
const LEAVE: Duration = Duration::from_millis(500);

/// The way to a caller: a socket, or a pipe within this process.
pub(super) trait Local: AsyncRead + AsyncWrite + Send + Unpin {
    /// Has closing it break the connection off, where there is a difference.
    fn will_break_off(&self);
}

impl Local for TcpStream {
    fn will_break_off(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Local for DuplexStream {
    fn will_break_off(&self) {}
}

/// Whoever has connected to a local port.
pub(super) struct Caller {
    read: ReadHalf<Box<dyn Local>>,
    write: WriteHalf<Box<dyn Local>>,
    sent: Sent,
}

/// What a caller has sent.
struct Sent {
    /// What no pod has answered.
    kept: Vec<u8>,
    /// Whether that is all it has sent.
    whole: bool,
    /// Whether it has shut down its writing side.
    ended: bool,
}

/// How a connection ended.
pub(super) enum End {
    /// As both sides wanted.
    Done,
    /// No byte has come from the pod, and all that the caller sent is kept: another pod may take it.
    Refused(io::Error),
    /// In the middle of something.
    Broken(io::Error),
}

/// Why nothing more goes to the pod.
enum Upward {
    /// The caller has shut down its writing side.
    Ended,
    /// The caller has gone.
    Gone,
    /// The pod does not take it. Its own side says why.
    Stuck,
}

/// Why nothing more comes from the pod.
enum Downward {
    /// The pod has closed the connection.
    Closed,
    /// The caller does not take it.
    Gone,
    /// The connection to the pod broke.
    Broken(io::Error),
}

impl Caller {
    pub(super) fn new(local: Box<dyn Local>) -> Self {
        let (read, write) = tokio::io::split(local);
        Self {
            read,
            write,
            sent: Sent {
                kept: Vec::new(),
                whole: true,
                ended: false,
            },
        }
    }

    /// Breaks the connection off, so that nobody takes half an answer for a whole one.
    pub(super) fn reset(self) {
        self.read.unsplit(self.write).will_break_off();
    }
}

/// What the two directions know of each other.
struct Talk<'a> {
    counts: &'a Counts,
    /// Whether a byte has come from the pod.
    answered: AtomicBool,
    /// Whether the caller has spoken last.
    owed: AtomicBool,
    /// Told of every byte from the pod.
    heard: Notify,
}

/// Carries bytes both ways. `answers` is called at the first byte from the pod. `crowded` is told when others wait for a
/// place: then who only might still be there goes.
pub(super) async fn relay(
    caller: &mut Caller,
    pod: PodConnection,
    counts: &Counts,
    answers: impl Fn(),
    crowded: &Notify,
) -> End {
    let (from_pod, to_pod) = tokio::io::split(pod);
    let talk = Talk {
        counts,
        answered: AtomicBool::new(false),
        owed: AtomicBool::new(true),
        heard: Notify::new(),
    };
    let end = {
        let upward = talk.upward(&mut caller.read, &mut caller.sent, to_pod);
        let downward = talk.downward(from_pod, &mut caller.write, answers);
        tokio::pin!(upward, downward);
        tokio::select! {
            biased;
            end = &mut downward => {
                if matches!(end, Downward::Closed) {
                    let _ = tokio::time::timeout(LEAVE, upward).await;
                }
                end
            }
            end = &mut upward => match end {
                Upward::Gone => Downward::Gone,
                Upward::Stuck => {
                    let told = tokio::time::timeout(LEAVE, downward).await;
                    told.unwrap_or_else(|_| {
                        Downward::Broken(io::ErrorKind::ConnectionReset.into())
                    })
                }
                Upward::Ended => tokio::select! {
                    end = downward => end,
                    () = talk.silence() => Downward::Gone,
                    () = crowded.notified() => Downward::Gone,
                },
            },
        }
    };
    let sent = &caller.sent;
    match end {
        Downward::Closed | Downward::Gone => End::Done,
        Downward::Broken(error) => {
            // Where nothing was asked, nothing can be done twice, whatever the pod has had.
            let untouched =
                error.kind() == io::ErrorKind::ConnectionRefused || sent.kept.is_empty();
            if !talk.answered.into_inner() && sent.whole && untouched {
                End::Refused(error)
            } else {
                End::Broken(error)
            }
        }
    }
}

impl Talk<'_> {
    async fn upward(
        &self,
        caller: &mut ReadHalf<Box<dyn Local>>,
        sent: &mut Sent,
        mut pod: WriteHalf<PodConnection>,
    ) -> Upward {
        if !sent.kept.is_empty() && pass_on(&mut pod, &sent.kept).await.is_err() {
            return Upward::Stuck;
        }
        let mut chunk = vec![0; CHUNK];
        while !sent.ended {
            let bytes = match caller.read(&mut chunk).await {
                Ok(0) => {
                    sent.ended = true;
                    break;
                }
                Ok(some) => &chunk[..some],
                Err(_) => return Upward::Gone,
            };
            let answered = self.answered.load(Ordering::Relaxed);
            if sent.whole && !answered && sent.kept.len() + bytes.len() <= KEPT {
                sent.kept.extend_from_slice(bytes);
            } else {
                sent.kept = Vec::new();
                sent.whole = false;
            }
            if pass_on(&mut pod, bytes).await.is_err() {
                return Upward::Stuck;
            }
            self.owed.store(true, Ordering::Relaxed);
            self.counts.sent(bytes.len());
        }
        Upward::Ended
    }

    async fn downward(
        &self,
        mut pod: ReadHalf<PodConnection>,
        caller: &mut WriteHalf<Box<dyn Local>>,
        answers: impl Fn(),
    ) -> Downward {
        let mut chunk = vec![0; CHUNK];
        loop {
            let bytes = match pod.read(&mut chunk).await {
                Ok(0) => {
                    return match caller.shutdown().await {
                        Ok(()) => Downward::Closed,
                        Err(_) => Downward::Gone,
                    };
                }
                Ok(some) => &chunk[..some],
                Err(error) => return Downward::Broken(error),
            };
            if !self.answered.swap(true, Ordering::Relaxed) {
                answers();
            }
            self.owed.store(false, Ordering::Relaxed);
            self.heard.notify_one();
            if caller.write_all(bytes).await.is_err() {
                return Downward::Gone;
            }
            self.counts.received(bytes.len());
        }
    }

    /// Returns when the pod has said nothing for a while to a caller that has shut down its writing side.
    async fn silence(&self) {
        let patience = if self.owed.load(Ordering::Relaxed) {
            OWED
        } else {
            NOT_OWED
        };
        while tokio::time::timeout(patience, self.heard.notified())
            .await
            .is_ok()
        {}
    }
}

async fn pass_on(to_pod: &mut WriteHalf<PodConnection>, bytes: &[u8]) -> io::Result<()> {
    to_pod.write_all(bytes).await?;
    to_pod.flush().await
}
