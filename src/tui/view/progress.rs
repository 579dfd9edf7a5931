//! An operation while it goes on: its steps, what is waited for, how it ended.

use jiff::SignedDuration;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use unicode_width::UnicodeWidthStr;

use crate::{
    plan::{Outcome, Progress},
    tui::{
        dialogs::{frame_of, key_line},
        format::{bytes, clock, fit},
        state::{
            State,
            operations::{Ending, Operation, StepState},
        },
        theme::Tone,
    },
};

/// A page of steps is as wide at most.
const WIDTH: u16 = 120;

pub(super) fn view(state: &State, id: u64, scroll: usize, frame: &mut Frame<'_>, area: Rect) {
    let Some(operation) = state
        .operations
        .all
        .iter()
        .find(|operation| operation.id == id)
    else {
        return;
    };
    let theme = &state.theme;
    let end = operation.ended.as_ref().map_or(state.now, |(at, _)| *at);
    let time = clock(end.duration_since(operation.started));
    let title = format!(
        "{}  {}/{}  {time}",
        operation.plan.title,
        operation.done(),
        operation.steps.len()
    );
    let tail = ending(state, operation);
    let width = area.width.min(WIDTH).saturating_sub(2).max(1);
    // Words are not cut, so that a wrapped line may need a little more than its letters.
    let wrapped = |line: &Line<'_>| line.width() * 11 / 10 / usize::from(width) + 1;
    let below = tail.iter().map(wrapped).sum::<usize>();
    let wanted = u16::try_from(operation.steps.len() + below + 3).unwrap_or(u16::MAX);
    let inner = frame_of(frame, area, (WIDTH, wanted.max(8)), &title, theme);
    let [above, below, keys] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Max(u16::try_from(below).unwrap_or(u16::MAX)),
        Constraint::Length(1),
    ])
    .areas(inner);
    let room = usize::from(above.height).max(1);
    // What goes on is in view without scrolling.
    let current = operation
        .steps
        .iter()
        .position(|step| matches!(step, StepState::Running { .. } | StepState::Failed(_)));
    let most = operation.steps.len().saturating_sub(room);
    let top = current
        .map_or(most, |current| current.saturating_sub(room / 3))
        .min(most);
    let top = (top + scroll).min(most);
    let lines: Vec<Line<'_>> = operation
        .plan
        .steps
        .iter()
        .zip(&operation.steps)
        .skip(top)
        .take(room)
        .map(|(planned, step)| line(state, &planned.step.describe(), step, inner.width))
        .collect();
    let stop = if operation.plan.undoable {
        "cancel and undo"
    } else {
        "stop, the rest stays"
    };
    let running = operation.ended.is_none();
    let key_line = match (running, operation.cancelled) {
        (true, false) => key_line(
            &[
                ("esc", "hide, it goes on"),
                ("ctrl-c", stop),
                ("j/k", "scroll"),
            ],
            theme,
        ),
        (true, true) => key_line(
            &[("esc", "hide"), ("ctrl-c", "stop undoing, leave the rest")],
            theme,
        ),
        _ => key_line(&[("esc", "leave"), ("j/k", "scroll")], theme),
    };
    frame.render_widget(Paragraph::new(lines), above);
    frame.render_widget(Paragraph::new(tail).wrap(Wrap { trim: false }), below);
    frame.render_widget(key_line, keys);
}

fn line<'a>(state: &State, what: &str, step: &StepState, width: u16) -> Line<'a> {
    let theme = &state.theme;
    let glyphs = theme.glyphs;
    let (glyph, tone, note) = match step {
        StepState::Waiting => (glyphs.dot, Tone::Dim, String::new()),
        StepState::Running { since, progress } => (
            glyphs.arrow,
            Tone::Progress,
            format!(
                "{}{}",
                clock(state.now.duration_since(*since)),
                told(progress)
            ),
        ),
        StepState::Done(Outcome::Done(took)) => {
            let seconds = SignedDuration::try_from(*took).map_or(0.0, |took| took.as_secs_f64());
            (glyphs.check, Tone::Good, format!("{seconds:.1}s"))
        }
        StepState::Done(Outcome::AlreadySo) => (glyphs.check, Tone::Dim, "already so".to_owned()),
        StepState::Failed(problem) => (
            glyphs.cross,
            Tone::Bad,
            problem.why.lines().next().unwrap_or_default().to_owned(),
        ),
        StepState::Undone => (glyphs.off, Tone::Warning, "taken back".to_owned()),
        StepState::Stuck(problem) => (
            glyphs.cross,
            Tone::Bad,
            format!("not taken back: {}", problem.why),
        ),
    };
    // One step is one line, whatever it is called and whatever the log says that is waited for.
    let head = fit(
        &format!(" {glyph} {what}"),
        usize::from(width),
        glyphs.ellipsis,
    );
    let room = usize::from(width).saturating_sub(head.width() + 3);
    let note = fit(&note, room, glyphs.ellipsis);
    Line::from(vec![
        Span::styled(head, theme.style(tone)),
        Span::styled(format!("  {note}"), theme.style(Tone::Dim)),
    ])
}

fn told(progress: &Progress) -> String {
    let mut text = String::new();
    if let Some(percent) = progress.done.saturating_mul(100).checked_div(progress.of) {
        text = if progress.bytes {
            format!(
                "  {} of {} ({percent} %)",
                bytes(progress.done),
                bytes(progress.of)
            )
        } else {
            format!("  {} of {}", progress.done, progress.of)
        };
    }
    if !progress.message.is_empty() {
        text.push_str("  ");
        text.push_str(gist(&progress.message));
    }
    text
}

/// What a line of a log says, without the time and level before it: `msg="..."` of logfmt, what follows the bracket of
/// klog.
fn gist(line: &str) -> &str {
    if let Some((_, rest)) = line.split_once("msg=\"") {
        return rest.split('"').next().unwrap_or(rest);
    }
    match line.split_once("] ") {
        Some((head, rest)) if head.len() > 20 && head.starts_with(['I', 'W', 'E']) => rest,
        _ => line,
    }
}

/// How it ended, with what is left and the end of the log of what failed.
fn ending<'a>(state: &State, operation: &Operation) -> Vec<Line<'a>> {
    let theme = &state.theme;
    let Some((_, Ending::Badly(failure))) = &operation.ended else {
        let undoing = operation.cancelled && operation.ended.is_none();
        return if undoing {
            vec![Line::styled(
                " taking back what was done",
                theme.style(Tone::Warning),
            )]
        } else {
            Vec::new()
        };
    };
    let mut lines = vec![Line::styled(
        format!(" {}", failure.problem.what),
        theme.style(Tone::Bad),
    )];
    let why: Vec<&str> = failure.problem.why.lines().collect();
    lines.extend(
        why.iter()
            .skip(why.len().saturating_sub(12))
            .map(|line| Line::raw(format!("   {line}"))),
    );
    if !failure.problem.hint.is_empty() {
        lines.push(Line::styled(
            format!(" {}", failure.problem.hint),
            theme.style(Tone::Warning),
        ));
    }
    let rest = match (failure.undone, failure.left.is_empty()) {
        (true, _) => " everything was taken back".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!(" left: {}", failure.left.join(", ")),
    };
    if !rest.is_empty() {
        lines.push(Line::styled(rest, theme.style(Tone::Warning)));
    }
    lines
}
