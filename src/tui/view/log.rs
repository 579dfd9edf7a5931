//! The log pane.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{
    ops::logs::{Level, Line as LogLine},
    tui::{msg::LogTarget, state::State, theme::Tone},
};

pub(super) fn title(state: &State) -> String {
    let log = &state.log;
    let name = match &log.target {
        None => return "log".to_owned(),
        Some(LogTarget::Container(name)) => name.clone(),
        Some(LogTarget::Pod(_, key)) => key.to_string(),
    };
    let mode = if log.follow {
        String::new()
    } else {
        format!("  {} lines above the end", log.up)
    };
    let dropped = if log.store.dropped() > 0 {
        format!("  {} older lines not kept", log.store.dropped())
    } else {
        String::new()
    };
    format!("log {name}{mode}{dropped}")
}

pub(super) fn view(state: &State, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let store = state.log.store.lines();
    let container = |line: &LogLine| {
        let source = store.source(line.source())?.source.as_ref()?;
        Some(&*source.container)
    };
    // Who wrote a line is said where more than one does.
    let recent: Vec<_> = state.log.upwards().take(200).collect();
    let mut names = recent
        .iter()
        .filter(|line| line.mark().is_none())
        .filter_map(container);
    let first = names.next();
    let sources = names.any(|name| Some(name) != first);
    // From the lowest line upwards, until the pane is full.
    let mut lines: Vec<Line<'_>> = Vec::new();
    for line in state.log.upwards() {
        if lines.len() >= height {
            break;
        }
        if line.mark().is_some() {
            lines.push(Line::styled(
                format!("-- {} --", line.text()),
                state.theme.style(Tone::Warning),
            ));
            continue;
        }
        let prefix = if sources {
            format!("{} ", container(&line).unwrap_or_default())
        } else {
            String::new()
        };
        let mut parts = if state.log.wrap {
            wrap(line.text(), width.saturating_sub(prefix.width()).max(1))
        } else {
            vec![line.text()]
        };
        let tone = match line.level() {
            Some(Level::Error | Level::Fatal) => Tone::Bad,
            Some(Level::Warn) => Tone::Warning,
            _ => Tone::Text,
        };
        while let Some(part) = parts.pop() {
            let source = if parts.is_empty() {
                prefix.clone()
            } else {
                " ".repeat(prefix.width())
            };
            lines.push(Line::from(vec![
                Span::styled(source, state.theme.style(Tone::Dim)),
                Span::styled(part.to_owned(), state.theme.style(tone)),
            ]));
        }
    }
    lines.truncate(height);
    lines.reverse();
    if lines.is_empty() && state.log.target.is_some() {
        lines.push(Line::styled("no lines yet", state.theme.style(Tone::Dim)));
    }
    for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
        frame.render_widget(
            line,
            Rect {
                y,
                height: 1,
                ..area
            },
        );
    }
    area
}

/// Cuts a text into pieces of at most this many cells.
fn wrap(text: &str, width: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (place, c) in text.char_indices() {
        let cells = c.width().unwrap_or(0);
        if used + cells > width && place > start {
            parts.push(&text[start..place]);
            (start, used) = (place, 0);
        }
        used += cells;
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_into_the_width_without_loss() {
        for width in 1..10 {
            let parts = wrap("ab漢字cd", width);
            assert_eq!(parts.concat(), "ab漢字cd");
            assert!(parts.iter().all(|part| part.width() <= width.max(2)));
        }
    }
}
