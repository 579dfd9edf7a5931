//! A terminal of any size, and one that changes it.

use super::terminal::Terminal;
use crate::cli::Place;

/// Digits count seconds, which go on while a test looks.
fn timeless(screen: &str) -> String {
    let mut text: String = screen
        .chars()
        .map(|c| if c.is_ascii_digit() { '#' } else { c })
        .collect();
    while text.contains("##") {
        text = text.replace("##", "#");
    }
    text
}

#[test]
fn sizes_without_any_room_are_survived_and_the_same_picture_comes_back() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "");
    let before = timeless(&terminal.wait_for("No container engine answers."));
    for (columns, rows, shown) in [
        (1, 1, "n"),
        (2, 2, "ne"),
        (500, 5, "coracle"),
        (20, 300, "coracle"),
    ] {
        terminal.resize(columns, rows);
        terminal.wait_until(&format!("{shown:?} at {columns}x{rows}"), |screen| {
            screen.trim_start_matches(['┌', ' ']).starts_with(shown)
        });
    }
    terminal.resize(120, 40);
    terminal.wait_until("the picture from before", |screen| {
        timeless(screen) == before
    });
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}

#[test]
fn every_dialog_survives_a_terminal_of_any_size() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "--simulate");
    terminal.wait_for("● running");
    for (action, said) in [
        ("", "┌ command"),
        ("help", "type to search"),
        ("new-cluster", "new cluster"),
        ("menu", "┌ actions"),
        ("operations", "┌ operations"),
        ("scale", "scale cluster"),
        ("program-log", "log of coracle"),
    ] {
        terminal.press(":");
        terminal.wait_for("┌ command");
        if !action.is_empty() {
            terminal.press(&format!("{action}\r"));
        }
        terminal.wait_for(said);
        for (columns, rows) in [
            (1, 1),
            (19, 4),
            (20, 5),
            (3, 60),
            (400, 2),
            (61, 12),
            (33, 8),
        ] {
            terminal.resize(columns, rows);
            let small = columns < 20 || rows < 5;
            terminal.wait_until(&format!("{said:?} at {columns}x{rows}"), |screen| {
                screen.starts_with('n') == small && !screen.trim().is_empty()
            });
        }
        terminal.resize(120, 40);
        terminal.wait_for(said);
        terminal.press("\x1b");
        terminal.wait_gone(said);
    }
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}
