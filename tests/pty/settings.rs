//! Mistakes in settings files: the screen opens on the defaults and says where the mistake is and what was meant.

use super::terminal::Terminal;
use crate::cli::Place;

const USERS: &str = "home/.config/coracle/tui.toml";
const PROJECT_S: &str = "project/.tui.toml";

#[test]
fn a_mistake_is_told_with_its_place_and_what_was_meant_and_the_screen_opens() {
    for (file, text, said) in [
        (
            PROJECT_S,
            "[cluster]\nagens = 2\n",
            [".tui.toml:2:1", "\"agens\"", "did you mean \"agents\"?"],
        ),
        (
            USERS,
            "\n[keymap.keys]\nqit = 'x'\n",
            ["tui.toml:3:1", "\"qit\"", "did you mean \"quit\"?"],
        ),
        (
            PROJECT_S,
            "[cluster\n",
            [
                ".tui.toml:1:9",
                "unclosed table",
                "nothing of this file is used",
            ],
        ),
        (
            USERS,
            "[theme]\nname = 'drak'\n",
            ["tui.toml:2:8", "\"drak\"", "did you mean \"dark\"?"],
        ),
    ] {
        // With a welcome screen and with panes.
        for (arguments, opened) in [("", "No container engine"), ("--simulate", "● running")] {
            let place = Place::new();
            place.write(file, text);
            let mut terminal = Terminal::sized(&place, arguments, (100, 30));
            let screen = terminal.wait_for(opened);
            for said in said {
                assert!(screen.contains(said), "no {said:?} in\n{screen}");
            }
            terminal.press("\x1b");
            terminal.wait_gone(said[1]);
            terminal.press("q");
            assert_eq!(terminal.wait_exit(), 0);
        }
    }
}

#[test]
fn the_mouse_is_the_terminals_where_the_settings_say_so_and_a_key_changes_it() {
    let place = Place::new();
    place.write(USERS, "[screen]\nmouse = false\n");
    let mut terminal = Terminal::sized(&place, "--simulate", (100, 30));
    terminal.wait_for("● running");
    let asks = |terminal: &Terminal| {
        let raw = terminal.raw();
        let asked = raw.windows(8).filter(|part| part == b"\x1b[?1000h");
        asked.count()
    };
    assert_eq!(asks(&terminal), 0);
    terminal.press("\x14");
    terminal.wait_for("the mouse moves the selection");
    assert_eq!(asks(&terminal), 1);
    terminal.press("\x14");
    terminal.wait_for("the mouse selects text");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}
