//! Ports of a cluster that is there, added and removed: only its load balancer is touched.
//!
//! An engine cannot change the ports that a container publishes, so another one takes its place, as k3d does it: the old
//! one is renamed, the new one is made and filled, and only then are they exchanged. What the cluster publishes is away
//! for as long as the proxy needs to start. Where only the targets of ports change, the proxy reads its file anew and
//! nothing is away at all.

use super::{Plan, Step, StepId};
use crate::{
    distro::k3s::{API_PORT, load_balancer::Routes, replace},
    domain::{
        Cluster, Distribution, Node, Problem, Protocol, PublishedPort, Role,
        container::ContainerDetail, spec::WaitFor,
    },
};

/// A port of the host, and the nodes that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The port.
    pub port: PublishedPort,
    /// The nodes' names.
    pub nodes: Vec<String>,
}

/// What a change of ports is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its containers, inspected.
    pub details: &'a [ContainerDetail],
    /// The load balancer's configuration, where it could be read.
    pub routes: Option<&'a Routes>,
    /// What is published in addition.
    pub add: &'a [Mapping],
    /// What is not published any more. One that names some of a port's nodes only takes these out.
    pub delete: &'a [Mapping],
    /// What "done" means.
    pub wait: WaitFor,
}

/// The plan of a change of ports. It has no steps when all is that way already.
///
/// # Errors
/// When the cluster has no load balancer, or a port cannot be published or is not there.
pub fn plan(input: &Edit<'_>) -> Result<Plan, Problem> {
    let cluster = input.cluster;
    let mut plan = Plan::new(
        format!("change the ports of cluster \"{}\"", cluster.name),
        cluster.name.clone(),
    );
    let balancer = Balancer::of(input)?;
    let known = &balancer.detail.configured_ports;
    let mut ports = known.clone();
    let mut routes = input
        .routes
        .cloned()
        .unwrap_or_else(|| rebuilt(cluster, known));
    let written = input.routes.cloned();
    for mapping in input.delete {
        remove(cluster, mapping, &mut ports, &mut routes)?;
    }
    for mapping in input.add {
        publish(cluster, mapping, &mut ports, &mut routes)?;
    }
    let hosts = replace::hosts(cluster, &balancer.detail.extra_hosts);
    let same_ports = sorted(&ports) == sorted(known) && balancer.others.is_empty();
    let lines = if same_ports {
        &balancer.detail.extra_hosts
    } else {
        &hosts
    };
    clear(&mut plan, cluster, &mut routes, lines);
    let changed = written.as_ref() != Some(&routes);
    if same_ports {
        if changed {
            let container = balancer.node.name.clone();
            let files = vec![routes.file()?];
            plan.add(Step::PutFiles { container, files }, []);
        }
        return Ok(plan);
    }
    exchange(&mut plan, input, &balancer, ports, hosts, &routes)?;
    Ok(plan)
}

/// The container that is the load balancer now, and what an exchange that was cut short left beside it.
struct Balancer<'a> {
    node: &'a Node,
    name: &'a str,
    detail: &'a ContainerDetail,
    others: Vec<&'a Node>,
}

impl<'a> Balancer<'a> {
    fn of(input: &Edit<'a>) -> Result<Self, Problem> {
        let cluster = input.cluster;
        let refuse = |why: &str, hint: &str| {
            Problem::refused(what(cluster), why.to_owned()).with_hint(hint.to_owned())
        };
        if cluster.distribution == Distribution::Kind {
            return Err(refuse(
                "it is kind's, which publishes its ports on the nodes themselves",
                "forward the port instead",
            ));
        }
        let nothing = || {
            refuse(
                "it has no load balancer, and the ports of its nodes are as they were made",
                "forward the port instead, or create the cluster with a load balancer",
            )
        };
        let name = cluster.load_balancer.as_deref().ok_or_else(nothing)?;
        let mut all: Vec<&Node> = cluster.with_role(Role::LoadBalancer).collect();
        // The one that serves is the one to go by: after an exchange that was cut short that can be the old one.
        all.sort_by_key(|node| (!node.is_running(), node.name != name));
        let (node, others) = all.split_first().ok_or_else(nothing)?;
        let detail = input
            .details
            .iter()
            .find(|detail| detail.info.id == node.id)
            .ok_or_else(|| {
                Problem::failed(what(cluster), format!("{name} could not be inspected"))
            })?;
        Ok(Self {
            node,
            name,
            detail,
            others: others.to_vec(),
        })
    }
}

fn what(cluster: &Cluster) -> String {
    format!("the ports of cluster \"{}\" were not changed", cluster.name)
}

fn sorted(ports: &[PublishedPort]) -> Vec<PublishedPort> {
    let mut ports = ports.to_vec();
    ports.sort_unstable();
    ports
}

/// The routes of a load balancer whose file is gone: the API to the servers, what is published besides to all nodes.
fn rebuilt(cluster: &Cluster, ports: &[PublishedPort]) -> Routes {
    let names = |all: bool| -> Vec<String> {
        let nodes = cluster.nodes.iter();
        nodes
            .filter(|node| node.role == Role::Server || (all && node.role == Role::Agent))
            .map(|node| node.name.clone())
            .collect()
    };
    let mut routes = Routes::default();
    routes.lead(API_PORT, Protocol::Tcp, &names(false));
    for port in ports {
        if port.container_port != API_PORT {
            routes.lead(port.container_port, port.protocol, &names(true));
        }
    }
    routes
}

