//! cli
pub mod flags;
pub mod logging;
pub mod mask;
pub mod output;
