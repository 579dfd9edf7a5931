//! One line of text that a person edits: the piece of every form, filter and prompt.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Style,
    text::Span,
};
use tui_input::{Input, InputRequest};

use crate::config::{Key, KeyChord};

/// A text with a cursor in it.
#[derive(Debug, Clone, Default)]
pub struct Field(Input);

impl Field {
    /// A field that begins with a text, the cursor behind it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Input::new(text.into()))
    }

    /// What is in it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.value()
    }

    /// Whether the cursor is behind the text.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.0.cursor() == self.0.value().chars().count()
    }

    /// Takes a key; `false` when it means nothing to a text.
    pub fn press(&mut self, chord: KeyChord) -> bool {
        let request = match (chord.ctrl, chord.alt, chord.key) {
            (false, false, Key::Char(c)) => InputRequest::InsertChar(c),
            (false, false, Key::Backspace) => InputRequest::DeletePrevChar,
            (false, false, Key::Delete) => InputRequest::DeleteNextChar,
            (false, false, Key::Left) => InputRequest::GoToPrevChar,
            (false, false, Key::Right) => InputRequest::GoToNextChar,
            (false, false, Key::Home) | (true, false, Key::Char('a')) => InputRequest::GoToStart,
            (false, false, Key::End) | (true, false, Key::Char('e')) => InputRequest::GoToEnd,
            (true, false, Key::Char('w')) | (false, true, Key::Backspace) => {
                InputRequest::DeletePrevWord
            }
            (true, false, Key::Char('u')) => InputRequest::DeleteLine,
            (true, false, Key::Left) => InputRequest::GoToPrevWord,
            (true, false, Key::Right) => InputRequest::GoToNextWord,
            _ => return false,
        };
        self.0.handle(request);
        true
    }

    /// Inserts a pasted text; its line ends and control characters do not belong into one line.
    pub fn paste(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()) {
            self.0.handle(InputRequest::InsertChar(c));
        }
    }

    /// Draws it, scrolled so that the cursor is visible; sets the terminal's cursor where it is being edited.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, style: Style, edited: bool) {
        if area.is_empty() {
            return;
        }
        let width = usize::from(area.width.saturating_sub(1)).max(1);
        let scroll = self.0.visual_scroll(width);
        let mut column = 0;
        let visible: String = self
            .0
            .value()
            .chars()
            .filter(|c| {
                let start = column;
                column += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
                start >= scroll
            })
            .collect();
        frame.render_widget(Span::styled(visible, style), area);
        if edited {
            let offset = self.0.visual_cursor().saturating_sub(scroll).min(width);
            let x = area.x + u16::try_from(offset).unwrap_or(0).min(area.width - 1);
            frame.set_cursor_position(Position::new(x, area.y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_edited_like_a_shell_line() {
        let mut field = Field::new("demo one");
        for key in [
            "ctrl-w",
            "x",
            "left",
            "y",
            "home",
            "delete",
            "end",
            "backspace",
        ] {
            assert!(field.press(key.parse().unwrap()), "{key}");
        }
        assert_eq!(field.text(), "emo y");
        assert!(!field.press("enter".parse().unwrap()));
        field.paste("a\nb\u{1b}");
        assert_eq!(field.text(), "emo yab");
    }
}
