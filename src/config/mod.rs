//! What a person can set: key chords so far.

pub mod keys;
pub mod kubeconfig;

pub use keys::{Key, KeyChord};
