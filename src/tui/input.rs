//! What the terminal reports, in our words.

use std::{
    io::{self, IsTerminal},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

use super::msg::Msg;
use crate::config::{Key, KeyChord};

/// As many events wait for the loop, a burst of the wheel; more of them wait in the terminal.
const WAITING: usize = 64;
/// What was read in one go may be several events; so long it is waited for another one of them.
const BURST: Duration = Duration::from_millis(1);

/// The lines that one notch of the wheel moves.
const NOTCH: i16 = 3;

/// The message that an event is, if it is one.
pub(super) fn message(event: Event) -> Option<Msg> {
    match event {
        // Some terminals report the release of a key as well.
        Event::Key(key) if key.kind != KeyEventKind::Release => chord(key).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Click(mouse.column, mouse.row)),
            MouseEventKind::ScrollDown => Some(Msg::Wheel(NOTCH, mouse.column, mouse.row)),
            MouseEventKind::ScrollUp => Some(Msg::Wheel(-NOTCH, mouse.column, mouse.row)),
            _ => None,
        },
        _ => None,
    }
}

/// The keys and other events of the terminal; the channel ends with the terminal.
///
/// They are read by a thread of their own, because reading waits in the middle of a sequence that was sent in part, and
/// goes round in circles in a terminal that went away. Neither may keep the loop from its signals. The thread needs no
/// end: it is stopped with the process, and ends with it.
pub(super) fn events() -> io::Result<mpsc::Receiver<Event>> {
    let terminal = terminal()?;
    let (sender, events) = mpsc::channel(WAITING);
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || read(&terminal, &sender))?;
    Ok(events)
}

/// Where keys come from: as crossterm has it.
fn terminal() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        stdin.as_fd().try_clone_to_owned()
    } else {
        Ok(std::fs::File::open("/dev/tty")?.into())
    }
}

/// Reads until there is no terminal any more, or nobody who listens.
fn read(terminal: &OwnedFd, sender: &mpsc::Sender<Event>) -> Option<()> {
    loop {
        let mut waited = [PollFd::new(terminal, PollFlags::IN)];
        if poll(&mut waited, None) == Err(rustix::io::Errno::INTR) {
            continue;
        }
        if waited[0]
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR)
        {
            return None;
        }
        sender.blocking_send(event::read().ok()?).ok()?;
        while event::poll(BURST).ok()? {
            sender.blocking_send(event::read().ok()?).ok()?;
        }
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
