//! From nothing to a cluster that a person can use.
//!
//! What takes long is started as early as it can be. The load balancer, which sleeps for six seconds before it does
//! anything, starts as soon as it is there; it knows the servers' fixed addresses. Agents start with the first server:
//! `k3s agent` asks for it every two seconds for as long as it takes. Further servers cannot: `k3s server` gives up when
//! the server that it is to join does not answer, so they wait for the first one's log; then they start together,
//! because k3s itself queues them at etcd ("Waiting for other members to finish joining").

pub(super) mod check;
pub(super) mod network;
mod registries;

use jiff::Timestamp;

use super::{KubeAccess, Kubeconfig, Plan, Step, StepId};
use crate::{
    distro::k3s::{
        self,
        expected::Expected,
        kubeconfig, labels,
        load_balancer::Routes,
        mark, names,
        nodes::{self, Addresses},
        scripts, volumes,
    },
    domain::{
        Cluster, ClusterNetwork, ClusterSpec, ImageVolume, Problem, Registry, Role, Secret,
        container::{
            ContainerInfo, ContainerSpec, EngineInfo, FileEntry, NetworkInfo, NetworkSpec,
            VolumeSpec,
        },
        spec::WaitFor,
    },
};

/// What a create is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Create<'a> {
    /// The cluster that is wanted.
    pub spec: &'a ClusterSpec,
    /// What "done" means.
    pub wait: WaitFor,
    /// What happens to the person's kubeconfig.
    pub kubeconfig: Kubeconfig,
    /// The clusters that are there.
    pub clusters: &'a [Cluster],
    /// The engine's networks, of whatever kind.
    pub networks: &'a [NetworkInfo],
    /// The registries that are there.
    pub registries: &'a [Registry],
    /// The engine's containers, of whoever they are: in a network that is there they have addresses.
    pub containers: &'a [ContainerInfo],
    /// The engine.
    pub engine: &'a EngineInfo,
    /// Values that are chosen outside, because a plan is the same for the same input.
    pub chosen: &'a Chosen,
}

/// What is chosen for a new cluster where the specification leaves it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// A fresh token, used unless the specification has one.
    pub token: Secret,
    /// A free port of the host, used unless the specification names one.
    pub port: u16,
    /// Another one, for a registry that is made with the cluster.
    pub registry_port: u16,
    /// Which process is at it, `host:pid:start time`.
    pub owner: String,
    /// Now.
    pub now: Timestamp,
}

/// What is there already of a cluster whose create was interrupted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Present<'a> {
    /// The containers, as the list found them.
    pub(super) cluster: Option<&'a Cluster>,
    /// Whether its network is there.
    pub(super) network: bool,
    /// The volumes with k3d's label.
    pub(super) volumes: &'a [VolumeSpec],
    /// The volume of its mark, if that is there.
    pub(super) mark: Option<&'a str>,
}

impl Present<'_> {
    fn node(&self, name: &str) -> Option<&crate::domain::Node> {
        self.cluster?.nodes.iter().find(|node| node.name == name)
    }
}

/// What can be said about a specification without looking at the world.
///
/// # Errors
/// Where it contradicts itself, or asks for what cannot be made.
pub fn check(spec: &ClusterSpec) -> Result<(), Problem> {
    check::spec(spec)
}

/// The plan of a create.
///
/// # Errors
/// When the name, a port or the addresses are taken, or the specification contradicts itself.
pub fn plan(input: &Create<'_>) -> Result<Plan, Problem> {
    let spec = input.spec;
    check::spec(spec)?;
    check::name(spec, input.clusters)?;
    let port = spec.api.port.unwrap_or(input.chosen.port);
    check::ports(spec, port, input.clusters)?;
    let around = network::Around {
        networks: input.networks,
        containers: input.containers,
        cluster: None,
    };
    let there = around.network(&network::name(spec));
    let own = matches!(spec.network, ClusterNetwork::Own { .. });
    let leftover = there.filter(|_| own);
    if let Some(network) = leftover {
        check::leftover(spec, network, input.clusters)?;
    }
    let layout = network::layout(spec, &around, port, &input.chosen.token)?;
    let mut plan = Plan::new(
        format!("create cluster \"{}\"", spec.name),
        spec.name.clone(),
    );
    let remains = leftover.map(|network| Step::RemoveNetwork {
        network: network.name.clone(),
    });
    let present = Present {
        network: spec.network == ClusterNetwork::Host || (there.is_some() && !own),
        ..Present::default()
    };
    build(&mut plan, input, &layout, present, remains)?;
    Ok(plan)
}

