//! What the screen wants done, as data: `update` returns effects, the runner carries them out.

use crate::{ops::Wish, plan::Plan};

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
    /// Hand the terminal back to the shell until the person returns.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// End the program.
    Quit,
}
