//! Every layer of tests that needs no engine, as one binary.

mod docker;
mod cli;
mod layering;
