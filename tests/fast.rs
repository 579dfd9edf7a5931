//! Every layer of tests that needs no engine, as one binary.

#[cfg(test)]
mod cli;
mod contract;
mod docker;
mod kubernetes;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod pty;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tui;