/// Whether both stand for the same port of the host. k3d takes the addresses that mean this machine for one, and a
/// port that is removed need not be named in full.
fn is_meant(wanted: &PublishedPort, there: &PublishedPort) -> bool {
    let here = |port: &PublishedPort| port.host_ip.is_unspecified() || port.host_ip.is_loopback();
    wanted.container_port == there.container_port
        && wanted.protocol == there.protocol
        && (wanted.host_port == 0 || wanted.host_port == there.host_port)
        && (wanted.host_ip == there.host_ip || (here(wanted) && here(there)))
}

fn remove(
    cluster: &Cluster,
    mapping: &Mapping,
    ports: &mut Vec<PublishedPort>,
    routes: &mut Routes,
) -> Result<(), Problem> {
    let port = &mapping.port;
    let (number, protocol) = (port.container_port, port.protocol);
    if number == API_PORT && protocol == Protocol::Tcp {
        return Err(
            Problem::refused(what(cluster), format!("{port} is the port of its API"))
                .with_hint("without it nothing reaches the cluster; remove another port"),
        );
    }
    let meant: Vec<PublishedPort> = ports
        .iter()
        .filter(|there| is_meant(port, there))
        .copied()
        .collect();
    if meant.is_empty() {
        let others = ports
            .iter()
            .filter(|there| there.container_port != API_PORT);
        let there: Vec<String> = others.map(ToString::to_string).collect();
        return Err(Problem::not_found(
            what(cluster),
            format!("its load balancer does not publish {port}"),
        )
        .with_hint(if there.is_empty() {
            "it publishes nothing but the API".to_owned()
        } else {
            format!("it publishes {}", there.join(", "))
        }));
    }
    let all = !routes.leads_elsewhere(number, protocol, &mapping.nodes);
    if all {
        ports.retain(|there| !meant.contains(there));
    }
    // Another port of the host may lead to the same port of the nodes.
    let in_use = ports
        .iter()
        .any(|there| there.container_port == number && there.protocol == protocol);
    if !all || !in_use {
        routes.leave(number, protocol, &mapping.nodes);
    }
    Ok(())
}

fn publish(
    cluster: &Cluster,
    mapping: &Mapping,
    ports: &mut Vec<PublishedPort>,
    routes: &mut Routes,
) -> Result<(), Problem> {
    let port = mapping.port;
    let refuse = |why: String, hint: &str| Err(Problem::usage(what(cluster), why).with_hint(hint));
    if port.protocol == Protocol::Sctp {
        return refuse(
            "the load balancer cannot pass on SCTP".to_owned(),
            "leave that port out",
        );
    }
    if mapping.nodes.is_empty() {
        return refuse(
            format!("{port} would lead to no node"),
            "name nodes that the cluster has",
        );
    }
    let overlaps = |there: &&PublishedPort| {
        there.host_port == port.host_port
            && there.protocol == port.protocol
            && (there.host_ip == port.host_ip
                || there.host_ip.is_unspecified()
                || port.host_ip.is_unspecified())
    };
    let taken = ports.iter().filter(|_| port.host_port != 0).find(overlaps);
    match taken {
        Some(there) if there.container_port != port.container_port => {
            return refuse(
                format!("its load balancer publishes {there} already"),
                "choose another port of the host, or remove that one in the same call",
            );
        }
        Some(_) => {}
        None => ports.push(port),
    }
    routes.lead(port.container_port, port.protocol, &mapping.nodes);
    Ok(())
}

/// Leaves out names that would keep the proxy from starting: of nodes that are gone, and of nodes that do not run and
/// that it knows by the engine alone.
fn clear(plan: &mut Plan, cluster: &Cluster, routes: &mut Routes, hosts: &[String]) {
    let found = |name: &str| !replace::unknown(cluster, hosts, name);
    // Of a cluster that does not run every name would be one of them; it is all there when it starts.
    let mut nodes = cluster.nodes.iter();
    if !nodes.any(|node| node.role.is_kubernetes() && node.is_running()) {
        return;
    }
    for (port, protocol, names) in routes.all() {
        let lost: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| !found(name))
            .collect();
        if !lost.is_empty() {
            plan.warnings.push(format!(
                "port {port}/{protocol} does not lead to {} until it runs",
                lost.join(", ")
            ));
        }
    }
    routes.settle(found);
}

fn exchange(
    plan: &mut Plan,
    input: &Edit<'_>,
    balancer: &Balancer<'_>,
    ports: Vec<PublishedPort>,
    hosts: Vec<String>,
    routes: &Routes,
) -> Result<(), Problem> {
    let mut spec = replace::again(balancer.detail, balancer.name, &input.cluster.network);
    spec.ports = ports;
    spec.extra_hosts = hosts;
    let old = replace::before(balancer.name);
    let name = balancer.name.to_owned();
    let image = spec.image.clone();
    let mut ready: Vec<StepId> = vec![plan.add(Step::PullImage { image }, [])];
    for other in &balancer.others {
        let container = other.name.clone();
        ready.push(plan.add(Step::RemoveContainer { container }, []));
    }
    if balancer.node.name != old {
        let step = Step::RenameContainer {
            container: balancer.node.name.clone(),
            to: old.clone(),
        };
        ready = vec![plan.add(step, ready)];
    }
    let created = plan.add(Step::CreateContainer(Box::new(spec)), ready);
    let files = vec![routes.file()?];
    let container = name.clone();
    let mut done = plan.add(Step::PutFiles { container, files }, [created]);
    if balancer.node.is_running() {
        let exchanged = Step::Exchange {
            stop: old.clone(),
            start: name.clone(),
        };
        done = plan.add(exchanged, [done]);
        if input.wait != WaitFor::Nothing {
            let serving = Step::WaitForLog {
                container: name,
                role: Role::LoadBalancer,
            };
            done = plan.add(serving, [done]);
        }
    }
    plan.add(Step::Discard { container: old }, [done]);
    Ok(())
}

#[cfg(test)]
mod tests;
