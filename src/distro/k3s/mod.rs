//! k3s in containers, laid out exactly as k3d lays it out: its clusters are ours and ours are its.
//!
//! There is no state besides the engine's objects: names ([`names`]) and labels ([`labels`]) are the whole index. A
//! cluster is a network, a volume for images, servers, agents and a load balancer ([`nodes`], [`load_balancer`]).

pub mod channels;
mod dual_stack;
pub mod expected;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod hosts;
pub mod join;
pub mod kubeconfig;
pub mod labels;
pub mod load_balancer;
pub mod mark;
pub mod names;
pub mod nodes;
pub mod read;
pub mod readiness;
mod record;
pub mod registries;
pub mod registry_files;
pub mod releases;
pub mod replace;
pub mod scripts;
pub mod volumes;

use crate::domain::{ClusterNetwork, ClusterSpec};

/// Where a server writes the admin kubeconfig, as `K3S_KUBECONFIG_OUTPUT` tells it.
pub const KUBECONFIG_PATH: &str = "/output/kubeconfig.yaml";

/// The port of the API inside every server and of the load balancer before them.
pub const API_PORT: u16 = 6443;

/// Takes from a cluster what its network has no room for: in the machine's own the server has the machine's own port, with
/// nothing before it, and the machine's own DNS.
pub fn settle_network(spec: &mut ClusterSpec) {
    if spec.network == ClusterNetwork::Host {
        spec.load_balancer = false;
        spec.api.port = Some(API_PORT);
        spec.dns_fix = false;
    }
}
