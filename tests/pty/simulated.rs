//! A person's day with the simulated world, from the first key to the last.

use rustix::process::Signal;

use super::terminal::Terminal;
use crate::cli::Place;

/// The screen with a running cluster on it.
fn open(arguments: &str) -> Terminal {
    let terminal = Terminal::open(&Place::new(), &format!("--simulate {arguments}"));
    let screen = terminal.wait_for("dev        ● running");
    assert!(screen.starts_with(" coracle  SIMULATED "), "{screen}");
    terminal
}

fn leave(mut terminal: Terminal) {
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}

/// The line of a cluster in the list.
fn row<'a>(screen: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("│{name} ");
    screen.lines().find(|line| line.starts_with(&start))
}

fn has_row(screen: &str, name: &str, state: &str) -> bool {
    row(screen, name).is_some_and(|row| row.contains(state))
}

#[test]
fn a_cluster_is_created_with_the_form_and_deleted_by_its_name() {
    let mut terminal = open("");
    terminal.press("n");
    terminal.wait_for("new cluster");
    // Name, servers, agents.
    terminal.press("\x15shop\t\t\x152\r");
    terminal.wait_for("plan: create cluster \"shop\"");
    terminal.press("\r");
    terminal.wait_for("hide, it goes on");
    terminal.wait_for("create cluster \"shop\": done");
    terminal.wait_until("three nodes", |screen| {
        has_row(screen, "shop", "● running") && has_row(screen, "shop", " 1+2 ")
    });
    terminal.wait_for("k3d-shop-agent-1");
    terminal.press("\x04");
    terminal.wait_for("delete cluster \"shop\"");
    // Not by another name.
    terminal.press("shp\r");
    terminal.wait_for("shp");
    terminal.press("\x15shop\r");
    terminal.wait_for("delete cluster \"shop\": done");
    terminal.wait_until("no such row", |screen| row(screen, "shop").is_none());
    leave(terminal);
}

#[test]
fn a_cluster_is_scaled_stopped_and_started() {
    let mut terminal = open("");
    terminal.press("s");
    terminal.wait_for("scale cluster \"dev\"");
    terminal.press("+\r");
    terminal.wait_for("plan: scale cluster \"dev\"");
    terminal.press("\r");
    terminal.wait_until("another agent", |screen| {
        has_row(screen, "dev", "● running") && has_row(screen, "dev", " 1+3 ")
    });
    for (verb, state) in [("stop", "○ stopped"), ("start", "● running")] {
        terminal.wait_gone("plan:");
        terminal.press("t");
        terminal.wait_for(&format!("plan: {verb} cluster \"dev\""));
        terminal.press("\r");
        terminal.wait_for(&format!("{verb} cluster \"dev\": done"));
        terminal.wait_until(state, |screen| has_row(screen, "dev", state));
    }
    leave(terminal);
}

#[test]
fn pods_are_filtered_and_the_log_follows_the_selection() {
    let mut terminal = open("--context dev");
    terminal.wait_for("payments-");
    terminal.press("/crash");
    let screen = terminal.wait_for("/crash");
    assert!(screen.contains("pods 1 of "), "{screen}");
    terminal.press("\r");
    // The log is that of the only pod that is left, and goes on.
    terminal.wait_for("log shop/payments-");
    terminal.wait_gone("no lines yet");
    terminal.press("\x1b");
    terminal.wait_gone("/crash");
    leave(terminal);
}

#[test]
fn leaving_in_the_middle_of_an_operation_asks_and_a_signal_takes_it_back() {
    for ending in ["key", "signal"] {
        let mut terminal = open("");
        terminal.press("n");
        terminal.wait_for("new cluster");
        terminal.press("\x15shop\r");
        terminal.wait_for("plan: create cluster \"shop\"");
        terminal.press("\r");
        terminal.wait_for("hide, it goes on");
        terminal.press("\x1b");
        let going = |screen: &str| row(screen, "shop").is_some_and(|row| row.contains("◐ create"));
        terminal.wait_until("the operation in its row", going);
        if ending == "key" {
            terminal.press("q");
            terminal.wait_for("An operation goes on.");
            terminal.press("q");
        } else {
            terminal.signal(Signal::TERM);
            terminal.wait_for("create cluster \"shop\": taken back, nothing is left of it");
        }
        assert_eq!(terminal.wait_exit(), 0);
        terminal.wait_restored();
    }
}
