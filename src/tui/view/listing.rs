//! A list of things around clusters.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
    widgets::{Paragraph, Wrap},
};

use super::table::{self, Column, Rows, Text};
use crate::tui::{
    dialogs::{frame_of, key_line, listing::Listing},
    state::State,
    theme::Tone,
};

pub(super) fn view(state: &State, list: &Listing, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.theme;
    let all = list.all();
    let height = u16::try_from(all.len() + 4).unwrap_or(u16::MAX).max(9);
    let inner = frame_of(frame, area, (110, height), &list.kind.title(), theme);
    let [rows, keys] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(inner);
    let words = match &list.items {
        None => Some((" asking".to_owned(), Tone::Progress)),
        Some(Err(problem)) => Some((format!(" {problem}"), Tone::Bad)),
        Some(Ok(items)) if items.is_empty() => Some((format!(" {}", list.kind.none()), Tone::Dim)),
        Some(Ok(_)) => None,
    };
    if let Some((words, tone)) = words {
        let line = Line::styled(words, theme.style(tone));
        frame.render_widget(Paragraph::new(line).wrap(Wrap { trim: false }), rows);
    } else {
        let columns: Vec<Column> = (0..)
            .zip(list.kind.columns())
            .map(|(place, title)| Column {
                title,
                min: if place == 0 { 20 } else { 7 },
                max: if place == 0 { 80 } else { 30 },
                priority: place,
                right: false,
            })
            .collect();
        let visible = usize::from(rows.height.saturating_sub(1)).max(1);
        let shown = Rows {
            len: all.len(),
            offset: (list.index + 1).saturating_sub(visible),
            selected: Some(list.index),
            focused: true,
            cells: &|place| all[place].cells.iter().map(Text::plain).collect(),
        };
        table::draw(frame, rows, &columns, &shown, theme);
    }
    let mut line = list.kind.keys().to_vec();
    line.push(("esc", "leave"));
    frame.render_widget(key_line(&line, theme), keys);
}
