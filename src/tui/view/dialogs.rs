//! Dialogs on the screen. Those with a state of their own draw themselves; lists are drawn here.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};
use tui_logger::TuiLoggerWidget;

use super::{forwards, listing, progress};
use crate::tui::{
    actions::ActionId,
    dialogs::{
        Dialog, bordered, frame_of, key_line,
        lists::{self, Picker},
    },
    format::{clock, seconds_until},
    state::{
        EngineState, State,
        operations::{Ending, Operation},
    },
    theme::Tone,
};

pub(super) fn view(state: &State, dialog: &Dialog, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.theme;
    match dialog {
        Dialog::Listing(list) => listing::view(state, list, frame, area),
        Dialog::Form(form) => form.view(frame, area, theme),
        Dialog::Scale(question) => question.view(frame, area, theme),
        Dialog::Planning(_, wish) => {
            let inner = frame_of(frame, area, (60, 4), &wish.about().to_string(), theme);
            let lines = vec![
                Line::styled(
                    " looking at the engine and making the plan",
                    theme.style(Tone::Progress),
                ),
                key_line(&[("esc", "leave")], theme),
            ];
            frame.render_widget(Paragraph::new(lines), inner);
        }
        Dialog::Preview(_, _, preview) => preview.view(frame, area, theme),
        Dialog::ConfirmDelete(_, _, question) => question.view(frame, area, theme),
        Dialog::Progress(id, scroll) => progress::view(state, *id, *scroll, frame, area),
        Dialog::Operations(picker) => operations(state, picker, frame, area),
        Dialog::Menu(picker) => menu(state, picker, frame, area),
        Dialog::Palette(picker) => palette(state, picker, frame, area),
        Dialog::Help(picker) => help(state, picker, frame, area),
        Dialog::NewForward(form) => form.view(frame, area, theme),
        Dialog::Forwards(list) => forwards::view(state, *list, frame, area),
        Dialog::LogChoice(choice) => choice.view(frame, area, theme),
        Dialog::Fields(line) => line.view(frame, area, theme),
        Dialog::Text(title, text) => {
            let height = u16::try_from(text.lines().count() + 3).unwrap_or(u16::MAX);
            let inner = frame_of(frame, area, (110, height), title, theme);
            let room = usize::from(inner.height.saturating_sub(1));
            let mut lines: Vec<Line<'_>> = text.lines().take(room).map(Line::raw).collect();
            lines.push(key_line(&[("esc", "leave")], theme));
            frame.render_widget(Paragraph::new(lines), inner);
        }
        Dialog::AppLog => app_log(state, frame, area),
        Dialog::Problem(problem) => {
            let inner = frame_of(frame, area, (90, 12), "it did not work", theme);
            let mut lines = vec![Line::styled(
                format!(" {}", problem.what),
                theme.style(Tone::Bad),
            )];
            lines.extend(
                problem
                    .why
                    .lines()
                    .map(|line| Line::raw(format!(" {line}"))),
            );
            if !problem.hint.is_empty() {
                lines.push(Line::styled(
                    format!(" {}", problem.hint),
                    theme.style(Tone::Warning),
                ));
            }
            lines.push(key_line(&[("esc", "leave")], theme));
            frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
        }
        Dialog::Quit => {
            let height = if area.width < 76 { 8 } else { 6 };
            let inner = frame_of(frame, area, (76, height), "quit?", theme);
            let lines = vec![
                Line::styled(
                    " An operation goes on. Ending the program now leaves it half done;",
                    theme.style(Tone::Warning),
                ),
                Line::raw(" the next start offers to finish it or to remove what it made."),
                Line::default(),
                key_line(
                    &[
                        ("esc", "stay"),
                        ("c", "cancel it and undo"),
                        ("q", "quit all the same"),
                    ],
                    theme,
                ),
            ];
            frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
        }
    }
}

/// A list with a field above it. `rows` are the lines of the entries.
fn list(
    state: &State,
    picker: &Picker,
    title: &str,
    rows: Vec<Line<'_>>,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let height = u16::try_from(rows.len() + 4).unwrap_or(u16::MAX).max(8);
    let inner = frame_of(frame, area, (92, height), title, &state.theme);
    if inner.height < 2 {
        return;
    }
    frame.render_widget(
        Span::styled(" > ", state.theme.style(Tone::Key)),
        Rect { height: 1, ..inner },
    );
    let field = Rect {
        x: inner.x + 3.min(inner.width),
        width: inner.width.saturating_sub(3),
        height: 1,
        ..inner
    };
    picker
        .field
        .view(frame, field, state.theme.style(Tone::Text), true);
    let room = usize::from(inner.height) - 1;
    let index = picker.index.min(rows.len().saturating_sub(1));
    let top = (index + 1).saturating_sub(room);
    for (place, line) in rows.into_iter().enumerate().skip(top).take(room) {
        let y = inner.y + 1 + u16::try_from(place - top).unwrap_or(0);
        let style = if place == index {
            state.theme.style(Tone::Selected)
        } else {
            ratatui::style::Style::new()
        };
        frame.render_widget(
            line.style(style),
            Rect {
                y,
                height: 1,
                ..inner
            },
        );
    }
}