/// Adds all steps that are not done yet.
pub(super) fn build(
    plan: &mut Plan,
    input: &Create<'_>,
    layout: &nodes::Layout,
    present: Present<'_>,
    remains: Option<Step>,
) -> Result<(), Problem> {
    let spec = input.spec;
    plan.warnings.extend(warnings(spec, layout));
    let mut spec_with_port = spec.clone();
    spec_with_port.api.port = Some(layout.port);
    if let Some(registry) = &mut spec_with_port.registries.create {
        registry.port.get_or_insert(input.chosen.registry_port);
    }
    let marked = mark::of_create(&spec_with_port, &input.chosen.owner, input.chosen.now)?;
    let volume = present
        .mark
        .map_or_else(|| marked.name.clone(), str::to_owned);
    let mark = match present.mark {
        Some(_) => None,
        None => Some(plan.add(Step::CreateVolume(marked), [])),
    };
    let ready = world(plan, spec, layout, present, mark, remains);

    let known = registries::Found::new(input, layout, present)?;
    known.steps(plan, layout, present, &ready.objects);
    let containers = nodes::containers(spec, layout)?;
    let servers = containers
        .iter()
        .filter(|container| labels::role_of(&container.labels) == Role::Server);
    let expected = Expected::of(servers.map(|one| {
        (
            one.name.as_str(),
            one.command.as_slice(),
            one.binds.as_slice(),
        )
    }));
    let mut filled = Vec::new();
    for container in containers {
        filled.push(fill(
            plan,
            input,
            layout,
            present,
            (&ready, &known),
            container,
        )?);
    }

    let of = |role: Role| filled.iter().filter(move |node| node.role == role);
    let all_servers: Vec<&Filled> = of(Role::Server).collect();
    let Some((first, joiners)) = all_servers.split_first() else {
        return Ok(());
    };
    let started = start(plan, first, &[]);
    let mut reachable = started.clone();
    let mut starts = started.clone();
    // Without fixed addresses the load balancer finds only what runs.
    let late = layout.addresses == Addresses::Engine;
    let order = [Role::LoadBalancer, Role::Agent];
    for role in if late { [order[1], order[0]] } else { order } {
        for node in of(role) {
            if role == Role::Agent {
                starts.extend(start(plan, node, &started));
                continue;
            }
            let found = if late { starts.as_slice() } else { &[] };
            let begun = start(plan, node, found);
            if input.wait != WaitFor::Nothing {
                wait_for_log(plan, node, &begun);
            }
            reachable.extend(begun);
        }
    }

    if input.wait != WaitFor::Nothing || !joiners.is_empty() {
        let up = wait_for_log(plan, first, &started);
        let mut joined = Vec::new();
        for joiner in joiners {
            joined.extend(start(plan, joiner, &[up]));
        }
        if spec.load_balancer && !joiners.is_empty() {
            let step = Step::PutFiles {
                container: names::load_balancer(&spec.name),
                files: vec![Routes::new(spec, spec.servers).file()?],
            };
            plan.add(step, reachable.iter().chain(&joined).copied());
        }
        starts.extend(joined);
    }

    usable(
        plan,
        input,
        layout,
        &known,
        &expected,
        (&reachable, &starts),
    );
    let everything: Vec<StepId> = (0..plan.steps.len()).collect();
    plan.add(Step::RemoveVolume { volume }, everything);
    Ok(())
}

/// What is odd about a cluster that can be made all the same.
fn warnings(spec: &ClusterSpec, layout: &nodes::Layout) -> Vec<String> {
    let mut warnings = Vec::new();
    if spec.servers == 2 && !nodes::has_own_datastore(spec) {
        warnings.push(
            "two servers are less safe than one: etcd needs both of them to work; take 1 or 3"
                .to_owned(),
        );
    }
    if spec.image_volume == ImageVolume::None {
        warnings.push(
            "without a volume for images k3d can neither start this cluster again nor add nodes to it"
                .to_owned(),
        );
    }
    if layout.addresses == Addresses::Engine && layout.subnet.is_some() && spec.servers > 1 {
        warnings.push(format!(
            "in network {} the engine chooses the addresses; if it gives servers others than before, etcd will not find them",
            layout.network
        ));
    }
    warnings.extend(check::shared_ports(spec));
    warnings.extend(check::for_nobody(spec));
    warnings
}

/// What containers need before they can be created.
struct World {
    node_image: StepId,
    proxy_image: Option<StepId>,
    objects: Vec<StepId>,
}

fn world(
    plan: &mut Plan,
    spec: &ClusterSpec,
    layout: &nodes::Layout,
    present: Present<'_>,
    mark: Option<StepId>,
    remains: Option<Step>,
) -> World {
    let pull = |plan: &mut Plan, image: &str| {
        let image = image.to_owned();
        plan.add(Step::PullImage { image }, mark)
    };
    let node_image = pull(plan, &spec.image);
    let proxy_image = spec.load_balancer.then(|| pull(plan, &spec.proxy_image));
    let mut objects = Vec::new();
    if let (false, Some(subnet)) = (present.network, layout.subnet) {
        let before = remains.map_or(mark, |step| Some(plan.add(step, mark)));
        let network = NetworkSpec {
            name: layout.network.clone(),
            subnet,
            ipv6: layout.ipv6,
            labels: labels::network(),
        };
        objects.push(plan.add(Step::CreateNetwork(network), before));
    }
    for volume in volumes::managed(spec) {
        if !present
            .volumes
            .iter()
            .any(|there| there.name == volume.name)
        {
            objects.push(plan.add(Step::CreateVolume(volume), mark));
        }
    }
    World {
        node_image,
        proxy_image,
        objects,
    }
}

