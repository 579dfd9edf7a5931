//! The containers of a new cluster, as k3d makes them: servers, agents, the load balancer.
//!
//! Two things differ from k3d on purpose. Every container has a fixed address in the lower half of the cluster's
//! network (k3d's move with a restart of the engine, and etcd and k3s do not survive that), and the line for
//! `host.k3d.internal` is the engine's business (k3d's is lost at every restart).

use std::{collections::BTreeMap, net::IpAddr};

use super::{API_PORT, KUBECONFIG_PATH, dual_stack, hosts, labels, names, scripts, volumes};
use crate::domain::{
    ClusterSpec, ForNodes, Limits, Problem, Protocol, PublishedPort, Role, Secret, Subnet, Subnet6,
    container::{ContainerSpec, Labels, Resources},
    limits::DeviceRequest,
};

/// What was chosen for a new cluster besides what its specification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The network's name.
    pub network: String,
    /// Whether the network outlives the cluster.
    pub external: bool,
    /// Its addresses; the machine's own network has none.
    pub subnet: Option<Subnet>,
    /// Its IPv6 addresses.
    pub ipv6: Option<Subnet6>,
    /// Who chooses addresses in it.
    pub addresses: Addresses,
    /// The address by which containers reach the host, where they have addresses of their own.
    pub host: Option<IpAddr>,
    /// What nodes join with.
    pub token: Secret,
    /// The host's port of the API.
    pub port: u16,
}

/// Who chooses the addresses of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// The engine, anew at every start.
    Engine,
    /// We do, for good.
    Fixed {
        /// The part of the network that the engine chooses from for others.
        dynamic: Subnet,
        /// Those that others have.
        taken: Vec<IpAddr>,
        /// Those that containers of this cluster have already, by name.
        kept: BTreeMap<String, IpAddr>,
    },
}

impl Layout {
    /// A network with these addresses that was made for clusters: the first is the host's, and the engine chooses from
    /// the upper half. Without addresses it is the machine's own.
    #[must_use]
    pub fn new(network: String, subnet: Option<Subnet>, token: Secret, port: u16) -> Self {
        Self {
            network,
            external: false,
            subnet,
            ipv6: None,
            addresses: subnet.map_or(Addresses::Engine, |subnet| Addresses::Fixed {
                dynamic: subnet.upper_half(),
                taken: Vec::new(),
                kept: BTreeMap::new(),
            }),
            host: subnet.and_then(|subnet| subnet.host(1)).map(IpAddr::from),
            token,
            port,
        }
    }
}

/// The first address for a container; the one before is the gateway's.
const FIRST: u32 = 2;

/// The lowest address of a network that is neither taken nor in the part that the engine hands out, so what is fixed
/// here is never in its way. `None` when there is none left.
#[must_use]
pub fn free_address(subnet: Subnet, dynamic: Subnet, taken: &[IpAddr]) -> Option<IpAddr> {
    let last = subnet.broadcast();
    (FIRST..)
        .map_while(|n| subnet.host(n))
        .filter(|address| !dynamic.contains(*address) && Some(*address) != last)
        .map(IpAddr::V4)
        .find(|address| !taken.contains(address))
}

/// All containers of a new cluster: load balancer, servers, agents, with an address each where addresses can be fixed.
///
/// # Errors
/// When the network is too small for them.
pub fn containers(spec: &ClusterSpec, layout: &Layout) -> Result<Vec<ContainerSpec>, Problem> {
    let mut all = Vec::new();
    if spec.load_balancer {
        all.push(load_balancer(spec, layout));
    }
    all.extend((0..spec.servers).map(|number| server(spec, layout, number)));
    all.extend((0..spec.agents).map(|number| agent(spec, layout, number)));
    if let (Addresses::Fixed { .. }, Some(subnet)) = (&layout.addresses, layout.subnet) {
        fix_addresses(spec, layout, subnet, &mut all)?;
    }
    // The proxy ends when a name does not resolve, and Docker resolves only names of running containers. With the
    // addresses in its hosts file it can start before, and survive, any of them.
    let known: Vec<String> = all
        .iter()
        .filter_map(|node| Some(format!("{}:{}", node.name, node.address?)))
        .collect();
    if let (true, Some(balancer)) = (spec.load_balancer, all.first_mut()) {
        balancer.extra_hosts = known.into_iter().skip(1).collect();
    }
    Ok(all)
}

