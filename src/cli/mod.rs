//! cli
pub mod cluster;
pub mod flags;
pub mod logging;
pub mod mask;
pub mod output;
pub mod progress;
pub mod settings;
