//! The signals of the screen, and what each wants.

use std::{io, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use crate::backend::kubernetes;

/// How long the loop may take to give the terminal back after a signal before the process ends without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends the process after a signal that the loop does not follow, because it waits for a terminal that is stuck.
pub(super) async fn insist(mut signals: Signals) {
    while !matches!(signals.received().await, Signal::End | Signal::HungUp) {}
    tokio::time::sleep(PATIENCE).await;
    kubernetes::end_plugins();
    std::process::exit(1);
}

/// What a signal wants.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    /// The program ends.
    End,
    /// The terminal is gone, and the program ends. The shell and the system both say so, so that twice means no more.
    HungUp,
    /// It was stopped by somebody else than itself and goes on now; the shell has had the terminal.
    Continued,
    /// The terminal has another size.
    Resized,
}

/// The signals that the loop listens to, and what each wants.
pub(super) struct Signals(Vec<(tokio::signal::unix::Signal, Signal)>);

impl Signals {
    /// Listens from now on.
    pub(super) fn new() -> io::Result<Self> {
        let kinds = [
            (SignalKind::terminate(), Signal::End),
            (SignalKind::hangup(), Signal::HungUp),
            (SignalKind::interrupt(), Signal::End),
            // By itself it would end the process where it is, with the terminal as the screen left it.
            (SignalKind::quit(), Signal::End),
            (
                SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()),
                Signal::Continued,
            ),
            (SignalKind::window_change(), Signal::Resized),
        ];
        let listen = |(kind, wants)| Ok((signal(kind)?, wants));
        Ok(Self(
            kinds.into_iter().map(listen).collect::<io::Result<_>>()?,
        ))
    }

    /// Waits for the next one.
    pub(super) async fn received(&mut self) -> Signal {
        let all = self.0.iter_mut().map(|(signal, wants)| {
            let wants = *wants;
            Box::pin(async move {
                signal.recv().await;
                wants
            })
        });
        futures::future::select_all(all).await.0
    }
}
