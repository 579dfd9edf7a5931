//! k3d's config file (`kind: Simple`): read in all its versions, written in the newest.
//!
//! Nothing in here opens a file or asks for a variable: the text and a function for variables are handed in.

mod environment;
mod expand;
mod older;
mod read;
mod simple;
#[cfg(test)]
mod tests;
mod wanted;

pub use environment::switch;
pub use read::{Document, migrate, read, template};
pub use simple::{KIND, Simple, VERSION};
pub use wanted::{Source, Sources};
