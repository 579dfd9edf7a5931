//! One line of a log as it is drawn: its time, who wrote it, its text in its own colours, what was searched for in it.

use std::ops::Range;

use jiff::Timestamp;
use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use crate::{
    domain::paint::{self, Colour, Effects},
    ops::logs::{Level, Line as LogLine, Pattern},
    tui::{
        format::{age, within},
        state::{State, log::Times},
        theme::Tone,
    },
};

/// What is the same for all lines of a frame.
pub(super) struct Look<'a> {
    /// The state.
    pub state: &'a State,
    /// How wide the pane is, in cells.
    pub width: usize,
    /// Whether who wrote a line stands before it, and how wide that is.
    pub source: Option<usize>,
}

impl Look<'_> {
    /// The rows of a line from its first to its last; one, unless it is wrapped.
    pub(super) fn rows(&self, line: &LogLine) -> Vec<Line<'static>> {
        let theme = &self.state.theme;
        if line.mark().is_some() {
            let text = format!("-- {} --", line.text());
            return vec![Line::styled(text, theme.style(Tone::Warning))];
        }
        let mut head = Vec::new();
        if let Some(time) = self.time(line.time()) {
            head.push(Span::styled(time, theme.style(Tone::Dim)));
        }
        if let Some(width) = self.source {
            head.push(self.source(line, width));
        }
        let indent: usize = head.iter().map(Span::width).sum();
        let room = self.width.saturating_sub(indent).max(1);
        let text = line.text();
        let parts = if self.state.log.look.wrap {
            wrap(text, room)
        } else {
            std::iter::once(0..within(text, room)).collect()
        };
        let pieces = self.pieces(line);
        let mut rows = Vec::with_capacity(parts.len());
        for part in parts {
            let mut spans = if rows.is_empty() {
                std::mem::take(&mut head)
            } else {
                vec![Span::raw(" ".repeat(indent))]
            };
            for (range, style) in &pieces {
                let (start, end) = (range.start.max(part.start), range.end.min(part.end));
                if start < end {
                    spans.push(Span::styled(text[start..end].to_owned(), *style));
                }
            }
            rows.push(Line::from(spans));
        }
        rows
    }

    fn time(&self, time: Option<Timestamp>) -> Option<String> {
        let blank = |width| " ".repeat(width);
        match self.state.log.look.times {
            Times::Off => None,
            Times::Clock => Some(time.map_or_else(
                || blank(13),
                |time| {
                    let here = time.to_zoned(self.state.zone.clone());
                    here.strftime("%H:%M:%S%.3f ").to_string()
                },
            )),
            Times::Ago => Some(time.map_or_else(
                || blank(5),
                |time| format!("{:>4} ", age(self.state.now, time)),
            )),
        }
    }

    fn source(&self, line: &LogLine, width: usize) -> Span<'static> {
        let known = self.state.log.store.lines().source(line.source());
        let name = known
            .and_then(|known| known.source.as_ref())
            .map_or_else(String::new, ToString::to_string);
        let glyphs = self.state.theme.glyphs;
        let name = crate::tui::format::shorten(&name, width, glyphs.ellipsis);
        let space = " ".repeat((width + 1).saturating_sub(name.width()));
        let style = self
            .state
            .theme
            .source(known.map_or(0, |known| known.colour));
        Span::styled(name + &space, style)
    }

    /// The text in pieces of one style each.
    fn pieces(&self, line: &LogLine) -> Vec<(Range<usize>, Style)> {
        let theme = &self.state.theme;
        let text = line.text();
        let base = theme.style(tone(line.level()));
        let mut pieces = Vec::new();
        let (mut at, mut style) = (0, base);
        if theme.colored() {
            for run in line.paint() {
                let start = (run.at as usize).min(text.len());
                pieces.push((at..start, style));
                (at, style) = (start, painted(base, run.style));
            }
        }
        pieces.push((at..text.len(), style));
        match &self.state.log.search {
            Some(search) => highlighted(&pieces, text, &search.pattern, theme.style(Tone::Match)),
            None => pieces,
        }
    }
}

