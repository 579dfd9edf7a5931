//! What the terminal can show decides how the screen looks: colours, characters.

use super::terminal::Terminal;
use crate::cli::Place;

/// What is written for a welcome screen and a dialog.
fn written(place: &Place, arguments: &str) -> String {
    let mut terminal = Terminal::open(place, arguments);
    terminal.wait_for("No container engine answers.");
    terminal.press("?");
    terminal.wait_for("type to search");
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
    String::from_utf8(terminal.raw()).unwrap()
}

/// The numbers of all sequences that change colour or weight.
fn styles(written: &str) -> Vec<u16> {
    let sequences = written.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest[end..].starts_with('m').then(|| &rest[..end])
    });
    sequences
        .flat_map(|sequence| sequence.split(';'))
        .filter_map(|number| number.parse().ok())
        .collect()
}

fn colours(written: &str) -> Vec<u16> {
    let mut found = styles(written);
    // 39 and 49 are the terminal's own colours.
    found.retain(|n| matches!(n, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107));
    found
}

#[test]
fn no_color_draws_no_colour_and_still_tells_what_is_selected() {
    for (variable, value, arguments) in [("NO_COLOR", "1", ""), ("X", "", "--no-color")] {
        let place = Place::new().with(variable, value);
        let written = written(&place, arguments);
        assert_eq!(
            colours(&written),
            [0_u16; 0],
            "{variable}={value} {arguments}"
        );
        assert!(styles(&written).contains(&7), "nothing is reversed");
    }
}

#[test]
fn colours_are_the_terminal_s_own_sixteen() {
    let written = written(&Place::new().with("TERM", "xterm-16color"), "");
    let found = styles(&written);
    let mut count = 0;
    for at in 0..found.len() {
        if matches!(found[at], 38 | 48) {
            // `38;5;n` is colour n of the palette; `38;2;r;g;b` would be any colour.
            assert!(
                found[at + 1] == 5 && found[at + 2] < 16,
                "{:?}",
                &found[at..]
            );
            count += 1;
        }
    }
    assert!(count > 0, "no colour at all");
}

#[test]
fn a_locale_without_utf_8_gets_ascii_alone() {
    for place in [
        Place::new().with("LANG", "C"),
        Place::new().with("LC_ALL", "POSIX"),
    ] {
        let written = written(&place, "");
        let other: String = written.chars().filter(|c| !c.is_ascii()).collect();
        assert_eq!(other, "");
        assert!(written.contains("+ coracle -"), "no border of ASCII");
    }
}

#[test]
fn a_dumb_terminal_is_refused_in_words_and_without_a_sequence() {
    let place = Place::new().with("TERM", "dumb");
    let terminal = Terminal::open(&place, "");
    terminal.wait_for("--help");
    assert_eq!(terminal.wait_exit(), 2);
    let written = String::from_utf8(terminal.raw()).unwrap();
    assert!(
        written.contains("TERM") && !written.contains('\x1b'),
        "{written:?}"
    );
}
