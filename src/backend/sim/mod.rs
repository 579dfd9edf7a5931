//! Adapter: sim.
