//! The signals that end a command: ctrl-c, SIGTERM and SIGHUP all mean the same to an operation, and none of them may
//! leave half a cluster behind.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::domain::Problem;

/// The three signals.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals over from the system, which would end the process at once. They stay taken until its end.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn take() -> Result<Self, Problem> {
        let take = |kind| {
            signal(kind).map_err(|error| {
                Problem::failed("signals cannot be listened for", error.to_string())
            })
        };
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hangup: take(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
