//! The list of port-forwards.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use crate::{
    domain::ForwardState,
    tui::{
        dialogs::{forwards::Forwards, frame_of, key_line},
        format::{bytes, fit},
        state::{State, forwards::Entry},
        theme::Tone,
    },
};

/// The seconds of traffic that are drawn.
const BARS: usize = 10;

pub(super) fn view(state: &State, list: Forwards, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.theme;
    let all = &state.forwards.all;
    let height = u16::try_from(all.len() + 4).unwrap_or(u16::MAX).max(8);
    let inner = frame_of(frame, area, (120, height), "port-forwards", theme);
    let keys = key_line(
        &[
            ("space", "on/off"),
            ("y", "copy"),
            ("o", "open"),
            ("enter", "last error"),
            ("ctrl-d", "remove"),
            ("esc", "leave"),
        ],
        theme,
    );
    let room = usize::from(inner.height.saturating_sub(1));
    let mut lines: Vec<Line<'_>> = Vec::new();
    if all.is_empty() {
        let key = state.keymap.key(crate::tui::actions::ActionId::Forward);
        let text = format!(" none yet: press {key} on a pod");
        lines.push(Line::styled(text, theme.style(Tone::Dim)));
    }
    let index = list.index.min(all.len().saturating_sub(1));
    let top = (index + 1).saturating_sub(room.max(1));
    for (place, entry) in all.iter().enumerate().skip(top).take(room) {
        let line = line(state, entry, usize::from(inner.width));
        lines.push(if place == index {
            line.style(theme.style(Tone::Selected))
        } else {
            line
        });
    }
    lines.resize(room, Line::default());
    lines.push(keys);
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line<'a>(state: &State, entry: &Entry, width: usize) -> Line<'a> {
    let theme = &state.theme;
    let glyphs = theme.glyphs;
    let (glyph, tone, words) = told(state, entry);
    let cluster = entry.cluster.name();
    let target = &entry.forward.target;
    let what = format!("{cluster}  {}/{target}", target.namespace());
    let addresses = entry.status.as_ref().map_or_else(
        || {
            let ports = entry.forward.ports.iter().map(ToString::to_string);
            ports.collect::<Vec<_>>().join(" ")
        },
        |status| {
            let pairs = status.addresses.iter();
            pairs
                .map(|(address, remote)| format!("{}→{remote}", address.port()))
                .collect::<Vec<_>>()
                .join(" ")
        },
    );
    let addresses = if theme.ascii {
        addresses.replace('→', ">")
    } else {
        addresses
    };
    let traffic = entry.status.as_ref().map_or_else(String::new, |status| {
        format!(
            "{} in {} out {}",
            bars(state, &entry.minute),
            bytes(status.received),
            bytes(status.sent)
        )
    });
    let first = width.saturating_sub(30).min(44);
    let second = 16.min(width.saturating_sub(first));
    let rest = width.saturating_sub(first + second + 4);
    Line::from(vec![
        Span::styled(format!(" {glyph} "), theme.style(tone)),
        Span::raw(padded(&what, first, glyphs.ellipsis)),
        Span::styled(
            padded(&addresses, second, glyphs.ellipsis),
            theme.style(Tone::Key),
        ),
        Span::styled(
            fit(&format!("{words} {traffic}"), rest, glyphs.ellipsis),
            theme.style(tone),
        ),
    ])
}

fn padded(text: &str, width: usize, ellipsis: &str) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let text = fit(text, width.saturating_sub(1), ellipsis);
    let space = width.saturating_sub(text.width());
    text + &" ".repeat(space)
}

/// The state of one in a glyph, a tone and words.
fn told(state: &State, entry: &Entry) -> (&'static str, Tone, String) {
    let glyphs = state.theme.glyphs;
    if let Some(problem) = &entry.problem {
        let hint = if problem.hint.is_empty() {
            String::new()
        } else {
            format!("; {}", problem.hint)
        };
        return (glyphs.cross, Tone::Bad, format!("{}{hint}", problem.why));
    }
    if !entry.on {
        return (glyphs.off, Tone::Dim, "off".to_owned());
    }
    match entry.status.as_ref().map(|status| &status.state) {
        None if !state.clusters.list.contains(&entry.cluster) => {
            (glyphs.off, Tone::Dim, "its cluster is not there".to_owned())
        }
        None => (glyphs.half, Tone::Progress, "opening".to_owned()),
        Some(ForwardState::Listening) => (glyphs.on, Tone::Good, "listening".to_owned()),
        Some(ForwardState::Active(open)) => (glyphs.on, Tone::Good, format!("{open} open")),
        Some(ForwardState::Waiting(problem)) => {
            (glyphs.half, Tone::Warning, format!("waiting: {problem}"))
        }
        Some(ForwardState::Failed(problem)) => (glyphs.cross, Tone::Bad, problem.to_string()),
    }
}

fn bars(state: &State, minute: &[u64]) -> String {
    let last = &minute[minute.len().saturating_sub(BARS)..];
    let most = last.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let bars = state.theme.glyphs.bars;
    let steps = bars.len() as u64 - 1;
    last.iter()
        .map(|bytes| {
            let step = (u128::from(*bytes) * u128::from(steps)).div_ceil(u128::from(most));
            bars[usize::try_from(step).unwrap_or(0).min(bars.len() - 1)]
        })
        .collect()
}
