//! The product on a real engine with real nodes.