/// The same pieces, in which the places that match look like matches.
fn highlighted(
    pieces: &[(Range<usize>, Style)],
    text: &str,
    pattern: &Pattern,
    style: Style,
) -> Vec<(Range<usize>, Style)> {
    let found: Vec<Range<usize>> = pattern.ranges(text).collect();
    let mut result = Vec::with_capacity(pieces.len() + 2 * found.len());
    for (piece, plain) in pieces {
        let mut at = piece.start;
        for hit in &found {
            let (start, end) = (hit.start.max(at), hit.end.min(piece.end));
            if start < end {
                result.push((at..start, *plain));
                result.push((start..end, plain.patch(style)));
                at = end;
            }
        }
        result.push((at..piece.end, *plain));
    }
    result
}

const fn tone(level: Option<Level>) -> Tone {
    match level {
        Some(Level::Error | Level::Fatal) => Tone::Bad,
        Some(Level::Warn) => Tone::Warning,
        Some(Level::Debug | Level::Trace) => Tone::Dim,
        Some(Level::Info) | None => Tone::Text,
    }
}

/// A program's own colours, over those of the line's level.
fn painted(base: Style, paint: paint::Style) -> Style {
    if paint == paint::Style::default() {
        return base;
    }
    let color = |colour| match colour {
        Colour::Own => None,
        Colour::Indexed(number) => Some(Color::Indexed(number)),
        Colour::Rgb(red, green, blue) => Some(Color::Rgb(red, green, blue)),
    };
    let mut style = Style::new();
    style.fg = color(paint.fg);
    style.bg = color(paint.bg);
    for (effect, modifier) in [
        (Effects::BOLD, Modifier::BOLD),
        (Effects::DIM, Modifier::DIM),
        (Effects::ITALIC, Modifier::ITALIC),
        (Effects::UNDERLINE, Modifier::UNDERLINED),
        (Effects::REVERSE, Modifier::REVERSED),
    ] {
        if paint.effects.has(effect) {
            style = style.add_modifier(modifier);
        }
    }
    style
}

/// Cuts a text into pieces of at most as many cells.
fn wrap(text: &str, width: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let fits = within(&text[start..], width);
        let first = text[start..].chars().next().map_or(1, char::len_utf8);
        // A character that is wider than the pane gets a row of its own.
        let end = start + fits.max(first);
        parts.push(start..end);
        start = end;
    }
    if parts.is_empty() {
        parts.push(0..0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_into_the_width_without_loss() {
        let text = "ab漢字cd";
        for width in 1..10 {
            let parts = wrap(text, width);
            let whole: String = parts.iter().map(|part| &text[part.clone()]).collect();
            assert_eq!(whole, text);
            assert!(
                parts
                    .iter()
                    .all(|part| text[part.clone()].width() <= width.max(2))
            );
        }
        assert_eq!(wrap("", 5), vec![0..0]);
    }

    #[test]
    fn rows_are_as_wide_as_the_screen_draws_them() {
        use ratatui::{buffer::Buffer, layout::Rect};

        let numbers = "0123456789".repeat(10);
        for sign in [
            "中",
            "⚠\u{fe0f}",
            "✔\u{fe0f}",
            "❤\u{fe0f}",
            "👩\u{200d}👧",
            "ｶﾞ",
            "e\u{301}",
            "🇩🇪",
        ] {
            let text = sign.repeat(10) + &numbers;
            for width in [7, 10, 33] {
                let mut drawn = String::new();
                for part in wrap(&text, width) {
                    let area = Rect::new(0, 0, u16::try_from(width).unwrap(), 1);
                    let mut buffer = Buffer::empty(area);
                    buffer.set_line(0, 0, &Line::raw(&text[part]), area.width);
                    let mut x = 0;
                    while x < area.width {
                        let symbol = buffer[(x, 0)].symbol();
                        drawn.push_str(symbol);
                        x += u16::try_from(symbol.width().max(1)).unwrap();
                    }
                }
                assert_eq!(drawn.replace(' ', ""), text, "{sign} in {width}");
            }
        }
    }

    #[test]
    fn what_was_searched_for_stands_out_across_colours() {
        let (plain, red) = (Style::new(), Style::new().fg(Color::Red));
        let pieces = [(0..4, plain), (4..9, red)];
        let pattern = Pattern::new("e e").unwrap();
        let found = highlighted(&pieces, "see eager", &pattern, Style::new().bg(Color::Blue));
        let marked: Vec<_> = found
            .iter()
            .filter(|(range, style)| style.bg == Some(Color::Blue) && !range.is_empty())
            .map(|(range, _)| range.clone())
            .collect();
        assert_eq!(marked, [2..4, 4..5]);
        assert_eq!(found.iter().map(|(range, _)| range.len()).sum::<usize>(), 9);
    }
}
