//! One line of a log in full, and its fields where it has some: each can become a filter, or be copied.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    ops::logs::{Rule, fields::Field},
    tui::theme::{Theme, Tone},
};

/// The state of the dialog.
#[derive(Debug, Clone)]
pub struct Fields {
    line: String,
    found: Vec<Field>,
    index: usize,
}

/// What a key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// Only lines with the selected field's value are to be shown.
    Filter(Rule),
    /// This text is to be copied.
    Copy(String),
}

impl Fields {
    /// The dialog for a line.
    #[must_use]
    pub const fn new(line: String, found: Vec<Field>) -> Self {
        Self {
            line,
            found,
            index: 0,
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        let last = self.found.len().saturating_sub(1);
        match chord.key {
            Key::Esc | Key::Char('q') => return Outcome::Close,
            Key::Down | Key::Char('j') => self.index = (self.index + 1).min(last),
            Key::Up | Key::Char('k') => self.index = self.index.saturating_sub(1),
            Key::Enter => {
                return self.found.get(self.index).map_or(Outcome::Close, |field| {
                    Outcome::Filter(Rule::Field {
                        path: field.path.clone(),
                        value: field.value.clone(),
                    })
                });
            }
            Key::Char('y' | 'c') => {
                let field = self.found.get(self.index);
                let text = field.map_or(&self.line, |field| &field.value);
                return Outcome::Copy(text.clone());
            }
            _ => {}
        }
        Outcome::Stay
    }

    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let fields = u16::try_from(self.found.len()).unwrap_or(u16::MAX);
        let height = fields.saturating_add(10).min(area.height);
        let inner = frame_of(frame, area, (110, height), "line", theme);
        if inner.height < 3 {
            return;
        }
        let top = if self.found.is_empty() {
            inner.height - 1
        } else {
            (inner.height / 3).min(6)
        };
        let text = Paragraph::new(self.line.as_str()).wrap(Wrap { trim: false });
        frame.render_widget(
            text,
            Rect {
                height: top,
                ..inner
            },
        );
        let room = inner.height - top - 1;
        let first = (self.index + 1).saturating_sub(usize::from(room).max(1));
        let width = self
            .found
            .iter()
            .map(|field| field.path.len())
            .max()
            .unwrap_or(0)
            .min(30);
        let shown = self.found.iter().enumerate().skip(first);
        for ((place, field), y) in shown.zip(inner.y + top..inner.y + top + room) {
            let line = Line::from(vec![
                Span::styled(format!(" {:<width$} ", field.path), theme.style(Tone::Key)),
                Span::raw(field.value.as_str()),
            ]);
            let line = if place == self.index {
                line.style(theme.style(Tone::Selected))
            } else {
                line
            };
            frame.render_widget(
                line,
                Rect {
                    y,
                    height: 1,
                    ..inner
                },
            );
        }
        let keys: &[(&str, &str)] = if self.found.is_empty() {
            &[("y", "copy the line"), ("esc", "leave")]
        } else {
            &[
                ("enter", "only lines with this"),
                ("y", "copy the value"),
                ("esc", "leave"),
            ]
        };
        let y = inner.bottom() - 1;
        frame.render_widget(
            key_line(keys, theme),
            Rect {
                y,
                height: 1,
                ..inner
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_becomes_a_filter_and_a_plain_line_is_copied() {
        let field = |path: &str, value: &str| Field {
            path: path.to_owned(),
            value: value.to_owned(),
        };
        let mut dialog = Fields::new(
            String::new(),
            vec![field("level", "info"), field("code", "503")],
        );
        let mut press = |key: &str| dialog.press(key.parse().unwrap());
        press("j");
        press("j");
        let Outcome::Filter(Rule::Field { path, value }) = press("enter") else {
            panic!("a rule");
        };
        assert_eq!((&*path, &*value), ("code", "503"));
        assert_eq!(press("y"), Outcome::Copy("503".to_owned()));
        let mut plain = Fields::new("text".to_owned(), Vec::new());
        assert_eq!(
            plain.press("y".parse().unwrap()),
            Outcome::Copy("text".to_owned())
        );
        assert_eq!(plain.press("enter".parse().unwrap()), Outcome::Close);
    }
}
