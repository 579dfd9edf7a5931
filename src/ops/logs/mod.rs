//! The lines of logs once they have come in: kept within a bound, filtered, searched, taken apart, saved.
//!
//! A [`Store`] takes in lines of any number of sources and hands out [`Lines`], a view that is cheap to clone and can
//! go to another thread while the store goes on. Everything else works on such a view. Nothing in here knows the
//! screen, the command line, or where lines come from.

pub mod fields;
mod filter;
mod index;
mod level;
mod lines;
mod mark_kind;
mod pattern;
pub mod record;
pub mod save;
pub mod search;
mod segment;
mod sources;
mod spill;
mod store;

pub use filter::{Filter, Rule};
pub use index::{Index, Shown};
pub use level::Level;
pub use lines::{Line, Lines};
pub use mark_kind::MarkKind;
pub use pattern::Pattern;
pub use sources::{KnownSource, SourceId};
pub use store::{Moved, Store};
