//! The binary in a pseudo-terminal, and what breaks a terminal program: signals, sizes, foreign text, servers that do not
//! answer. A test waits for what it wants to see and never for a time.

mod engine;
mod input;
mod leaving;
mod looks;
mod servers;
mod settings;
mod simulated;
mod sizes;
mod surroundings;
mod terminal;
mod texts;
mod way;
