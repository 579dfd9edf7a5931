//! A plan before it is carried out: what will be made, changed, waited for and lost. One that takes away what it does
//! not bring back asks for a yes.

use ratatui::{Frame, layout::Rect, text::Line, widgets::Paragraph};

use super::{frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    plan::Plan,
    tui::theme::{Theme, Tone},
};

/// The state of the preview.
#[derive(Debug, Clone)]
pub struct PlanPreview {
    plan: Plan,
    scroll: usize,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left; nothing happens.
    Close,
    /// The plan is to be carried out.
    Apply,
}

impl PlanPreview {
    /// A preview of a plan.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, scroll: 0 }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether something goes for good, so that a person has to agree to it.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.plan.destroys()
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        let last = self.plan.steps.len().saturating_sub(1);
        match chord.key {
            Key::Enter if self.plan.steps.is_empty() => return Outcome::Close,
            Key::Enter if !self.asks() => return Outcome::Apply,
            // Where something goes for good, the key that goes on from page to page is no answer.
            Key::Char('y') if self.asks() => return Outcome::Apply,
            Key::Esc | Key::Char('q') => return Outcome::Close,
            Key::Down | Key::Char('j') => self.scroll = (self.scroll + 1).min(last),
            Key::Up | Key::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            Key::PageDown => self.scroll = (self.scroll + 10).min(last),
            Key::PageUp => self.scroll = self.scroll.saturating_sub(10),
            Key::Home | Key::Char('g') => self.scroll = 0,
            _ => {}
        }
        Outcome::Stay
    }

    /// Draws the preview.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let text = self.plan.to_text();
        let steps: Vec<&str> = text.lines().skip(1 + self.plan.warnings.len()).collect();
        let risk = self.plan.risk();
        let notes = self.plan.warnings.len() + usize::from(!risk.is_empty()) + 2;
        let wanted = u16::try_from(steps.len() + notes + 3).unwrap_or(u16::MAX);
        let title = format!("plan: {}", self.plan.title);
        let inner = frame_of(frame, area, (120, wanted), &title, theme);
        let rows = usize::from(inner.height).saturating_sub(notes);
        let top = self.scroll.min(steps.len().saturating_sub(rows.max(1)));
        let mut lines: Vec<Line<'_>> = steps
            .iter()
            .skip(top)
            .take(rows)
            .map(|step| step_line(step, theme))
            .collect();
        for warning in &self.plan.warnings {
            lines.push(Line::styled(
                format!(" {warning}"),
                theme.style(Tone::Warning),
            ));
        }
        if !risk.is_empty() {
            lines.push(Line::styled(
                format!(" lost for good: {}", risk.join(", ")),
                theme.style(Tone::Bad),
            ));
        }
        let hidden = steps.len().saturating_sub(top + rows);
        let more = if hidden > 0 {
            format!(", {hidden} more steps below")
        } else {
            String::new()
        };
        let usual = self.plan.usual().as_secs().max(1);
        let words = if steps.is_empty() {
            " nothing to do: it is so already".to_owned()
        } else {
            format!(" usually {usual} s when the images are here{more}")
        };
        lines.push(Line::styled(words, theme.style(Tone::Dim)));
        lines.push(key_line(
            &[
                if self.asks() {
                    ("y", "yes, apply")
                } else {
                    ("enter", "apply")
                },
                ("j/k", "scroll"),
                ("esc", "leave, nothing happens"),
            ],
            theme,
        ));
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

/// A step in the colour of its sign: `+` makes, `-` takes away, `~` changes, `.` waits.
fn step_line<'a>(step: &'a str, theme: &Theme) -> Line<'a> {
    let sign = step
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .trim_start()
        .chars()
        .next();
    let tone = match sign {
        Some('+') => Tone::Good,
        Some('-') => Tone::Bad,
        Some('~') => Tone::Progress,
        _ => Tone::Dim,
    };
    Line::styled(step, theme.style(tone))
}
