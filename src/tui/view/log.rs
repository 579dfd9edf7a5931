//! The log pane: the lines in the window, and below them what is being typed.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use super::log_line::Look;
use crate::{
    ops::logs::{Line as LogLine, Rule},
    tui::{
        state::{Pane, State, log::Older},
        theme::Tone,
    },
};

/// Who wrote a line has at most so many cells.
const SOURCE: usize = 28;

pub(super) fn title(state: &State) -> String {
    let log = &state.log;
    let name = match &log.target {
        None => return "log".to_owned(),
        Some(target) => target.to_string(),
    };
    let mut parts = vec![format!("log {name}")];
    if !log.rules().is_empty() {
        let rules: Vec<String> = log
            .rules()
            .iter()
            .map(|rule| rule_words(state, rule))
            .collect();
        let of = log.store.lines().len();
        parts.push(format!(
            "{}  {} of {of}",
            rules.join(" "),
            log.index.passing()
        ));
    }
    if let Some(search) = &log.search {
        parts.push(format!(
            "/{}/ {} hits",
            search.pattern.text(),
            search.hits.passing()
        ));
    }
    if log.older == Older::Asked {
        parts.push("reading older lines".to_owned());
    }
    if log.busy {
        parts.push("reading".to_owned());
    }
    let below = log.below();
    if !log.follow {
        parts.push(format!("{below} lines above the end"));
    }
    if log.store.dropped() > 0 {
        parts.push(format!("{} older lines not kept", log.store.dropped()));
    }
    parts.join("  ")
}

/// A rule as it stands in the title.
pub(super) fn rule_words(state: &State, rule: &Rule) -> String {
    match rule {
        Rule::Keep(pattern) => format!("+{}", pattern.text()),
        Rule::Hide(pattern) => format!("-{}", pattern.text()),
        Rule::AtLeast(level) => format!("{} and worse", level.name()),
        Rule::Mute(id) => {
            let known = state.log.store.lines().source(*id);
            let name = known.and_then(|known| known.source.as_ref());
            format!("not {}", name.map_or_else(String::new, ToString::to_string))
        }
        Rule::Field { path, value } => format!("{path}={value}"),
    }
}

pub(super) fn view(state: &State, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let log = &state.log;
    let prompt = u16::from(log.prompt.is_some() && area.height > 1);
    let lines_area = Rect {
        height: area.height - prompt,
        ..area
    };
    let height = usize::from(lines_area.height);
    let look = Look {
        state,
        width: usize::from(area.width),
        source: source_width(state, height),
    };
    let current = log.current().filter(|_| state.focus == Pane::Log);
    let draw = |line: &LogLine| {
        let rows = look.rows(line);
        if Some(line.number()) == current {
            let style = state.theme.style(Tone::Selected);
            return rows.into_iter().map(|row| row.style(style)).collect();
        }
        rows
    };
    // From the lowest line upwards, until the pane is full.
    let mut rows: Vec<Line<'_>> = Vec::new();
    let mut saw_current = current.is_none();
    for line in log.upwards() {
        if rows.len() >= height {
            break;
        }
        saw_current |= Some(line.number()) == current;
        rows.extend(draw(&line).into_iter().rev());
    }
    rows.truncate(height);
    rows.reverse();
    if !saw_current {
        // Lines that are wrapped have pushed the current one out: then the window begins with it.
        rows.clear();
        for line in log.downwards() {
            if rows.len() >= height {
                break;
            }
            rows.extend(draw(&line));
        }
        rows.truncate(height);
    }
    if rows.is_empty() && log.target.is_some() {
        let words = if log.rules().is_empty() {
            "no lines yet"
        } else {
            "no line passes the filter: backspace takes the last rule away"
        };
        rows.push(Line::styled(words, state.theme.style(Tone::Dim)));
    }
    for (line, y) in rows.into_iter().zip(lines_area.y..lines_area.bottom()) {
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        frame.render_widget(line, row);
    }
    if prompt > 0 {
        let row = Rect {
            y: lines_area.bottom(),
            height: 1,
            ..area
        };
        draw_prompt(state, frame, row);
    }
    lines_area
}

fn draw_prompt(state: &State, frame: &mut Frame<'_>, row: Rect) {
    let Some((prompt, field)) = &state.log.prompt else {
        return;
    };
    let label = format!("{}: ", prompt.label());
    let width = u16::try_from(label.width())
        .unwrap_or(u16::MAX)
        .min(row.width);
    frame.render_widget(Span::styled(label, state.theme.style(Tone::Key)), row);
    let rest = Rect {
        x: row.x + width,
        width: row.width - width,
        ..row
    };
    field.view(frame, rest, state.theme.style(Tone::Text), true);
}

/// How wide the names of those who wrote the lines are; none where there is only one of them.
fn source_width(state: &State, height: usize) -> Option<usize> {
    let log = &state.log;
    let mut several = false;
    let mut first = None;
    let mut width = 0;
    for line in log
        .upwards()
        .take(height.max(50))
        .filter(|line| line.mark().is_none())
    {
        let known = log.store.lines().source(line.source());
        if let Some(source) = known.and_then(|known| known.source.as_ref()) {
            width = width.max(source.to_string().width());
        }
        several |= first.is_some_and(|first| first != line.source());
        first = Some(line.source());
    }
    several.then_some(width.min(SOURCE))
}
