//! The terminal is the person's: what is switched on here is written down, and exactly that is switched off again, at
//! the end, after a panic, before the shell gets it back.

use std::{
    io::{self, Stdout, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::{
    cursor,
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend, layout::Position};

/// Whether the terminal is in our hands.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the mouse is ours while the terminal is: it is the terminal's for those who select text with it.
static MOUSE: AtomicBool = AtomicBool::new(true);

/// The terminal, in our hands for as long as this lives.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<WhileTaken>>,
}

/// Writes to the terminal while it is in our hands, and to nowhere after that. At its end ratatui's `Terminal` writes once
/// more, and panics where the terminal is gone.
struct WhileTaken(Stdout);

impl Write for WhileTaken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if TAKEN.load(Ordering::SeqCst) {
            self.0.write(bytes)
        } else {
            Ok(bytes.len())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) {
            self.0.flush()
        } else {
            Ok(())
        }
    }
}

impl Screen {
    /// Takes the terminal over, with its mouse or without.
    pub(super) fn take(mouse: bool) -> io::Result<Self> {
        MOUSE.store(mouse, Ordering::SeqCst);
        let taken =
            enter().and_then(|()| Terminal::new(CrosstermBackend::new(WhileTaken(io::stdout()))));
        // Nothing would give it back: there is no screen yet whose end could.
        let terminal = taken.inspect_err(|_| leave())?;
        Ok(Self { terminal })
    }

    /// Draws a frame, shown by terminals that can in one go.
    pub(super) fn draw(&mut self, view: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that the next frame draws all of it. `Terminal::clear` would ask the terminal
    /// where its cursor is, and one that does not answer would end the program.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize((Position::ORIGIN, size).into())
    }

    /// Gives the terminal to the shell, stops this process until the shell continues it, and takes the terminal again.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        leave();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
        self.retake()
    }

    /// Takes the terminal again after the process was stopped: the shell has changed its modes in the meantime.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) {
            // What is switched on already would not be switched on again, whatever the terminal's modes are by now.
            crossterm::terminal::disable_raw_mode()?;
        }
        enter()?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        cursor::Hide
    )?;
    if MOUSE.load(Ordering::SeqCst) {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Takes the mouse, or leaves it to the terminal.
pub(super) fn take_mouse(ours: bool) -> io::Result<()> {
    MOUSE.store(ours, Ordering::SeqCst);
    if ours {
        execute!(io::stdout(), EnableMouseCapture)
    } else {
        execute!(io::stdout(), DisableMouseCapture)
    }
}

/// Gives the terminal back. Nothing is left to do about an error: the terminal may be gone.
pub(super) fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            EndSynchronizedUpdate,
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = crossterm::terminal::disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// After a panic of the thread that draws, the terminal is given back before the words are printed. A panic of a task
/// is none of the terminal's business: it becomes a message on the screen.
pub(super) fn restore_on_panic() {
    let drawing = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == drawing {
            leave();
            before(info);
        } else {
            tracing::error!("{info}");
        }
    }));
}

/// Whether standard output is a terminal that can be drawn on.
#[must_use]
pub(super) fn is_terminal() -> bool {
    use std::io::IsTerminal;
    io::stdout().is_terminal()
}