/// Gives every container its address, or the one that it has already.
fn fix_addresses(
    spec: &ClusterSpec,
    layout: &Layout,
    subnet: Subnet,
    all: &mut [ContainerSpec],
) -> Result<(), Problem> {
    let Addresses::Fixed {
        dynamic,
        taken,
        kept,
    } = &layout.addresses
    else {
        return Ok(());
    };
    let mut taken: Vec<IpAddr> = taken.iter().chain(kept.values()).copied().collect();
    for container in all {
        let known = kept.get(&container.name).copied();
        let address = known.or_else(|| free_address(subnet, *dynamic, &taken));
        let address = address.ok_or_else(|| {
            Problem::usage(
                format!("the network {subnet} is too small"),
                format!(
                    "{} nodes need a fixed address outside of {dynamic}, which the engine hands out",
                    spec.servers + spec.agents
                ),
            )
            .with_hint("choose a network with a shorter prefix, or leave the choice to coracle")
        })?;
        taken.push(address);
        container.address = Some(address);
        container.address6 = layout
            .ipv6
            .and_then(|ipv6| Some(ipv6.host(subnet.place(address)?)));
        let role = labels::role_of(&container.labels);
        if let (Some(second), true) = (container.address6, role.is_kubernetes()) {
            dual_stack::extend(&mut container.command, address, second);
        }
    }
    Ok(())
}

/// Whether the servers keep their data in a database of the person's, who named it in an argument or a variable. They
/// make no etcd then, and none of them needs the others.
#[must_use]
pub fn has_own_datastore(spec: &ClusterSpec) -> bool {
    let named = |all: &[ForNodes<String>], word: &str| {
        all.iter()
            .any(|item| item.is_for(Role::Server, 0) && item.value.starts_with(word))
    };
    named(&spec.k3s_args, "--datastore-endpoint") || named(&spec.env, "K3S_DATASTORE_ENDPOINT=")
}

/// The `number`th server.
#[must_use]
pub fn server(spec: &ClusterSpec, layout: &Layout, number: u16) -> ContainerSpec {
    let first = names::server(&spec.name, 0);
    let mut container = node(spec, layout, Role::Server, number);
    container.labels.extend(labels::api(spec, layout.port));
    let command = &mut container.command;
    command.push("server".to_owned());
    command.extend(arguments(spec, Role::Server, number));
    if spec.servers > 1 {
        container
            .labels
            .insert(labels::INIT.to_owned(), (number == 0).to_string());
        if number == 0 && !has_own_datastore(spec) {
            command.push("--cluster-init".to_owned());
        }
    }
    command.extend(node_labels(spec, Role::Server, number));
    let mut sans = vec![spec.api.host.clone()];
    if !spec.api.host_ip.is_unspecified() && spec.api.host_ip.to_string() != spec.api.host {
        sans.push(spec.api.host_ip.to_string());
    }
    if spec.load_balancer {
        sans.push(names::load_balancer(&spec.name));
    }
    for san in sans {
        command.extend(["--tls-san".to_owned(), san]);
    }
    let joins = (number > 0).then_some(first.as_str());
    container.env = environment(spec, layout, Role::Server, number, joins);
    // A node in the machine's own network has the machine's own port.
    if !spec.load_balancer && number == 0 && layout.subnet.is_some() {
        container.ports.insert(0, api_port(spec, layout.port));
    }
    container
}

/// The `number`th agent.
#[must_use]
pub fn agent(spec: &ClusterSpec, layout: &Layout, number: u16) -> ContainerSpec {
    let mut container = node(spec, layout, Role::Agent, number);
    let command = &mut container.command;
    command.push("agent".to_owned());
    command.extend(arguments(spec, Role::Agent, number));
    command.extend(node_labels(spec, Role::Agent, number));
    let first = names::server(&spec.name, 0);
    container.env = environment(spec, layout, Role::Agent, number, Some(&first));
    container
}

