//! Every layer of tests that needs no engine, as one binary.
//!
//! Each module stands under `cfg(test)`, by which clippy knows that a panic in it is a failed test.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod docker;
#[cfg(test)]
mod layering;
