//! The steps by which new nodes join a cluster.

use std::net::{IpAddr, Ipv6Addr};

use super::{super::start::expected, Scale};
use crate::{
    distro::k3s::{
        join::{self, Newcomer},
        load_balancer::Routes,
        names, nodes, scripts,
    },
    domain::{
        Problem, Role, Subnet6,
        container::{ContainerDetail, FileEntry, NetworkInfo},
        spec::WaitFor,
    },
    plan::{Plan, Step, StepId},
};

/// Where k3s reads what a person configured for registries.
const REGISTRIES: &str = "/etc/rancher/k3s/registries.yaml";

/// Adds them. `written` is the step that wrote the load balancer's configuration before, `converted` the one after which
/// servers can join.
pub(super) fn add(
    plan: &mut Plan,
    input: &Scale<'_>,
    routes: Option<&mut Routes>,
    written: Option<StepId>,
    converted: Option<StepId>,
) -> Result<(), Problem> {
    let cluster = input.cluster;
    let network = input
        .networks
        .iter()
        .find(|network| network.name == cluster.network);
    let mut taken: Vec<IpAddr> = cluster
        .nodes
        .iter()
        .flat_map(|node| [node.fixed_address, node.address])
        .flatten()
        .chain(network.and_then(|network| network.gateway))
        .chain(neighbours(input))
        .collect();
    let mut new = Vec::new();
    for role in [Role::Server, Role::Agent] {
        let there = cluster.with_role(role).count();
        let missing = input.wanted(role).saturating_sub(there);
        for name in free_names(input, role).take(missing) {
            let address = free_address(input, network, &taken)?;
            taken.extend(address);
            let started = node(plan, input, network, (role, &name), address, converted)?;
            new.push((role, name, started));
        }
    }
    let mut before: Vec<StepId> = new.iter().map(|(_, _, started)| *started).collect();
    if !new.is_empty() && input.wait != WaitFor::Nothing {
        let access = input.access();
        let expected = expected(cluster, input.details);
        // A server that joins has the arguments of those that are there.
        let is_node = |role: Role| role != Role::Server || expected.no_nodes.is_empty();
        let nodes = new
            .iter()
            .filter(|(role, _, _)| is_node(*role))
            .map(|(_, name, _)| name.clone())
            .collect();
        let step = Step::WaitForNodes {
            access: access.clone(),
            nodes,
            ready: expected.ready,
        };
        before.push(plan.add(step, before.clone()));
        if input.wait == WaitFor::All && expected.system_pods {
            before.push(plan.add(Step::WaitForSystemPods { access }, before.clone()));
        }
    }
    before.extend(written);
    reroute(plan, input, &new, routes, &before)
}

/// The load balancer gets to know new nodes when nothing can fail any more: it cannot start while one that it names is
/// gone.
fn reroute(
    plan: &mut Plan,
    input: &Scale<'_>,
    new: &[(Role, String, StepId)],
    routes: Option<&mut Routes>,
    before: &[StepId],
) -> Result<(), Problem> {
    let (Some(routes), Some(container)) = (routes, &input.cluster.load_balancer) else {
        return Ok(());
    };
    let known = routes.clone();
    for (role, name, _) in new {
        let gone = input.doomed(*role);
        let peers: Vec<String> = input
            .cluster
            .with_role(*role)
            .filter(|node| !gone.iter().any(|other| other.id == node.id))
            .map(|node| node.name.clone())
            .collect();
        routes.add(*role, name, &peers);
    }
    if *routes != known {
        let step = Step::PutFiles {
            container: container.clone(),
            files: vec![routes.file()?],
        };
        plan.add(step, before.iter().copied());
    }
    Ok(())
}

/// Names of the role that no container of the cluster has, the lowest numbers first.
fn free_names<'a>(input: &'a Scale<'_>, role: Role) -> impl Iterator<Item = String> + 'a {
    let cluster = input.cluster;
    (0..)
        .map(move |number| match input.joining {
            Some(new) => new.node(number),
            None => names::node(&cluster.name, role, number),
        })
        .filter(|name| !cluster.nodes.iter().any(|node| node.name == *name))
}

/// The addresses that others have in the cluster's network.
fn neighbours(input: &Scale<'_>) -> impl Iterator<Item = IpAddr> {
    let places = input.containers.iter().flat_map(|one| &one.attachments);
    places
        .filter(|place| place.network == input.cluster.network)
        .flat_map(|place| [place.fixed, place.address])
        .flatten()
}

