//! The network of a new cluster: one of its own, one that is there or is made to stay, or the machine's; and who chooses
//! the addresses in it.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    distro::k3s::{
        names,
        nodes::{Addresses, Layout},
    },
    domain::{
        Cluster, ClusterNetwork, ClusterSpec, Problem, Secret, Subnet, Subnet6,
        container::{ContainerInfo, NetworkInfo},
    },
};

/// What is there that a network is chosen beside.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Around<'a> {
    /// The engine's networks, and what counts as such.
    pub(in crate::plan) networks: &'a [NetworkInfo],
    /// The engine's containers, of whoever they are.
    pub(in crate::plan) containers: &'a [ContainerInfo],
    /// The cluster itself, where some of it is there already.
    pub(in crate::plan) cluster: Option<&'a Cluster>,
}

impl<'a> Around<'a> {
    /// The network of that name, if it is there.
    pub(in crate::plan) fn network(&self, name: &str) -> Option<&'a NetworkInfo> {
        self.networks.iter().find(|network| network.name == name)
    }
}

/// The name of the network that the specification means.
pub(in crate::plan) fn name(spec: &ClusterSpec) -> String {
    match &spec.network {
        ClusterNetwork::Own { .. } => names::network(&spec.name),
        ClusterNetwork::Existing(name) => name.clone(),
        ClusterNetwork::Host => "host".to_owned(),
    }
}

/// Chooses addresses and puts together what the containers are made from.
pub(in crate::plan) fn layout(
    spec: &ClusterSpec,
    around: &Around<'_>,
    port: u16,
    token: &Secret,
) -> Result<Layout, Problem> {
    let token = spec.token.clone().unwrap_or_else(|| token.clone());
    let name = name(spec);
    let layout = |subnet| Layout::new(name.clone(), subnet, token.clone(), port);
    match &spec.network {
        ClusterNetwork::Host => Ok(Layout {
            external: true,
            ..layout(None)
        }),
        ClusterNetwork::Existing(_) => match around.network(&name) {
            Some(there) => {
                let subnet = there.subnets.first().copied();
                Ok(Layout {
                    external: true,
                    host: there.gateway,
                    addresses: addresses(there, around),
                    ..layout(subnet)
                })
            }
            // As with k3d it is made, and stays when the cluster goes.
            None => Ok(Layout {
                external: true,
                ..layout(Some(free(around, &name)?))
            }),
        },
        ClusterNetwork::Own { subnet, ipv6 } => {
            let there = around.cluster.and(around.network(&name));
            let subnet = match (there.and_then(|there| there.subnets.first()), subnet) {
                (Some(there), _) => *there,
                (None, Some(wanted)) => unused(*wanted, around, &name)?,
                (None, None) => free(around, &name)?,
            };
            if subnet.host(1).is_none() {
                return Err(Problem::usage(
                    format!("the network {subnet} is too small"),
                    "it has no address for the host",
                ));
            }
            Ok(Layout {
                ipv6: ipv6.then(|| Subnet6::beside(subnet)),
                ..layout(Some(subnet))
            })
        }
    }
}

/// Who chooses addresses in a network that is there. The engine takes fixed ones only where somebody told it what to
/// choose from, and outside of that they meet nobody else's.
fn addresses(network: &NetworkInfo, around: &Around<'_>) -> Addresses {
    let Some(dynamic) = network.dynamic else {
        return Addresses::Engine;
    };
    let own = around.cluster.map_or(&[][..], |cluster| &cluster.nodes);
    let kept: BTreeMap<String, IpAddr> = own
        .iter()
        .filter_map(|node| Some((node.name.clone(), node.fixed_address?)))
        .collect();
    let taken = around
        .containers
        .iter()
        .flat_map(|container| &container.attachments)
        .filter(|place| place.network == network.name)
        .flat_map(|place| [place.fixed, place.address])
        .flatten()
        .chain(network.gateway);
    Addresses::Fixed {
        dynamic,
        taken: taken.collect(),
        kept,
    }
}

/// The addresses of all networks but the one of that name.
fn used(around: &Around<'_>, name: &str) -> Vec<Subnet> {
    around
        .networks
        .iter()
        .filter(|network| network.name != name)
        .flat_map(|network| network.subnets.iter().copied())
        .collect()
}

fn unused(subnet: Subnet, around: &Around<'_>, name: &str) -> Result<Subnet, Problem> {
    let used = used(around, name);
    match used.iter().find(|other| other.overlaps(subnet)) {
        Some(other) => Err(Problem::usage(
            format!("the network {subnet} cannot be used"),
            format!("it overlaps {other}, which the engine uses already"),
        )
        .with_hint("choose another, or leave the choice to coracle")),
        None => Ok(subnet),
    }
}

fn free(around: &Around<'_>, name: &str) -> Result<Subnet, Problem> {
    Subnet::first_free(&used(around, name)).ok_or_else(|| {
        Problem::failed(
            "no addresses are left for another network",
            "all networks that the engine would choose from are taken",
        )
        .with_hint("name one with --subnet, or remove networks that are not used")
    })
}

/// What a network makes impossible.
pub(super) fn check(spec: &ClusterSpec) -> Result<(), Problem> {
    let refuse = |why: &str, hint: &str| {
        Err(Problem::usage(
            format!("cluster \"{}\" cannot be in that network", spec.name),
            why,
        )
        .with_hint(hint))
    };
    let alone = spec.servers == 1 && spec.agents == 0 && !spec.load_balancer;
    match &spec.network {
        ClusterNetwork::Host if !alone => refuse(
            "the machine's own network has room for one node, without a load balancer",
            "ask for one server, no agents and no load balancer",
        ),
        ClusterNetwork::Host if !spec.ports.is_empty() => refuse(
            "the node has the machine's own ports, so none are published",
            "leave the ports out",
        ),
        ClusterNetwork::Host if !spec.host_aliases.is_empty() => refuse(
            "the node has the machine's own names",
            "leave the host aliases out",
        ),
        ClusterNetwork::Host
            if spec.registries.create.is_some() || !spec.registries.used.is_empty() =>
        {
            refuse(
                "registries cannot be connected to the machine's own network",
                "configure the registry with --registry-config",
            )
        }
        ClusterNetwork::Existing(name) if name == "bridge" && !alone => refuse(
            "containers do not find each other by name in the engine's default network",
            "ask for one server, no agents and no load balancer, or take another network",
        ),
        ClusterNetwork::Existing(name) if name == "none" || name.starts_with("container:") => {
            refuse("nodes cannot reach anything there", "take another network")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
