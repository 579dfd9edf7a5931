//! Adapter: kubernetes.
