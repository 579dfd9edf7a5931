//! What the terminal behind stderr can do, for the little that the command line draws.

use std::io::{self, IsTerminal};

use super::{args::Global, progress::Style};

/// How progress is told.
#[must_use]
pub fn style(global: &Global, ascii_wanted: bool) -> Style {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let live = io::stderr().is_terminal() && !is_dumb();
    Style {
        live,
        colour: live && !global.no_color && variable("NO_COLOR").is_empty(),
        ascii: ascii_wanted || global.ascii || !is_utf8(variable),
    }
}

/// Whether the terminal cannot place a cursor: the shell of an editor, a job of a build server.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

/// Whether the screen is drawn with colours.
#[must_use]
pub fn has_color(global: &Global) -> bool {
    let wanted = std::env::var("NO_COLOR").unwrap_or_default().is_empty();
    !global.no_color && wanted && !is_dumb()
}

/// Whether results are printed with colours where a person did not say.
#[must_use]
pub fn has_color_on_stdout(global: &Global) -> bool {
    io::stdout().is_terminal() && has_color(global)
}

/// Whether the locale is one of UTF-8. The first variable that is set decides, as in the C library.
fn is_utf8(variable: impl Fn(&str) -> String) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The width of the terminal behind stderr, in cells.
#[must_use]
pub fn width() -> usize {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        // Zero is what a terminal says that does not know.
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).max(20),
        _ => 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_the_locale() {
        let locale = |all: &'static str, lang: &'static str| {
            is_utf8(move |name| match name {
                "LC_ALL" => all.to_owned(),
                "LANG" => lang.to_owned(),
                _ => String::new(),
            })
        };
        assert!(locale("", "de_AT.UTF-8"));
        assert!(locale("C.utf8", "C"));
        assert!(!locale("C", "de_AT.UTF-8"));
        assert!(!locale("", ""));
    }
}
