//! The log pane.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{
    domain::log::LogItem,
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
    // Who wrote a line is said where more than one does.
    let mut names = state.log.upwards().take(200).filter_map(container);
    let first = names.next();
    let sources = names.any(|name| Some(name) != first);
    // From the lowest line upwards, until the pane is full.
    let mut lines: Vec<Line<'_>> = Vec::new();
    for item in state.log.upwards() {
        if lines.len() >= height {
            break;
        }
        match item {
            LogItem::Line(line) => {
                let prefix = if sources {
                    format!("{} ", container(item).unwrap_or_default())
                } else {
                    String::new()
                };
                let mut parts = if state.log.wrap {
                    wrap(&line.text, width.saturating_sub(prefix.width()).max(1))
                } else {
                    vec![&*line.text]
                };
                let tone = level(&line.text);
                while let Some(part) = parts.pop() {
                    let source = if parts.is_empty() {
                        prefix.clone()
                    } else {
                        " ".repeat(prefix.width())
                    };
                    lines.push(Line::from(vec![
                        Span::styled(source, state.theme.style(Tone::Dim)),
                        Span::styled(part, state.theme.style(tone)),
                    ]));
                }
            }
            LogItem::Mark(mark) => lines.push(Line::styled(
                format!("-- {mark} --"),
                state.theme.style(Tone::Warning),
            )),
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

/// The container that wrote a line.
fn container(item: &LogItem) -> Option<&str> {
    match item {
        LogItem::Line(line) => line.source.as_ref().map(|source| &*source.container),
        LogItem::Mark(_) => None,
    }
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

/// How serious a line calls itself, in the usual spellings: logfmt, JSON, klog.
fn level(text: &str) -> Tone {
    let start: String = text.chars().take(160).collect();
    let has = |words: &[&str]| words.iter().any(|word| start.contains(word));
    let klog = |letter: u8| {
        text.len() > 5
            && text.as_bytes()[0] == letter
            && text.as_bytes()[1..5].iter().all(u8::is_ascii_digit)
    };
    if klog(b'E')
        || klog(b'F')
        || has(&[
            "level=error",
            "level=fatal",
            "\"level\":\"error\"",
            "[ERROR]",
            " ERROR ",
            "[emerg]",
            "panic:",
        ])
    {
        Tone::Bad
    } else if klog(b'W') || has(&["level=warn", "\"level\":\"warn", "[WARN", " WARN "]) {
        Tone::Warning
    } else {
        Tone::Text
    }
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

    #[test]
    fn levels_are_read_in_the_usual_spellings() {
        assert_eq!(level("time=x level=error msg=y"), Tone::Bad);
        assert_eq!(level("W1121 03:00:00.0 something"), Tone::Warning);
        assert_eq!(level("Everything fine"), Tone::Text);
    }
}
