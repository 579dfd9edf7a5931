//! Carries a request out before a person's eyes: the plan, the steps as they go, the signals that stop it, the end.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::{
    output::{self, Format, note},
    progress::{Report, Style},
    signals::Signals,
    terminal,
};
use crate::{
    backend::Backends,
    domain::{Problem, log::sanitize},
    ops::{self, Cancel, Failure, Request},
    plan::Plan,
};

/// Events that may wait to be drawn. A plan has tens of steps; progress comes some times a second from each of them.
const EVENTS: usize = 256;
/// How often the running seconds are brought up to date.
const TICK: Duration = Duration::from_millis(200);

/// Makes the plan of the request, prints it and nothing more.
///
/// # Errors
/// Where there can be no such plan.
pub async fn print_plan(
    backends: &Backends,
    request: &Request,
    format: Format,
) -> Result<(), Problem> {
    let plan = ops::prepare(backends, request).await?;
    let text = match format {
        Format::Json | Format::Yaml => output::data(&plan.to_json(), format)?,
        _ => plan.to_text(),
    };
    output::print(&text)
}

/// Makes the plan of the request and carries it out; how it goes is told on stderr.
///
/// # Errors
/// What failed, and what is left of the work.
pub async fn fulfil(
    backends: &Backends,
    request: &Request,
    style: Style,
    signals: &mut Signals,
) -> Result<ops::Report, Problem> {
    let plan = tokio::select! {
        plan = ops::prepare(backends, request) => plan?,
        () = signals.next() => {
            return Err(Problem::refused("cancelled", "nothing was changed"));
        }
    };
    for warning in &plan.warnings {
        note(&format!("warning: {warning}"));
    }
    follow(backends, request, plan, style, signals)
        .await
        .map_err(in_words)
}

/// Carries out a plan that was shown already.
///
/// # Errors
/// What failed, and what is left of the work.
pub async fn carry_out(
    backends: &Backends,
    request: &Request,
    plan: Plan,
    style: Style,
    signals: &mut Signals,
) -> Result<ops::Report, Problem> {
    follow(backends, request, plan, style, signals)
        .await
        .map_err(in_words)
}

async fn follow(
    backends: &Backends,
    request: &Request,
    plan: Plan,
    style: Style,
    signals: &mut Signals,
) -> Result<ops::Report, Failure> {
    let mut report = Report::new(&plan, style);
    let begun = Instant::now();
    let cancel = Cancel::new();
    let (sender, mut events) = mpsc::channel(EVENTS);
    let work = ops::carry_out(backends, request, plan, sender, &cancel);
    tokio::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let result = loop {
        let line = tokio::select! {
            result = &mut work => break result,
            Some(event) = events.recv() => report.event(&event, begun.elapsed()),
            () = signals.next() => {
                let sentence = if cancel.is_cancelled() {
                    "giving up at once; what is left is named below"
                } else {
                    "cancelling and taking back what was done; once more gives that up too"
                };
                cancel.cancel();
                Some(sentence.to_owned())
            }
            _ = ticks.tick(), if style.live => None,
        };
        draw(&report.draw(line.as_deref(), begun.elapsed(), terminal::width()));
    };
    // The work can be over before its last words were read.
    while let Ok(event) = events.try_recv() {
        let line = report.event(&event, begun.elapsed());
        draw(&report.draw(line.as_deref(), begun.elapsed(), terminal::width()));
    }
    draw(&report.end());
    for warning in result.iter().flat_map(|done| &done.warnings) {
        note(&sanitize(format!("warning: {warning}").as_bytes()));
        if !warning.hint.is_empty() {
            note(&sanitize(warning.hint.as_bytes()));
        }
    }
    result
}

/// A terminal that cannot be written to is no reason to stop the work.
fn draw(text: &str) {
    if !text.is_empty() {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// The failure with what became of the work as the hint.
fn in_words(failure: Failure) -> Problem {
    let Failure {
        problem,
        undone,
        left,
    } = failure;
    let mut hint = problem.hint.clone();
    let mut add = |sentence: &str| {
        if !hint.is_empty() {
            hint.push('\n');
        }
        hint.push_str(sentence);
    };
    if !left.is_empty() {
        add(&format!("this is left: {}", left.join(", ")));
    } else if undone {
        add("nothing is left of it");
    }
    problem.with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_became_of_the_work() {
        let failure = |undone, left: &[&str]| Failure {
            problem: Problem::failed("what", "why").with_hint("do this"),
            undone,
            left: left.iter().map(|thing| (*thing).to_owned()).collect(),
        };
        assert_eq!(
            in_words(failure(true, &[])).hint,
            "do this\nnothing is left of it"
        );
        assert_eq!(
            in_words(failure(false, &["network a", "container b"])).hint,
            "do this\nthis is left: network a, container b"
        );
    }
}
