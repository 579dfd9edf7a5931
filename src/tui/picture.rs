//! A frame as an SVG picture, so that the pictures in the documentation are what the program draws.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

/// The size of one cell in the picture's units, at a font size of 14.
const CELL: (f32, f32) = (8.4, 18.0);
/// What borders are drawn of.
const LINE: char = '─';
const BACKGROUND: &str = "#1b1d23";
const FOREGROUND: &str = "#d7dae0";

/// Draws a frame. Runs of cells of one style become one piece of text, so that the picture stays small.
#[must_use]
pub fn svg(frame: &Buffer) -> String {
    let area = frame.area;
    let (width, height) = (
        f32::from(area.width) * CELL.0,
        f32::from(area.height) * CELL.1,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w:.0} {h:.0}\" width=\"{w:.0}\" height=\"{h:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        w = width + 16.0,
        h = height + 16.0,
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let first = &frame[(area.x + x, area.y + y)];
            let start = x;
            let mut text = String::new();
            while x < area.width && same_style(first, &frame[(area.x + x, area.y + y)]) {
                let symbol = frame[(area.x + x, area.y + y)].symbol();
                text.push_str(symbol);
                x += u16::try_from(symbol.width().max(1)).unwrap_or(1);
            }
            run(
                &mut out,
                first,
                &text,
                (f32::from(start) * CELL.0 + 8.0, f32::from(y) * CELL.1 + 8.0),
                f32::from(x - start),
            );
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn same_style(a: &Cell, b: &Cell) -> bool {
    (a.fg, a.bg, a.modifier) == (b.fg, b.bg, b.modifier)
}

fn run(out: &mut String, cell: &Cell, text: &str, (x, y): (f32, f32), cells: f32) {
    let (mut front, mut back) = (css(cell.fg).unwrap_or(FOREGROUND.into()), css(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        let swapped = back.unwrap_or(BACKGROUND.into());
        back = Some(front);
        front = swapped;
    }
    if let Some(back) = back {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{back}\"/>",
            cells * CELL.0,
            CELL.1
        );
    }
    let mut style = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
    ] {
        if cell.modifier.contains(modifier) {
            style.push_str(attribute);
        }
    }
    let cells = |columns: usize| f32::from(u16::try_from(columns).unwrap_or(u16::MAX)) * CELL.0;
    for (before, piece) in pieces(text) {
        let (x, width) = (x + cells(before), cells(piece.width()));
        if piece.starts_with(LINE) {
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"1\" fill=\"{front}\"{style}/>",
                y + CELL.1 / 2.0
            );
            continue;
        }
        let escaped = piece
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" fill=\"{front}\"{style}>{escaped}</text>",
            y + 13.5,
        );
    }
}

/// The pieces of a text that are drawn by themselves, with the columns before them: words that are apart, and lines. So
/// nothing gets out of its column where a font is a little wider than a cell, or several spaces are drawn as one.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut column = 0;
    for part in text.split_inclusive("  ") {
        let words = part.trim_end();
        let mut rest = words.trim_start();
        let mut before = column + words.len() - rest.len();
        while !rest.is_empty() {
            let line = rest.starts_with(LINE);
            let end = rest.find(|c| (c == LINE) != line).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            found.push((before, piece));
            before += piece.width();
            rest = after;
        }
        column += part.width();
    }
    found
}

/// The colour in the picture; `None` is the terminal's own.
fn css(color: Color) -> Option<std::borrow::Cow<'static, str>> {
    Some(match color {
        Color::Reset => return None,
        Color::Black => "#2c313a".into(),
        Color::Red => "#e06c75".into(),
        Color::Green => "#98c379".into(),
        Color::Yellow => "#e5c07b".into(),
        Color::Blue => "#61afef".into(),
        Color::Magenta => "#c678dd".into(),
        Color::Cyan => "#56b6c2".into(),
        Color::Gray => "#abb2bf".into(),
        Color::DarkGray => "#7f848e".into(),
        Color::LightRed => "#ff7a85".into(),
        Color::LightGreen => "#b5e890".into(),
        Color::LightYellow => "#ffd68a".into(),
        Color::LightBlue => "#80c4ff".into(),
        Color::LightMagenta => "#dd9bf0".into(),
        Color::LightCyan => "#7fdbe6".into(),
        Color::White => "#ffffff".into(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}").into(),
        Color::Indexed(n) => format!("#{n:02x}{n:02x}{n:02x}").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{layout::Rect, style::Style};

    #[test]
    fn text_is_escaped_and_runs_of_one_style_are_one_piece() {
        let mut frame = Buffer::empty(Rect::new(0, 0, 12, 1));
        frame.set_string(0, 0, "a<b", Style::new().fg(Color::Red));
        let picture = svg(&frame);
        assert!(
            picture.contains(">a&lt;b</text>") && picture.contains("#e06c75"),
            "{picture}"
        );
        assert_eq!(picture.matches("<text").count(), 1);
    }

    #[test]
    fn columns_are_placed_by_themselves_so_that_they_stay_above_each_other() {
        assert_eq!(
            pieces(" a b   c"),
            [(1, "a b"), (7, "c")],
            "a single space stays in its piece"
        );
        assert_eq!(pieces("   "), []);
        assert_eq!(pieces("┌ a ──┐"), [(0, "┌ a "), (4, "──"), (6, "┐")]);
    }
}
