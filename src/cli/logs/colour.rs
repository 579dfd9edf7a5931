//! Colours of lines on a terminal: the program's own, who wrote a line, and what is looked for in it.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

use crate::domain::{
    LogLine,
    paint::{Colour, Effects, Style},
};

/// Back to the terminal's own look.
pub const RESET: &str = "\u{1b}[0m";
/// What is less important.
pub const DIM: &str = "\u{1b}[2m";

/// Colours for names: of the terminal's own sixteen those that can be read on light and dark alike.
const NAMES: [&str; 10] = [
    "\u{1b}[36m",
    "\u{1b}[32m",
    "\u{1b}[35m",
    "\u{1b}[33m",
    "\u{1b}[34m",
    "\u{1b}[96m",
    "\u{1b}[92m",
    "\u{1b}[95m",
    "\u{1b}[93m",
    "\u{1b}[94m",
];

/// The colour of a name, the same in every run.
pub fn of_name(name: &str) -> &'static str {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let place = usize::try_from(hasher.finish() % NAMES.len() as u64).unwrap_or(0);
    NAMES[place]
}

/// Writes a line's text with its colours, the ranges in reverse. The ranges are in order.
pub fn write(line: &LogLine, shown: &[Range<usize>], out: &mut String) {
    let mut style = Style::default();
    let mut paint = line.paint.iter().peekable();
    let mut ranges = shown.iter().peekable();
    let (mut at, mut plain) = (0, true);
    while at < line.text.len() {
        while let Some(run) = paint.next_if(|run| run.at as usize <= at) {
            style = run.style;
        }
        while ranges.next_if(|range| range.end <= at).is_some() {}
        let inside = ranges.peek().is_some_and(|range| range.start <= at);
        let next_range = ranges
            .peek()
            .map(|range| if inside { range.end } else { range.start });
        let next_paint = paint.peek().map(|run| run.at as usize);
        let end = [next_range, next_paint, Some(line.text.len())]
            .into_iter()
            .flatten()
            .filter(|place| *place > at && line.text.is_char_boundary(*place))
            .min()
            .unwrap_or(line.text.len());
        if !plain {
            out.push_str(RESET);
        }
        plain = style == Style::default() && !inside;
        if !plain {
            sgr(style, inside, out);
        }
        out.push_str(&line.text[at..end]);
        at = end;
    }
    if !plain {
        out.push_str(RESET);
    }
}

fn sgr(style: Style, reverse: bool, out: &mut String) {
    let mut codes = String::new();
    let effects = [
        (Effects::BOLD, "1"),
        (Effects::DIM, "2"),
        (Effects::ITALIC, "3"),
        (Effects::UNDERLINE, "4"),
    ];
    for (effect, code) in effects {
        if style.effects.has(effect) {
            codes.push(';');
            codes.push_str(code);
        }
    }
    // What is in reverse already is shown by being the other way round.
    if style.effects.has(Effects::REVERSE) != reverse {
        codes.push_str(";7");
    }
    for (colour, ground) in [(style.fg, 38), (style.bg, 48)] {
        // Writing to a String cannot fail.
        let _ = match colour {
            Colour::Own => Ok(()),
            Colour::Indexed(number) => write!(codes, ";{ground};5;{number}"),
            Colour::Rgb(r, g, b) => write!(codes, ";{ground};2;{r};{g};{b}"),
        };
    }
    let _ = write!(out, "\u{1b}[{}m", codes.trim_start_matches(';'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_colours_and_shows_what_is_looked_for() {
        let line = LogLine::from_raw(None, b"a \x1b[31mred\x1b[0m word", 0);
        let written = |ranges: &[Range<usize>]| {
            let mut out = String::new();
            write(&line, ranges, &mut out);
            out.replace('\u{1b}', "^")
        };
        assert_eq!(written(&[]), "a ^[38;5;1mred^[0m word");
        assert_eq!(
            written(&[3..8, 9..10]),
            "a ^[38;5;1mr^[0m^[7;38;5;1med^[0m^[7m wo^[0mr^[7md^[0m"
        );
        assert_eq!(of_name("web"), of_name("web"));
    }
}
