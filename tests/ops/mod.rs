//! What the product does, on worlds in memory.

mod failures;
mod fake;
mod faults;
mod follow;
mod follow_exact;
mod follow_pods;
mod follow_silent;
mod forward;
mod images;
mod kubeconfig_file;
mod node_image;
mod not_from_here;
mod older;
mod place;
mod registries;
mod strange_cluster;
mod versions;
mod waits;