/// A container with everything in it that it needs to start.
struct Filled {
    name: String,
    role: Role,
    running: bool,
    ready: Vec<StepId>,
}

fn fill(
    plan: &mut Plan,
    input: &Create<'_>,
    layout: &nodes::Layout,
    present: Present<'_>,
    (world, known): (&World, &registries::Found<'_>),
    container: ContainerSpec,
) -> Result<Filled, Problem> {
    let spec = input.spec;
    let name = container.name.clone();
    let role = labels::role_of(&container.labels);
    let memory = container.resources.memory;
    let ipv6 = container.address6.filter(|_| role.is_kubernetes());
    let found = present.node(&name);
    if found.is_some_and(crate::domain::Node::is_running) {
        return Ok(Filled {
            name,
            role,
            running: true,
            ready: Vec::new(),
        });
    }
    let mut before = world.objects.clone();
    before.push(match (role, world.proxy_image) {
        (Role::LoadBalancer, Some(image)) => image,
        _ => world.node_image,
    });
    if found.is_none() {
        before = vec![plan.add(Step::CreateContainer(Box::new(container)), before)];
    }
    let mut files = if role == Role::LoadBalancer {
        vec![Routes::new(spec, 1).file()?]
    } else {
        scripts::files(
            input.engine.cgroup_version,
            layout.host.filter(|_| spec.dns_fix),
        )
    };
    files.extend(known.file().filter(|_| role.is_kubernetes()));
    files.extend(memory.map(scripts::memory));
    files.extend(ipv6.map(|_| scripts::ipv6()));
    let number = number_of(&name);
    let own = spec.files.iter().filter(|item| item.is_for(role, number));
    files.extend(own.map(|item| FileEntry {
        path: volumes::path(&item.value.path),
        ..item.value.clone()
    }));
    let container = name.clone();
    let ready = vec![plan.add(Step::PutFiles { container, files }, before)];
    Ok(Filled {
        name,
        role,
        running: false,
        ready,
    })
}

/// The number at the end of a node's name; the load balancer is 0.
fn number_of(name: &str) -> u32 {
    let digits = name
        .rsplit('-')
        .next()
        .and_then(|digits| digits.parse().ok());
    digits.unwrap_or(0)
}

/// Starts a container that does not run. The step's place, or nothing.
fn start(plan: &mut Plan, node: &Filled, after: &[StepId]) -> Vec<StepId> {
    if node.running {
        return Vec::new();
    }
    let container = node.name.clone();
    let before: Vec<StepId> = node.ready.iter().chain(after).copied().collect();
    vec![plan.add(Step::StartContainer { container }, before)]
}

fn wait_for_log(plan: &mut Plan, node: &Filled, after: &[StepId]) -> StepId {
    let step = Step::WaitForLog {
        container: node.name.clone(),
        role: node.role,
    };
    plan.add(step, after.iter().copied())
}

/// The waits and settings that make it a cluster that a person can use.
fn usable(
    plan: &mut Plan,
    input: &Create<'_>,
    layout: &nodes::Layout,
    known: &registries::Found<'_>,
    expected: &Expected,
    (reachable, starts): (&[StepId], &[StepId]),
) {
    let spec = input.spec;
    plan.warnings
        .extend(expected.notes(input.wait == WaitFor::All));
    let servers = (0..spec.servers).map(|n| names::server(&spec.name, n.into()));
    let agents = (0..spec.agents).map(|n| names::agent(&spec.name, n.into()));
    let api = crate::domain::ApiEndpoint {
        port: Some(layout.port),
        ..spec.api.clone()
    };
    let access = KubeAccess {
        servers: servers.clone().collect(),
        url: kubeconfig::url(&api),
        published: kubeconfig::published(&api),
    };
    let merge = input.kubeconfig.step(&spec.name, &access);
    if input.wait == WaitFor::Nothing {
        plan.warnings.push(format!(
            "{} is not set in pods: that needs the API, which is not waited for",
            k3s::hosts::NAME
        ));
        if let Some(step) = merge {
            plan.add(step, reachable.iter().copied());
        }
        return;
    }
    let api = plan.add(
        Step::WaitForApi {
            access: access.clone(),
        },
        reachable.iter().copied(),
    );
    if let Some(step) = merge {
        plan.add(step, [api]);
    }
    let records = k3s::hosts::records(layout.host, &spec.host_aliases);
    if !records.is_empty() && expected.coredns {
        let access = access.clone();
        plan.add(Step::SetPodHosts { access, records }, [api]);
    }
    known.record(plan, &access, api);
    plan.add(
        Step::WaitForServiceAccount {
            access: access.clone(),
        },
        [api],
    );
    let nodes = plan.add(
        Step::WaitForNodes {
            access: access.clone(),
            nodes: servers
                .chain(agents)
                .filter(|name| expected.is_node(name))
                .collect(),
            ready: expected.ready,
        },
        starts.iter().copied().chain([api]),
    );
    if input.wait == WaitFor::All && expected.system_pods {
        plan.add(Step::WaitForSystemPods { access }, [nodes]);
    }
}

#[cfg(test)]
mod tests;
