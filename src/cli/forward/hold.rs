//! A forward before a person's eyes: where it listens, what happens, until a signal ends it.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use crate::{
    cli::{
        output::{note, print},
        signals::Signals,
    },
    domain::{Forward, ForwardState, Problem, log::sanitize},
    ops::forward::{self, ApiSource, Status},
};

/// A line that was told is told again after so long.
const AGAIN: Duration = Duration::from_secs(10);

/// Holds the forward open until ctrl-c.
///
/// # Errors
/// When a local port cannot be had.
pub async fn hold(source: ApiSource, forward: &Forward) -> Result<(), Problem> {
    let mut signals = Signals::take()?;
    let open = forward::open(source, forward).await?;
    let mut status = open.status();
    let mut told = status.borrow_and_update().clone();
    let mut text = String::new();
    for (address, remote) in &told.addresses {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{address} -> {} port {remote}", forward.target);
    }
    print(&text)?;
    let mut recent = Recent::default();
    loop {
        tokio::select! {
            () = signals.next() => return Ok(()),
            changed = status.changed() => if changed.is_err() { return Ok(()) },
        }
        let now = status.borrow_and_update().clone();
        for line in news(&told, &now) {
            if recent.is_new(&line) {
                note(&sanitize(line.as_bytes()));
            }
        }
        told = now;
    }
}

/// What is worth a line.
fn news(before: &Status, now: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((_, problem)) = &now.last_error
        && now.last_error != before.last_error
    {
        lines.push(problem.to_string());
    }
    if let ForwardState::Waiting(why) = &now.state
        && !matches!(before.state, ForwardState::Waiting(_))
    {
        lines.push(format!("waiting: {why}"));
    }
    if let Some(pod) = &now.pod
        && now.pod != before.pod
    {
        lines.push(format!("connected to pod {}", pod.name));
    }
    lines
}

/// Lines that were told a moment ago: a page that reloads itself would fill the terminal with them.
#[derive(Default)]
struct Recent(Vec<(Instant, String)>);

impl Recent {
    fn is_new(&mut self, line: &str) -> bool {
        self.0.retain(|(at, _)| at.elapsed() < AGAIN);
        let new = !self.0.iter().any(|(_, told)| told == line);
        if new {
            self.0.push((Instant::now(), line.to_owned()));
        }
        new
    }
}
