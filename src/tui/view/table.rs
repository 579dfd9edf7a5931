//! A table of which only the visible rows are formatted.
//!
//! Columns are as wide as what is visible needs, between their bounds; where the width does not suffice, those of lower
//! importance go first. The first column takes what is left over.

use ratatui::{
    Frame,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use crate::tui::{
    format::fit,
    theme::{Theme, Tone},
};

/// Columns from this number on go before a more important one is cut.
const MINOR: u8 = 3;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) min: u16,
    pub(super) max: u16,
    /// Columns of a higher number go first; `0` never goes.
    pub(super) priority: u8,
    pub(super) right: bool,
}

/// A cell: a text and what it means.
#[derive(Debug, Clone)]
pub(super) struct Text(pub(super) String, pub(super) Tone);

impl Text {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self(text.into(), Tone::Text)
    }
}

/// The list that is drawn.
pub(super) struct Rows<'a> {
    /// How many rows there are.
    pub(super) len: usize,
    /// The first visible one.
    pub(super) offset: usize,
    /// The selected one.
    pub(super) selected: Option<usize>,
    /// Whether the table has the focus.
    pub(super) focused: bool,
    /// The cells of one row.
    pub(super) cells: &'a dyn Fn(usize) -> Vec<Text>,
}

/// Draws a table with its header and returns the area of its rows.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    columns: &[Column],
    rows: &Rows<'_>,
    theme: &Theme,
) -> Rect {
    if area.height == 0 || area.width == 0 {
        return area;
    }
    let header_rows = u16::from(area.height > 1);
    let data = Rect {
        y: area.y + header_rows,
        height: area.height - header_rows,
        ..area
    };
    let height = usize::from(data.height);
    let offset = rows
        .offset
        .min(rows.len.saturating_sub(height.min(rows.len)));
    let visible: Vec<Vec<Text>> = (offset..rows.len.min(offset + height))
        .map(|index| (rows.cells)(index))
        .collect();
    let widths = widths(columns, &visible, area.width);
    if header_rows > 0 {
        let titles: Vec<Text> = columns
            .iter()
            .map(|column| Text(column.title.to_owned(), Tone::Dim))
            .collect();
        let line = line(columns, &titles, &widths, Style::new(), theme);
        frame.render_widget(line, Rect { height: 1, ..area });
    }
    for (place, cells) in visible.iter().enumerate() {
        let y = data.y + u16::try_from(place).unwrap_or(0);
        let selected = rows.selected == Some(offset + place);
        let style = match (selected, rows.focused) {
            (true, true) => theme.style(Tone::Selected),
            (true, false) => theme.style(Tone::Title),
            _ => Style::new(),
        };
        let row = Rect {
            y,
            height: 1,
            ..data
        };
        frame.render_widget(
            line(columns, cells, &widths, style, theme).style(style),
            row,
        );
    }
    data
}

/// The width of each column; `0` for one that is left out.
fn widths(columns: &[Column], visible: &[Vec<Text>], width: u16) -> Vec<u16> {
    let mut shown: Vec<bool> = vec![true; columns.len()];
    let need = |shown: &[bool]| -> u16 {
        columns
            .iter()
            .zip(shown)
            .filter(|(_, shown)| **shown)
            .map(|(column, _)| column.min + 1)
            .sum()
    };
    while need(&shown) > width + 1 {
        let dropped = (0..columns.len())
            .filter(|i| shown[*i] && columns[*i].priority > 0)
            .max_by_key(|i| (columns[*i].priority, *i));
        let Some(dropped) = dropped else { break };
        shown[dropped] = false;
    }
    let wanted: Vec<u16> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let content = visible
                .iter()
                .filter_map(|row| row.get(index))
                .map(|cell| cell.0.width())
                .max()
                .unwrap_or(0);
            u16::try_from(content.max(column.title.len()))
                .unwrap_or(u16::MAX)
                .clamp(column.min, column.max)
        })
        .collect();
    // What says the most is not cut for what says little: a minor column is there only where all others have room.
    while let Some(least) = (0..columns.len())
        .filter(|i| shown[*i] && columns[*i].priority >= MINOR)
        .max_by_key(|i| (columns[*i].priority, *i))
    {
        let of = |index: usize| {
            if index == least {
                columns[index].min
            } else {
                wanted[index]
            }
        };
        let full: u16 = (0..columns.len())
            .filter(|index| shown[*index])
            .map(|index| of(index) + 1)
            .sum();
        if full <= width + 1 {
            break;
        }
        shown[least] = false;
    }
    let mut widths: Vec<u16> = columns
        .iter()
        .zip(&shown)
        .map(|(column, shown)| if *shown { column.min } else { 0 })
        .collect();
    let mut left = (width + 1).saturating_sub(need(&shown));
    // The more important a column, the sooner it gets what it wants.
    let mut order: Vec<usize> = (0..columns.len()).filter(|index| shown[*index]).collect();
    order.sort_by_key(|index| columns[*index].priority);
    for index in order {
        let more = wanted[index].saturating_sub(widths[index]).min(left);
        widths[index] += more;
        left -= more;
    }
    if let Some(first) = widths.first_mut() {
        *first += left;
    }
    widths
}

fn line<'a>(
    columns: &[Column],
    cells: &[Text],
    widths: &[u16],
    row: Style,
    theme: &Theme,
) -> Line<'a> {
    let mut spans = Vec::new();
    for ((column, Text(text, tone)), width) in columns
        .iter()
        .zip(cells)
        .zip(widths)
        .filter(|(_, width)| **width > 0)
    {
        let width = usize::from(*width);
        let text = fit(text, width, theme.glyphs.ellipsis);
        let padding = " ".repeat(width.saturating_sub(text.width()));
        let padded = if column.right {
            format!("{padding}{text} ")
        } else {
            format!("{text}{padding} ")
        };
        // What is dim would be a dim background in the selected row.
        let tone = match tone {
            Tone::Dim if row.add_modifier.contains(Modifier::REVERSED) => Tone::Text,
            tone => *tone,
        };
        spans.push(Span::styled(padded, theme.style(tone).patch(row)));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column {
            title: "NAME",
            min: 6,
            max: 40,
            priority: 0,
            right: false,
        },
        Column {
            title: "STATUS",
            min: 6,
            max: 10,
            priority: 0,
            right: false,
        },
        Column {
            title: "NODE",
            min: 8,
            max: 20,
            priority: 3,
            right: false,
        },
    ];

    #[test]
    fn less_important_columns_go_first_and_no_line_is_too_wide() {
        let rows = vec![vec![
            Text::plain("a-long-name-of-a-pod"),
            Text::plain("Running"),
            Text::plain("node-1"),
        ]];
        for width in 0..80 {
            let widths = widths(COLUMNS, &rows, width);
            let used: u16 = widths.iter().filter(|w| **w > 0).map(|w| w + 1).sum();
            assert!(used <= (width + 1).max(14), "{width}: {widths:?}");
            assert!(widths[0] >= 6 && widths[1] >= 6);
        }
        assert_eq!(widths(COLUMNS, &rows, 20)[2], 0);
        assert!(widths(COLUMNS, &rows, 60)[2] >= 8);
    }
}