/// The load balancer.
#[must_use]
pub fn load_balancer(spec: &ClusterSpec, layout: &Layout) -> ContainerSpec {
    let proxied = spec.ports.iter().filter(|mapping| !mapping.direct);
    let mut env = chosen(&spec.env, Role::LoadBalancer, 0);
    env.push(kubeconfig_output());
    ContainerSpec {
        name: names::load_balancer(&spec.name),
        image: spec.proxy_image.clone(),
        env,
        ports: std::iter::once(api_port(spec, layout.port))
            .chain(proxied.map(|mapping| mapping.port))
            .collect(),
        ..base(spec, layout, Role::LoadBalancer, 0)
    }
}

fn node(spec: &ClusterSpec, layout: &Layout, role: Role, number: u16) -> ContainerSpec {
    ContainerSpec {
        name: names::node(&spec.name, role, number.into()),
        image: spec.image.clone(),
        entrypoint: vec![scripts::ENTRYPOINT.to_owned()],
        extra_hosts: hosts::engine_lines(&hosts::records(layout.host, &spec.host_aliases)),
        ports: spec
            .ports
            .iter()
            .filter(|mapping| mapping.direct && mapping.is_for(role, number.into()))
            .map(|mapping| mapping.port)
            .collect(),
        ..base(spec, layout, role, number)
    }
}

/// What all containers of a cluster have in common. The load balancer is privileged and has memory file systems too:
/// k3d makes no difference there.
fn base(spec: &ClusterSpec, layout: &Layout, role: Role, number: u16) -> ContainerSpec {
    let own = chosen(&spec.runtime_labels, role, number);
    // What is no label is refused before.
    let own = own.iter().filter_map(|text| labels::custom(text).ok());
    let mut all: Labels = own.collect();
    all.extend(labels::common(spec, layout));
    all.insert(labels::ROLE.to_owned(), labels::role_word(role).to_owned());
    ContainerSpec {
        labels: all,
        network_id_label: Some(labels::NETWORK_ID),
        network: layout.network.clone(),
        binds: volumes::binds(spec, role, number),
        tmpfs: vec!["/run".to_owned(), "/var/run".to_owned()],
        privileged: true,
        resources: resources(&spec.limits, role),
        ..ContainerSpec::default()
    }
}

/// What a container may use. The load balancer is limited in its processes only, as with k3d.
fn resources(limits: &Limits, role: Role) -> Resources {
    let (memory, nano_cpus) = match role {
        Role::Server => (limits.servers_memory, limits.servers_cpus),
        Role::Agent => (limits.agents_memory, limits.agents_cpus),
        _ => (None, None),
    };
    let node = role.is_kubernetes();
    let gpus = limits.gpus.as_deref().filter(|_| node);
    Resources {
        memory,
        nano_cpus,
        ulimits: limits.ulimits.clone(),
        // What cannot be read is refused before.
        devices: gpus
            .and_then(|text| DeviceRequest::parse(text).ok())
            .into_iter()
            .collect(),
        host_pid: limits.host_pid && node,
    }
}

/// The values that are for a node.
fn chosen(all: &[ForNodes<String>], role: Role, number: u16) -> Vec<String> {
    all.iter()
        .filter(|item| item.is_for(role, number.into()))
        .map(|item| item.value.clone())
        .collect()
}

fn arguments(spec: &ClusterSpec, role: Role, number: u16) -> Vec<String> {
    chosen(&spec.k3s_args, role, number)
}

fn node_labels(spec: &ClusterSpec, role: Role, number: u16) -> impl Iterator<Item = String> {
    chosen(&spec.node_labels, role, number)
        .into_iter()
        .flat_map(|label| ["--node-label".to_owned(), label])
}

fn environment(
    spec: &ClusterSpec,
    layout: &Layout,
    role: Role,
    number: u16,
    joins: Option<&str>,
) -> Vec<String> {
    let mut env = chosen(&spec.env, role, number);
    env.push(format!("K3S_TOKEN={}", layout.token.reveal()));
    env.extend(joins.map(|host| format!("K3S_URL={}", names::join_url(host))));
    env.push(kubeconfig_output());
    env
}

fn kubeconfig_output() -> String {
    format!("K3S_KUBECONFIG_OUTPUT={KUBECONFIG_PATH}")
}

/// The API's port, on whichever container faces the host.
fn api_port(spec: &ClusterSpec, port: u16) -> PublishedPort {
    PublishedPort {
        container_port: API_PORT,
        protocol: Protocol::Tcp,
        host_ip: spec.api.host_ip,
        host_port: port,
    }
}
