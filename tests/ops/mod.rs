//! What the product does, on worlds in memory.

mod kubeconfig_file;