fn entry<'a>(state: &State, key: &str, name: &str, doc: &str, tone: Tone) -> Line<'a> {
    Line::from(vec![
        Span::styled(format!(" {key:>11} "), state.theme.style(Tone::Key)),
        Span::styled(format!(" {name:<16}"), state.theme.style(tone)),
        Span::styled(format!(" {doc}"), state.theme.style(Tone::Dim)),
    ])
}

fn menu(state: &State, picker: &Picker, frame: &mut Frame<'_>, area: Rect) {
    let rows = lists::menu(state, picker.field.text())
        .into_iter()
        .map(|(action, enabled)| match enabled {
            Ok(()) => entry(
                state,
                &state.keymap.key(action.id),
                action.name,
                action.doc,
                Tone::Text,
            ),
            Err(why) => entry(
                state,
                &state.keymap.key(action.id),
                action.name,
                &format!("not now: {why}"),
                Tone::Dim,
            ),
        })
        .collect();
    list(state, picker, "actions", rows, frame, area);
}

fn palette(state: &State, picker: &Picker, frame: &mut Frame<'_>, area: Rect) {
    let rows = lists::palette(state, picker.field.text())
        .into_iter()
        .map(|(what, name, doc)| {
            let key = match what {
                lists::Entry::Act(id) => state.keymap.key(id),
                lists::Entry::Go(_) => String::new(),
            };
            entry(state, &key, &name, &doc, Tone::Text)
        })
        .collect();
    list(state, picker, "command", rows, frame, area);
}

fn help(state: &State, picker: &Picker, frame: &mut Frame<'_>, area: Rect) {
    let rows = lists::help(picker.field.text())
        .into_iter()
        .map(|action| {
            entry(
                state,
                &state.keymap.keys(action.id),
                action.name,
                action.doc,
                Tone::Text,
            )
        })
        .collect();
    list(
        state,
        picker,
        "keys: type to search, enter uses one",
        rows,
        frame,
        area,
    );
}

fn operations(state: &State, picker: &Picker, frame: &mut Frame<'_>, area: Rect) {
    let line = |operation: &Operation| {
        let glyphs = state.theme.glyphs;
        let (glyph, tone, end) = match &operation.ended {
            None => (glyphs.arrow, Tone::Progress, state.now),
            Some((at, Ending::Well(_))) => (glyphs.check, Tone::Good, *at),
            Some((at, Ending::Badly(_))) => (glyphs.cross, Tone::Bad, *at),
        };
        let time = clock(end.duration_since(operation.started));
        Line::from(vec![
            Span::styled(
                format!(" {glyph} {}", operation.plan.title),
                state.theme.style(tone),
            ),
            Span::styled(
                format!(
                    "  {}/{} steps  {time}",
                    operation.done(),
                    operation.steps.len()
                ),
                state.theme.style(Tone::Dim),
            ),
        ])
    };
    let mut rows: Vec<Line<'_>> = state.operations.all.iter().rev().map(line).collect();
    if rows.is_empty() {
        rows.push(Line::styled(
            " nothing was done in this session",
            state.theme.style(Tone::Dim),
        ));
    }
    list(
        state,
        picker,
        "operations: enter shows one",
        rows,
        frame,
        area,
    );
}

fn app_log(state: &State, frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(ratatui::widgets::Clear, area);
    let theme = &state.theme;
    let widget = TuiLoggerWidget::default()
        .block(bordered("log of coracle (esc leaves)", true, theme))
        .style_error(theme.style(Tone::Bad))
        .style_warn(theme.style(Tone::Warning))
        .style_info(theme.style(Tone::Text))
        .style_debug(theme.style(Tone::Dim))
        .style_trace(theme.style(Tone::Dim))
        .output_file(false)
        .output_line(false);
    frame.render_widget(widget, area);
}

/// What is seen where there is neither an engine nor a context: what was tried, and what can be done.
pub(super) fn welcome(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.theme;
    let inner = frame_of(frame, area, (100, area.height), "coracle", theme);
    let mut lines = vec![
        Line::default(),
        Line::styled(" No container engine answers.", theme.style(Tone::Title)),
        Line::raw(
            " Clusters run in containers, so Docker or something that speaks its API has to run here.",
        ),
        Line::default(),
    ];
    if let EngineState::Down {
        tried, retry_at, ..
    } = &state.engine
    {
        lines.push(Line::styled(" Tried:", theme.style(Tone::Dim)));
        for one in tried {
            lines.push(Line::from(vec![
                Span::styled(
                    format!("   {} {}", theme.glyphs.cross, one.endpoint),
                    theme.style(Tone::Text),
                ),
                Span::styled(format!("  ({})  ", one.source), theme.style(Tone::Dim)),
                Span::styled(one.answer.clone(), theme.style(Tone::Warning)),
            ]));
        }
        let seconds = seconds_until(state.now, *retry_at).max(0);
        lines.push(Line::styled(
            format!("   tried again in {seconds} s"),
            theme.style(Tone::Dim),
        ));
    }
    let quit = state.keymap.key(ActionId::Quit);
    let keys = key_line(
        &[
            ("r", "try again now"),
            ("s", "a simulated world"),
            (&quit, "quit"),
        ],
        theme,
    );
    let [above, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(inner);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), above);
    frame.render_widget(keys, below);
}
