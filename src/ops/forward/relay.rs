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

/// How long a pod may be silent towards a caller that has shut down its writing side: it cannot be told from one that has
/// gone away altogether.
const SILENCE: Duration = Duration::from_secs(60);

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
    /// What it has sent and no pod has answered.
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
            kept: Vec::new(),
            whole: true,
            ended: false,
        }
    }

    /// Breaks the connection off, so that nobody takes half an answer for a whole one.
    pub(super) fn reset(self) {
        self.read.unsplit(self.write).will_break_off();
    }
}

/// Carries bytes both ways. `answers` is called at the first byte from the pod. `crowded` is told when others wait for a place: then who only might still be there goes.
pub(super) async fn relay(
    caller: &mut Caller,
    pod: PodConnection,
    counts: &Counts,
    answers: impl Fn(),
    crowded: &Notify,
) -> End {
    let Caller {
        read,
        write,
        kept,
        whole,
        ended,
    } = caller;
    let (mut from_pod, mut to_pod) = tokio::io::split(pod);
    let answered = AtomicBool::new(false);
    let upward = async {
        if !kept.is_empty() && pass_on(&mut to_pod, kept).await.is_err() {
            return Upward::Stuck;
        }
        let mut chunk = vec![0; CHUNK];
        while !*ended {
            let bytes = match read.read(&mut chunk).await {
                Ok(0) => {
                    *ended = true;
                    break;
                }
                Ok(some) => &chunk[..some],
                Err(_) => return Upward::Gone,
            };
            if *whole && !answered.load(Ordering::Relaxed) && kept.len() + bytes.len() <= KEPT {
                kept.extend_from_slice(bytes);
            } else {
                *kept = Vec::new();
                *whole = false;
            }
            if pass_on(&mut to_pod, bytes).await.is_err() {
                return Upward::Stuck;
            }
            counts.sent(bytes.len());
        }
        Upward::Ended
    };
    let heard = Notify::new();
    let downward = async {
        let mut chunk = vec![0; CHUNK];
        loop {
            let bytes = match from_pod.read(&mut chunk).await {
                Ok(0) => {
                    return match write.shutdown().await {
                        Ok(()) => Downward::Closed,
                        Err(_) => Downward::Gone,
                    };
                }
                Ok(some) => &chunk[..some],
                Err(error) => return Downward::Broken(error),
            };
            if !answered.swap(true, Ordering::Relaxed) {
                answers();
            }
            heard.notify_one();
            if write.write_all(bytes).await.is_err() {
                return Downward::Gone;
            }
            counts.received(bytes.len());
        }
    };
    let end = {
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
                    () = silence(&heard) => Downward::Gone,
                    () = crowded.notified() => Downward::Gone,
                },
            },
        }
    };
    let answered = answered.into_inner();
    match end {
        Downward::Closed | Downward::Gone => End::Done,
        Downward::Broken(error) => {
            // Where nothing was asked, nothing can be done twice, whatever the pod has had.
            let refused = error.kind() == io::ErrorKind::ConnectionRefused && *whole;
            if !answered && (refused || (*whole && kept.is_empty())) {
                End::Refused(error)
            } else {
                End::Broken(error)
            }
        }
    }
}

async fn pass_on(to_pod: &mut WriteHalf<PodConnection>, bytes: &[u8]) -> io::Result<()> {
    to_pod.write_all(bytes).await?;
    to_pod.flush().await
}

/// Returns when nothing was heard for a while.
async fn silence(heard: &Notify) {
    while tokio::time::timeout(SILENCE, heard.notified())
        .await
        .is_ok()
    {}
}
