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
    /// Whether the terminal is gone. The shell and the system both say so, which is no wish for more.
    hung_up: bool,
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
            hung_up: false,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv(), if !self.hung_up => self.hung_up = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_terminal_that_is_gone_is_told_once() {
        let mut signals = Signals::take().unwrap();
        let soon = Duration::from_secs(20);
        kill_process(getpid(), Signal::HUP).unwrap();
        tokio::time::timeout(soon, signals.next()).await.unwrap();
        kill_process(getpid(), Signal::HUP).unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        tokio::time::timeout(soon, signals.next()).await.unwrap();
        // What came second was the word to end, not the terminal again.
        assert!(signals.hung_up);
        let mut next = Box::pin(signals.next());
        assert!(futures::poll!(&mut next).is_pending());
    }
}
