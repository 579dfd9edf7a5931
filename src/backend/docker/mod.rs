//! Adapter: docker.
