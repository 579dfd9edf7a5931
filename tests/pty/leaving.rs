//! However the program ends or pauses, the person gets their terminal back as it was.

use rustix::process::Signal;

use super::terminal::Terminal;
use crate::cli::Place;

const NO_ENGINE: &str = "No container engine answers.";

fn welcome(place: &Place) -> Terminal {
    let terminal = Terminal::open(place, "");
    terminal.wait_for(NO_ENGINE);
    assert!(terminal.is_taken());
    terminal
}

#[test]
fn without_an_engine_the_screen_says_what_was_tried_and_what_can_be_done() {
    let place = Place::new();
    let terminal = welcome(&place);
    let screen = terminal.wait_for("try again now");
    for said in [
        "unix:///nonexistent/docker.sock",
        "DOCKER_HOST",
        "simulated world",
        "quit",
    ] {
        assert!(screen.contains(said), "no {said:?} in\n{screen}");
    }
}

#[test]
fn q_and_ctrl_c_leave_with_the_terminal_restored() {
    for key in ["q", "\x03"] {
        let place = Place::new();
        let mut terminal = welcome(&place);
        terminal.press(key);
        assert_eq!(terminal.wait_exit(), 0);
        terminal.wait_restored();
    }
}

#[test]
fn signals_end_it_with_the_terminal_restored() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let place = Place::new();
        let terminal = welcome(&place);
        terminal.signal(signal);
        assert_eq!(terminal.wait_exit(), 0, "{signal:?}");
        terminal.wait_restored();
    }
}

/// A shell with job control, without which nothing can be stopped.
fn in_a_shell(place: &Place) -> Terminal {
    let shell = place.shell(
        "",
        "set -m; \"$0\"; echo \"stopped, $?\"; read line; fg; echo \"left, $?\"; read line",
    );
    let terminal = Terminal::run(&shell, (120, 40));
    terminal.wait_for(NO_ENGINE);
    terminal
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_brings_the_same_picture_back() {
    let place = Place::new();
    let mut terminal = in_a_shell(&place);
    terminal.press("?");
    let before = terminal.wait_for("type to search");
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    terminal.press("\x1a");
    terminal.wait_for("stopped, 1");
    terminal.wait_restored();
    terminal.press("\n");
    terminal.wait_for(NO_ENGINE);
    assert!(terminal.is_taken());
    terminal.press("?");
    terminal.wait_until("the same help as before", |screen| screen == before);
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    terminal.press("q");
    terminal.wait_for("left, 0");
    terminal.wait_restored();
}

#[test]
fn stopped_from_outside_and_continued_it_takes_the_terminal_again() {
    let place = Place::new();
    let mut terminal = in_a_shell(&place);
    terminal.press("?");
    let before = terminal.wait_for("type to search");
    terminal.signal(Signal::STOP);
    // The shell writes into the picture, and a key of the shell's has to be in its modes.
    terminal.wait_for("stopped, 1");
    terminal.press("\n");
    terminal.wait_until("the same help as before", |screen| screen == before);
    assert!(terminal.is_taken());
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    terminal.press("q");
    terminal.wait_for("left, 0");
    terminal.wait_restored();
}
