//! The end of the screen. A person who quits in the middle of an operation was asked; a signal, or a terminal that is
//! gone, asks nobody, and leaves no half of a cluster: what goes on is cancelled and taken back before the process ends.

use std::{
    io::{self, Write},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    app_loop::take,
    runner::{Runner, Turn},
    signals::{Signal, Signals},
    state::{State, operations::Ending},
};

/// How long ended tasks may take to go.
const GOODBYE: Duration = Duration::from_millis(500);

/// Ends what runs beside the screen, which nobody waits for.
pub(super) async fn end(mut runner: Runner) {
    let _ = tokio::time::timeout(GOODBYE, runner.shutdown()).await;
}

/// Cancels the operations that go on and waits until they have taken back what they did; the terminal is given back
/// already. Another signal gives that up too, and what is left is named. Every step of an operation has its deadline.
pub(super) async fn undo(state: &mut State, runner: &mut Runner, signals: &mut Signals) {
    let going: Vec<u64> = state.operations.running().map(|one| one.id).collect();
    if going.is_empty() {
        return;
    }
    say("cancelling and taking back what was done; another signal gives that up too");
    runner.cancel_operations();
    while state.operations.running().next().is_some() {
        tokio::select! {
            signal = signals.received() => if matches!(signal, Signal::End) {
                say("giving up at once");
                runner.cancel_operations();
            },
            turn = runner.next() => match turn {
                // What is to be done next is nobody's any more.
                Turn::News(news) => drop(take(state, runner, *news, Timestamp::now())),
                Turn::Broke(_, problem) => {
                    say(&problem.to_string());
                    return;
                }
                Turn::Due => {}
            },
        }
    }
    for id in going {
        let Some(operation) = state.operations.get_mut(id) else {
            continue;
        };
        let title = &operation.plan.title;
        match &operation.ended {
            Some((_, Ending::Badly(failure))) if failure.undone => {
                say(&format!("{title}: taken back, nothing is left of it"));
            }
            Some((_, Ending::Badly(failure))) => say(&format!("{title}: {failure}")),
            _ => say(&format!("{title}: done")),
        }
    }
}

/// For the shell, where there still is one.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "coracle: {text}");
}
