//! config
pub mod kubeconfig;