/// The IPv6 address beside a fixed one, where the model has such a pair.
fn second_address(
    model: &ContainerDetail,
    network: Option<&NetworkInfo>,
    address: Option<IpAddr>,
) -> Option<Ipv6Addr> {
    let network = network?;
    let mut places = model.info.attachments.iter();
    places.find(|place| place.network == network.name)?.fixed6?;
    let subnet = *network.subnets.first()?;
    Some(Subnet6::beside(subnet).host(subnet.place(address?)?))
}

/// A fixed address where the other nodes have one: the engine refuses it in networks whose addresses it chose itself.
fn free_address(
    input: &Scale<'_>,
    network: Option<&NetworkInfo>,
    taken: &[IpAddr],
) -> Result<Option<IpAddr>, Problem> {
    let fixed = |node: &crate::domain::Node| node.fixed_address.is_some();
    let subnet = network.and_then(|network| network.subnets.first().copied());
    let Some(subnet) = subnet.filter(|_| input.cluster.nodes.iter().any(fixed)) else {
        return Ok(None);
    };
    let told = network.and_then(|network| network.dynamic);
    match nodes::free_address(subnet, told.unwrap_or(subnet.upper_half()), taken) {
        Some(address) => Ok(Some(address)),
        None => Err(Problem::refused(
            format!("cluster \"{}\" was not scaled", input.cluster.name),
            format!("no address is left in its network {subnet} that the engine does not hand out"),
        )),
    }
}

/// The model for a new node: one of the same role, rather one that joined than the one that began; else a server.
fn model<'a>(input: &'a Scale<'_>, role: Role) -> Option<&'a ContainerDetail> {
    let of = |role: Role| {
        input
            .cluster
            .with_role(role)
            .filter_map(|node| input.detail(node))
    };
    of(role)
        .find(|detail| join::joined_by(detail).is_some())
        .or_else(|| of(role).next())
        .or_else(|| of(Role::Server).next())
}

/// Who a new node asks to be let in: the same as its model if that one stays, else a server, as at the cluster's
/// creation. The load balancer passes on the API only, and a new member of etcd talks to the others directly.
fn joins(input: &Scale<'_>, model: &ContainerDetail) -> Option<String> {
    let access = input.access();
    let before = join::joined_by(model).map(str::to_owned);
    let stays = |name: &String| {
        access.servers.contains(name) || Some(name) == input.cluster.load_balancer.as_ref()
    };
    before
        .filter(stays)
        .or_else(|| access.servers.first().cloned())
}

/// One new node, up to its start.
fn node(
    plan: &mut Plan,
    input: &Scale<'_>,
    network: Option<&NetworkInfo>,
    (role, name): (Role, &str),
    address: Option<IpAddr>,
    converted: Option<StepId>,
) -> Result<StepId, Problem> {
    let nobody = || {
        Problem::failed(
            format!("cluster \"{}\" was not scaled", input.cluster.name),
            "none of its nodes could be inspected, and a new one is modelled on one of them",
        )
    };
    let model = model(input, role).ok_or_else(nobody)?;
    let host = network.and_then(|network| network.gateway);
    let newcomer = Newcomer {
        name: name.to_owned(),
        role,
        address,
        address6: second_address(model, network, address),
        host,
        joins: joins(input, model).ok_or_else(nobody)?,
    };
    let mut spec = join::container(model, &input.cluster.network, newcomer);
    if let Some(new) = input.joining {
        new.apply(&mut spec);
    }
    if !spec.more_networks.is_empty() && spec.address.is_none() {
        plan.warnings.push(format!(
            "the engine chooses the addresses in network {}, so {name} may announce that in another; if it does not become Ready, name the one to take with --k3s-arg --node-ip=...",
            spec.network
        ));
    }
    let image = spec.image.clone();
    let memory = spec.resources.memory;
    let ipv6 = spec.address6;
    let pull = Step::PullImage { image };
    let pulled = match plan.steps.iter().position(|planned| planned.step == pull) {
        Some(earlier) => earlier,
        None => plan.add(pull, []),
    };
    let forgotten = plan.add(
        Step::ForgetNode {
            access: input.access(),
            node: name.to_owned(),
        },
        converted,
    );
    let created = plan.add(Step::CreateContainer(Box::new(spec)), [pulled, forgotten]);
    let mut files = scripts::files(input.engine.cgroup_version, host.filter(|_| input.dns_fix));
    files.extend(memory.map(scripts::memory));
    files.extend(ipv6.map(|_| scripts::ipv6()));
    files.extend(input.registries.map(|contents| FileEntry {
        path: REGISTRIES.to_owned(),
        mode: 0o644,
        contents: contents.to_vec(),
    }));
    let container = name.to_owned();
    let filled = plan.add(
        Step::PutFiles {
            container: container.clone(),
            files,
        },
        [created],
    );
    Ok(plan.add(Step::StartContainer { container }, [filled]))
}
