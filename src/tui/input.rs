//! What the terminal reports, in our words.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};

use super::msg::Msg;
use crate::config::{Key, KeyChord};

/// The lines that one notch of the wheel moves.
const NOTCH: i16 = 3;

/// The message that an event is, if it is one.
pub(super) fn message(event: Event) -> Option<Msg> {
    match event {
        // Some terminals report the release of a key as well.
        Event::Key(key) if key.kind != KeyEventKind::Release => chord(key).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Click(mouse.column, mouse.row)),
            MouseEventKind::ScrollDown => Some(Msg::Wheel(NOTCH, mouse.column, mouse.row)),
            MouseEventKind::ScrollUp => Some(Msg::Wheel(-NOTCH, mouse.column, mouse.row)),
            _ => None,
        },
        _ => None,
    }
}

fn chord(event: KeyEvent) -> Option<KeyChord> {
    let modifiers = event.modifiers;
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    let (key, shift) = match event.code {
        // The character is what was typed; shift is in it already.
        KeyCode::Char(c) => (Key::Char(c), false),
        KeyCode::F(n) => (Key::F(n), shift),
        KeyCode::Enter => (Key::Enter, shift),
        KeyCode::Esc => (Key::Esc, shift),
        KeyCode::Tab => (Key::Tab, shift),
        KeyCode::BackTab => (Key::Tab, true),
        KeyCode::Backspace => (Key::Backspace, shift),
        KeyCode::Delete => (Key::Delete, shift),
        KeyCode::Insert => (Key::Insert, shift),
        KeyCode::Home => (Key::Home, shift),
        KeyCode::End => (Key::End, shift),
        KeyCode::PageUp => (Key::PageUp, shift),
        KeyCode::PageDown => (Key::PageDown, shift),
        KeyCode::Up => (Key::Up, shift),
        KeyCode::Down => (Key::Down, shift),
        KeyCode::Left => (Key::Left, shift),
        KeyCode::Right => (Key::Right, shift),
        _ => return None,
    };
    Some(KeyChord::new(
        key,
        modifiers.contains(KeyModifiers::CONTROL),
        modifiers.contains(KeyModifiers::ALT),
        shift,
    ))
}
