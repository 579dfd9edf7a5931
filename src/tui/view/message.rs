//! The message at the lower edge: what happened, why, and what can be done, in as many lines as that takes.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use crate::tui::{
    format::{shorten, wrap},
    state::State,
    theme::Tone,
};

/// More lines than these would hide what the message is about.
const MOST: usize = 4;
/// A screen with fewer rows has one line for it.
const SMALL: u16 = 12;
/// What takes a failure away.
const SEEN: &str = "  (esc)";

/// How many rows the message takes; none without one.
pub(super) fn height(state: &State, area: Rect) -> u16 {
    u16::try_from(lines(state, area).len()).unwrap_or(1)
}

/// Draws it into as many rows.
pub(super) fn view(state: &State, frame: &mut Frame<'_>, area: Rect) {
    // The screen's height decided about the number of rows before.
    let whole = Rect {
        height: frame.area().height,
        ..area
    };
    frame.render_widget(Paragraph::new(lines(state, whole)), area);
}

fn lines(state: &State, area: Rect) -> Vec<Line<'static>> {
    let Some(toast) = state.toasts.current() else {
        return Vec::new();
    };
    let theme = &state.theme;
    let room = usize::from(area.width).saturating_sub(1 + SEEN.len());
    let (tone, hint) = match &toast.problem {
        Some(problem) => (Tone::Bad, problem.hint.as_str()),
        None => (Tone::Good, ""),
    };
    let mut lines: Vec<(Tone, String)> = if area.height < SMALL {
        vec![(tone, shorten(&toast.text, room, theme.glyphs.ellipsis))]
    } else {
        let parts = [(tone, toast.text.as_str()), (Tone::Text, hint)];
        let rows = parts.into_iter().flat_map(|(tone, text)| {
            let rows = text.lines().flat_map(|line| wrap(line, room));
            rows.map(move |row| (tone, row)).collect::<Vec<_>>()
        });
        rows.collect()
    };
    if lines.len() > MOST {
        lines.truncate(MOST);
        if let Some((_, last)) = lines.last_mut() {
            last.push_str(theme.glyphs.ellipsis);
        }
    }
    let count = lines.len();
    let line = |(place, (tone, text)): (usize, (Tone, String))| {
        let mut spans = vec![Span::styled(format!(" {text}"), theme.style(tone))];
        if place + 1 == count && toast.problem.is_some() {
            spans.push(Span::styled(SEEN, theme.style(Tone::Dim)));
        }
        Line::from(spans)
    };
    lines.into_iter().enumerate().map(line).collect()
}
