//! What comes in that no person typed: pastes, garbage, the end.

use rustix::process::Signal;

use super::terminal::Terminal;
use crate::cli::Place;

#[test]
fn a_paste_goes_into_the_field_and_presses_no_keys() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "--simulate");
    terminal.wait_for("● running");
    // On the panes, where every letter would do something.
    terminal.send(b"\x1b[200~qqq\r\x04n\x1b[201~");
    terminal.press("n");
    terminal.wait_for("new cluster");
    terminal.send(b"\x15\x1b[200~pasted\x1b[31m\r\nq\x1b[201~");
    let screen = terminal.wait_for("pasted");
    assert!(
        screen.contains("new cluster"),
        "the paste pressed enter:\n{screen}"
    );
    terminal.press("\x1b");
    terminal.wait_gone("new cluster");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}

#[test]
fn garbage_is_survived() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "");
    terminal.wait_for("No container engine answers.");
    // What is no text, and sequences that are too long or of no terminal. The end of the paste shows that all of it
    // was read.
    let mut bytes: Vec<u8> = (0x80..=0xff).collect();
    for sequence in [
        "\x1b[999999999999;99999999999M",
        "\x1b[<1;2;3X",
        "\x1b[<0;70000;70000M",
        "\x1b[?u",
        "\x1b[;;;;;;;;u",
        "\x1b[27;5;999999999~",
        "\x1b[200~q\x1b[31m\x00\x03\x1b[201~",
    ] {
        bytes.extend_from_slice(sequence.as_bytes());
    }
    terminal.send(&bytes);
    terminal.press("?");
    terminal.wait_for("type to search");
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}

#[test]
fn a_burst_of_keys_is_taken_in_to_the_last() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "--simulate");
    terminal.wait_for("● running");
    terminal.press("n");
    terminal.wait_for("new cluster");
    // More than any buffer on the way holds; the last key is what is looked for.
    terminal.send(&[b'x'; 5_000]);
    terminal.press("\x15last");
    terminal.wait_for("last");
    terminal.press("\x03");
}

#[test]
fn half_a_sequence_holds_up_nothing() {
    for half in ["\x1b[", "\x1b[200~pasted, but", "\u{e9}"] {
        let place = Place::new();
        let mut terminal = Terminal::open(&place, "");
        terminal.wait_for("No container engine answers.");
        terminal.send(&half.as_bytes()[..half.len() - usize::from(half.len() == 2)]);
        // A frame of another size, and the end, both without another key.
        terminal.resize(90, 30);
        terminal.wait_until("a frame of the new size", |screen| {
            screen.lines().count() == 30 && screen.lines().all(|line| line.chars().count() <= 90)
        });
        terminal.signal(Signal::TERM);
        assert_eq!(terminal.wait_exit(), 0);
        terminal.wait_restored();
    }
}

fn assert_nothing_left(place: &Place) {
    let left: Vec<_> = ["home", "project"]
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(place.path(folder)).unwrap())
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_window_that_is_closed_takes_the_program_with_it() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "--simulate");
    terminal.wait_for("● running");
    terminal.hang_up("?");
    // 101 is a panic: words for a terminal that is gone are no reason for one.
    assert_ne!(terminal.wait_exit(), 101);
    assert_nothing_left(&place);
}

#[test]
fn a_terminal_that_goes_away_without_a_signal_ends_it_too() {
    let place = Place::new();
    // In a session of its own it has no terminal that could send a signal; the shell ends after it.
    let shell = place.shell("", "trap '' HUP; setsid \"$0\" \"$@\"");
    let mut terminal = Terminal::run(&shell, (120, 40));
    terminal.wait_for("No container engine answers.");
    terminal.hang_up("?");
    terminal.wait_exit();
    assert_nothing_left(&place);
}

#[test]
fn where_there_is_no_terminal_it_says_so_in_words() {
    let run = Place::new().run("");
    assert_eq!(run.code(), 2);
    assert_eq!(run.stdout(), "");
    assert!(run.stderr().contains("not a terminal"), "{}", run.stderr());
}
