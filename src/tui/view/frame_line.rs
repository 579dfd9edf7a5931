//! The lines around the panes: what is true now at the top, what can be pressed at the bottom.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use crate::tui::{
    actions::{ActionId, relevant},
    format::{clock, seconds_until, shorten},
    state::{EngineState, Pane, State, pods::Live},
    theme::Tone,
};

/// The line on top: which world, which engine, what is selected, whether it is live.
pub(super) fn truth(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.theme;
    let glyphs = theme.glyphs;
    let mut left = vec![Span::styled(" coracle ", theme.style(Tone::Title))];
    if state.simulated {
        left.push(Span::styled(" SIMULATED ", theme.style(Tone::Selected)));
        left.push(Span::raw(" "));
    }
    left.push(engine(state));
    let mut right = Vec::new();
    let going = state.operations.running().count();
    if going > 0 {
        right.push(Span::styled(
            format!(" {} {going} going on ", glyphs.arrow),
            theme.style(Tone::Progress),
        ));
    }
    let forwards = state.forwards.on().count();
    if forwards > 0 {
        let word = if forwards == 1 { "forward" } else { "forwards" };
        right.push(Span::styled(
            format!(" {forwards} {word} on "),
            theme.style(Tone::Key),
        ));
    }
    if let Some(id) = state.selected() {
        let name = id.name();
        right.push(Span::styled(format!(" {name}"), theme.style(Tone::Title)));
        right.push(match state.selected_pods().map(|pods| &pods.live) {
            Some(Live::Now) => {
                Span::styled(format!(" {} live ", glyphs.on), theme.style(Tone::Good))
            }
            Some(Live::Stale { since, .. }) => {
                let age = clock(state.now.duration_since(*since));
                Span::styled(
                    format!(" {} stale {age} ", glyphs.half),
                    theme.style(Tone::Warning),
                )
            }
            Some(Live::Loading) => Span::styled(
                format!(" {} loading ", glyphs.half),
                theme.style(Tone::Progress),
            ),
            None => Span::raw(" "),
        });
    }
    let room = usize::from(area.width);
    let taken: usize = right.iter().map(|span| span.content.width()).sum();
    let mut used = 0;
    let mut spans = Vec::new();
    for span in left {
        let space = room.saturating_sub(used + taken);
        let text = shorten(&span.content, space, glyphs.ellipsis);
        used += text.width();
        spans.push(Span::styled(text, span.style));
    }
    spans.push(Span::raw(" ".repeat(room.saturating_sub(used + taken))));
    spans.extend(right);
    frame.render_widget(Line::from(spans), area);
}

/// Which engine answers, or why none does.
fn engine(state: &State) -> Span<'static> {
    let theme = &state.theme;
    let glyphs = theme.glyphs;
    match &state.engine {
        EngineState::Connecting => {
            Span::styled("looking for an engine", theme.style(Tone::Progress))
        }
        EngineState::Up(info) => Span::styled(
            format!(
                "{} {} {} {}",
                glyphs.on, info.product, info.version, info.endpoint
            ),
            theme.style(Tone::Dim),
        ),
        // One that never answered may not be there at all; who looks only at contexts need not be told every second.
        EngineState::Down {
            tried,
            before: None,
            ..
        } => {
            let why = tried
                .first()
                .map(|tried| tried.answer.clone())
                .unwrap_or_default();
            Span::styled(
                format!("{} no engine: {why}", glyphs.off),
                theme.style(Tone::Dim),
            )
        }
        EngineState::Down {
            since,
            retry_at,
            tried,
            ..
        } => {
            let seconds = seconds_until(state.now, *retry_at).max(0);
            let why = tried
                .first()
                .map(|tried| tried.answer.clone())
                .unwrap_or_default();
            let age = clock(state.now.duration_since(*since));
            Span::styled(
                format!(
                    "{} no engine for {age}: {why} (again in {seconds} s)",
                    glyphs.cross
                ),
                theme.style(Tone::Bad),
            )
        }
    }
}

/// The panes of a small screen, where only one is seen at a time.
pub(super) fn panes(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let mut spans = Vec::new();
    for which in Pane::ALL {
        let focused = which == state.focus;
        let tone = if focused { Tone::Focus } else { Tone::Dim };
        let title = super::title(state, which);
        let title = if focused {
            title
        } else {
            title.split(' ').next().unwrap_or_default().to_owned()
        };
        spans.push(Span::styled(format!(" {title} "), state.theme.style(tone)));
    }
    frame.render_widget(Line::from(spans), area);
}

/// The line at the bottom: what can be pressed here and now.
pub(super) fn hints(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.theme;
    let hint = |id: ActionId, word: &str| {
        let key = state.keymap.key_in(id, state.focus);
        (!key.is_empty() && !word.is_empty()).then(|| (key, word.to_owned()))
    };
    let always = [ActionId::Menu, ActionId::Help, ActionId::Quit];
    let fixed: Vec<(String, String)> = always
        .iter()
        .filter_map(|id| hint(*id, crate::tui::actions::get(*id)?.hint))
        .collect();
    let width_of = |(key, word): &(String, String)| key.width() + word.width() + 4;
    let mut room = usize::from(area.width).saturating_sub(fixed.iter().map(width_of).sum());
    let mut shown = Vec::new();
    for action in relevant(state)
        .filter(|action| !always.contains(&action.id) && action.enabled(state).is_ok())
    {
        if let Some(entry) = hint(action.id, action.hint) {
            let width = width_of(&entry);
            if width > room {
                break;
            }
            room -= width;
            shown.push(entry);
        }
    }
    let mut spans = Vec::new();
    for (key, word) in shown.into_iter().chain(fixed) {
        spans.push(Span::styled(format!(" {key}"), theme.style(Tone::Key)));
        spans.push(Span::raw(format!(" {word}  ")));
    }
    frame.render_widget(Line::from(spans), area);
}
