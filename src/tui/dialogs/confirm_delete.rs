//! The question before a cluster is deleted: it names what is lost, and only the cluster's name is a yes.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{field::Field, frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    domain::ClusterName,
    plan::Plan,
    tui::theme::{Theme, Tone},
};

/// The state of the question.
#[derive(Debug, Clone)]
pub struct ConfirmDelete {
    cluster: ClusterName,
    plan: Plan,
    typed: Field,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// No.
    Close,
    /// Yes.
    Confirmed,
}

impl ConfirmDelete {
    /// The question for a cluster and the plan that deletes it.
    #[must_use]
    pub fn new(cluster: ClusterName, plan: Plan) -> Self {
        Self {
            cluster,
            plan,
            typed: Field::default(),
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes a key. Enter means nothing until the name is there.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        match chord.key {
            Key::Esc => Outcome::Close,
            Key::Enter if self.typed.text() == self.cluster.as_str() => Outcome::Confirmed,
            _ => {
                self.typed.press(chord);
                Outcome::Stay
            }
        }
    }

    /// Takes a pasted text.
    pub fn paste(&mut self, text: &str) {
        self.typed.paste(text);
    }

    /// Draws the question.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let losses = self.plan.risk();
        let height = u16::try_from(losses.len() + 7).unwrap_or(u16::MAX);
        let inner = frame_of(
            frame,
            area,
            (80, height),
            &format!("delete cluster \"{}\"", self.cluster),
            theme,
        );
        let room = usize::from(inner.height).saturating_sub(5).max(1);
        let mut lines = vec![Line::styled(" Lost for good:", theme.style(Tone::Bad))];
        lines.extend(
            losses
                .iter()
                .take(room)
                .map(|loss| Line::raw(format!("   {loss}"))),
        );
        if losses.len() > room {
            lines.push(Line::styled(
                format!("   and {} more", losses.len() - room),
                theme.style(Tone::Dim),
            ));
        }
        let done = self.typed.text() == self.cluster.as_str();
        let tone = if done { Tone::Bad } else { Tone::Text };
        let prompt = format!(" Type {} to delete it: ", self.cluster);
        let row = inner.y + u16::try_from(lines.len() + 1).unwrap_or(0);
        lines.push(Line::default());
        lines.push(Line::from(Span::raw(prompt.clone())));
        let keys: &[_] = if done {
            &[("enter", "delete"), ("esc", "keep it")]
        } else {
            &[("esc", "keep it")]
        };
        lines.push(key_line(keys, theme));
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
        let offset = u16::try_from(prompt.len()).unwrap_or(0).min(inner.width);
        if row < inner.bottom() {
            let place = Rect {
                x: inner.x + offset,
                y: row,
                width: inner.width - offset,
                height: 1,
            };
            self.typed.view(frame, place, theme.style(tone), true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_is_a_yes() {
        let cluster = ClusterName::parse("dev").unwrap();
        let mut question = ConfirmDelete::new(cluster.clone(), Plan::new("delete", cluster));
        let mut press = |key: &str| question.press(key.parse().unwrap());
        assert_eq!(press("enter"), Outcome::Stay);
        for key in ["d", "e", "enter"] {
            assert_eq!(press(key), Outcome::Stay);
        }
        press("v");
        assert_eq!(press("enter"), Outcome::Confirmed);
        assert_eq!(press("esc"), Outcome::Close);
    }
}
