//! `coracle cluster ...`: one file a verb, with k3d's words, aliases and flags.

pub mod shape;
