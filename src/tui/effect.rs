//! What the screen wants done, as data: `update` returns effects, the runner carries them out.

use crate::{
    ops::{
        Wish,
        draft::LocalFiles,
        forward::kept::Kept,
        logs::{Lines, save::Form},
    },
    plan::Plan,
    tui::msg::{ClusterId, LogTarget},
};

/// Where lines of a log go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlet {
    /// Into a file of this name.
    File(String),
    /// To the standard input of this command of the shell.
    Command(String),
}

/// Lines of a log before which others are wanted.
#[derive(Debug, Clone)]
pub struct Before {
    /// Whose log.
    pub target: LogTarget,
    /// How many logs were opened before it.
    pub opened: u64,
    /// What is there.
    pub lines: Lines,
}

impl PartialEq for Before {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
            && self.opened == other.opened
            && self.lines.first() == other.lines.first()
    }
}

/// Lines of a log that are to go somewhere.
#[derive(Debug, Clone)]
pub struct Export {
    /// Where to.
    pub outlet: Outlet,
    /// The log.
    pub lines: Lines,
    /// Which of its lines.
    pub numbers: Vec<u64>,
    /// How they are written.
    pub form: Form,
}

impl PartialEq for Export {
    fn eq(&self, other: &Self) -> bool {
        self.outlet == other.outlet && self.numbers == other.numbers
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Have a plan made for a wish; the answer carries the number.
    Plan(u64, Wish),
    /// Carry out a plan that was shown.
    Execute(u64, Wish, Box<Plan>),
    /// Stop an operation and take back what it did; a second time, stop taking it back.
    CancelOperation(u64),
    /// Try the engine again now.
    RetryEngine,
    /// Read the kubeconfig files again.
    RetryContexts,
    /// Change over to the simulated world.
    Simulate,
    /// Put a text into the clipboard.
    Copy(String),
    /// Fetch the lines of a log before these.
    Older(Box<Before>),
    /// Write lines of a log somewhere.
    Export(Box<Export>),
    /// Read the files that a form names, to say what is wrong with them.
    Check(LocalFiles),
    /// Keep a port-forward beyond this session, or, where that is `false`, no longer.
    Keep(ClusterId, Box<Kept>, bool),
    /// Open an address in the person's browser.
    Browse(String),
    /// Hand the terminal back to the shell until the person returns.
    Suspend,
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw everything anew.
    Redraw,
    /// End the program.
    Quit,
}
