//! Single nodes: started, stopped, removed without a word to Kubernetes, joined to a cluster that is elsewhere. What
//! Kubernetes has a say in is a change of the cluster's size, [`super::scale`].

mod remote;

use std::collections::BTreeMap;

pub use remote::{Remote, plan as join_remote};

use super::{Plan, Step, StepId, Subject, Upstreams};
use crate::{
    distro::k3s::{join, labels},
    domain::{
        Cluster, Node, Problem, Role, Secret,
        container::{ContainerSpec, Resources},
        spec::WaitFor,
    },
};

/// Nodes that are wanted for a cluster that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNodes {
    /// Their name; `k3d-` stands before it and a number behind it.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// How many; at least one.
    pub count: u16,
    /// Their image; `None` is that of the nodes that are there.
    pub image: Option<String>,
    /// What they may use; where nothing is said, as much as the nodes of their role that are there.
    pub resources: Resources,
    /// Labels of the Kubernetes nodes, `key=value`.
    pub node_labels: Vec<String>,
    /// Labels of the containers.
    pub labels: BTreeMap<String, String>,
    /// Networks that they are in besides the cluster's.
    pub networks: Vec<String>,
    /// Further arguments of k3s.
    pub k3s_args: Vec<String>,
    /// What they join with; `None` is the cluster's token.
    pub token: Option<Secret>,
}

impl NewNodes {
    /// The name of the `number`th.
    #[must_use]
    pub fn node(&self, number: u32) -> String {
        format!("k3d-{}-{number}", self.name)
    }

    /// Puts what is wanted into a node's container.
    pub(super) fn apply(&self, spec: &mut ContainerSpec) {
        if let Some(image) = &self.image {
            spec.image.clone_from(image);
        }
        let wanted = &self.resources;
        let own = &mut spec.resources;
        own.memory = wanted.memory.or(own.memory);
        own.nano_cpus = wanted.nano_cpus.or(own.nano_cpus);
        for limit in &wanted.ulimits {
            own.ulimits.retain(|there| there.name != limit.name);
            own.ulimits.push(limit.clone());
        }
        spec.command.extend(self.k3s_args.iter().cloned());
        let node_labels = self.node_labels.iter().cloned();
        spec.command
            .extend(node_labels.flat_map(|label| ["--node-label".to_owned(), label]));
        spec.labels.extend(self.labels.clone());
        let more = self.networks.iter();
        let more = more.filter(|network| **network != spec.network).cloned();
        spec.more_networks.extend(more);
        if let Some(token) = &self.token {
            let token = token.reveal();
            spec.env.retain(|line| !line.starts_with("K3S_TOKEN="));
            spec.env.push(format!("K3S_TOKEN={token}"));
            spec.labels
                .insert(labels::TOKEN.to_owned(), token.to_owned());
        }
        join::announce(spec);
    }
}

/// The plan that starts nodes, whatever they are. `upstreams` is known where they are of a cluster that is there.
#[must_use]
pub fn start(
    about: &Subject,
    nodes: &[&Node],
    upstreams: Option<Upstreams<'_>>,
    wait: WaitFor,
) -> Plan {
    let mut plan = Plan::new(format!("start {}", names(nodes)), about.clone());
    plan.undoable = false;
    let down = nodes.iter().filter(|node| !node.is_running());
    let (balancers, others): (Vec<&Node>, Vec<&Node>) = down.partition(|node| balances(node));
    let mut begun: Vec<StepId> = Vec::new();
    for node in others {
        begun.push(begin(&mut plan, node, &[], wait));
    }
    // It finds them as soon as they run, and looks for them when it starts.
    let runs = |node: &Node| node.is_running() || nodes.iter().any(|new| new.id == node.id);
    begun.extend(upstreams.and_then(|known| known.settle(&mut plan, runs, &begun)));
    for node in balancers {
        begin(&mut plan, node, &begun, wait);
    }
    plan
}

/// Adds the steps that start a node, and returns the first of them.
fn begin(plan: &mut Plan, node: &Node, after: &[StepId], wait: WaitFor) -> StepId {
    let container = node.name.clone();
    let started = plan.add(Step::StartContainer { container }, after.iter().copied());
    if wait != WaitFor::Nothing && (node.role.is_kubernetes() || balances(node)) {
        let step = Step::WaitForLog {
            container: node.name.clone(),
            role: node.role,
        };
        plan.add(step, [started]);
    }
    started
}

/// The plan that stops nodes, whatever they are. The load balancer forgets them first, so that nothing is sent to them and
/// it can start without them.
#[must_use]
pub fn stop(about: &Subject, nodes: &[&Node], upstreams: Option<Upstreams<'_>>) -> Plan {
    let mut plan = Plan::new(format!("stop {}", names(nodes)), about.clone());
    plan.undoable = false;
    let stays = |node: &Node| node.is_running() && !nodes.iter().any(|gone| gone.id == node.id);
    let settled = upstreams.and_then(|known| known.settle(&mut plan, stays, &[]));
    for node in nodes.iter().filter(|node| node.is_running()) {
        let container = node.name.clone();
        plan.add(Step::StopContainer { container }, settled);
    }
    if nodes.iter().any(|node| balances(node)) {
        plan.warnings
            .push("nothing reaches the cluster without its load balancer".to_owned());
    }
    plan
}

fn balances(node: &Node) -> bool {
    node.role == Role::LoadBalancer
}

/// The plan that removes containers of a cluster whose API nobody can or need tell: all of its nodes, what is no
/// Kubernetes node, and agents of a cluster that does not run.
///
/// # Errors
/// When servers were to go from a cluster that does not run, or all of them, and other nodes were to stay.
pub fn remove(cluster: &Cluster, nodes: &[&Node]) -> Result<Plan, Problem> {
    let mut plan = Plan::new(format!("remove {}", names(nodes)), cluster.name.clone());
    plan.undoable = false;
    let goes = |node: &Node| nodes.iter().any(|gone| gone.id == node.id);
    let stays = cluster.with_role(Role::Server).any(|node| !goes(node));
    let server = nodes.iter().find(|node| node.role == Role::Server);
    if let (true, Some(server)) = (stays, server) {
        return Err(Problem::refused(
            format!("{} was not removed", server.name),
            "the other servers have to agree to its leaving, and their API does not answer",
        )
        .with_hint("start the cluster first"));
    }
    let rest = cluster.nodes.iter().any(|node| !goes(node));
    if let (false, true, Some(server)) = (stays, rest, server) {
        return Err(Problem::refused(
            format!("{} was not removed", server.name),
            "without a server there is no cluster left",
        )
        .with_hint("delete the cluster, or name all of its nodes"));
    }
    if stays && nodes.iter().any(|node| node.role == Role::Agent) {
        plan.warnings.push(
            "the cluster does not run, so Kubernetes goes on knowing these nodes; take them out with kubectl"
                .to_owned(),
        );
    }
    if stays && nodes.iter().any(|node| balances(node)) {
        plan.warnings
            .push("nothing reaches the cluster without its load balancer".to_owned());
    }
    discard(&mut plan, nodes);
    Ok(plan)
}

/// The plan that removes registries of no cluster, and nodes whose cluster is elsewhere.
#[must_use]
pub fn remove_registry(about: &Subject, nodes: &[&Node]) -> Plan {
    let mut plan = Plan::new(format!("remove {}", names(nodes)), about.clone());
    plan.undoable = false;
    discard(&mut plan, nodes);
    plan
}

/// Adds the steps that remove containers.
pub fn discard(plan: &mut Plan, nodes: &[&Node]) {
    for node in nodes {
        let container = node.name.clone();
        plan.add(Step::RemoveContainer { container }, []);
    }
}

fn names(nodes: &[&Node]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        distro::{self, k3s::load_balancer::Routes},
        domain::{Protocol, container::ContainerState},
        plan::fixtures::{demo, demo_details},
    };

    fn cluster(servers: u16, agents: u16, state: ContainerState) -> Cluster {
        let mut containers = demo(servers, agents);
        for container in &mut containers {
            container.id.clone_from(&container.name);
            container.state = state;
        }
        distro::clusters(&containers, &[]).remove(0)
    }

    fn named<'a>(cluster: &'a Cluster, words: &[&str]) -> Vec<&'a Node> {
        let all = cluster.nodes.iter();
        all.filter(|node| words.iter().any(|word| node.name.ends_with(word)))
            .collect()
    }

    #[test]
    fn nodes_start_and_stop_by_themselves() {
        let about: Subject = cluster(1, 1, ContainerState::Exited).name.into();
        let down = cluster(1, 1, ContainerState::Exited);
        let text = start(&about, &named(&down, &["agent-0"]), None, WaitFor::Usable).to_text();
        assert!(
            text.contains("start k3d-demo-agent-0") && text.contains("wait for"),
            "{text}"
        );
        assert!(
            stop(&about, &named(&down, &["agent-0"]), None)
                .steps
                .is_empty()
        );
        let up = cluster(1, 1, ContainerState::Running);
        assert!(
            start(&about, &named(&up, &["agent-0"]), None, WaitFor::Usable)
                .steps
                .is_empty()
        );
        let balancer = stop(&about, &named(&up, &["serverlb"]), None);
        assert_eq!((balancer.steps.len(), balancer.warnings.len()), (1, 1));
    }

    #[test]
    fn the_load_balancer_only_knows_nodes_that_it_finds() {
        let mut up = cluster(1, 2, ContainerState::Running);
        let mut details = demo_details(1, 2);
        for detail in &mut details {
            detail.info.id.clone_from(&detail.info.name);
            // The second agent came later, so the engine alone knows where it is.
            let late = |line: &String| line.starts_with("k3d-demo-agent-1");
            detail.extra_hosts.retain(|line| !late(line));
        }
        let about: Subject = up.name.clone().into();
        let wanted =
            "ports: {6443.tcp: [k3d-demo-server-0], 80.tcp: [k3d-demo-agent-0, k3d-demo-agent-1]}";
        let routes = Routes::parse(wanted).unwrap();
        let of = |cluster: &Cluster, routes: &Routes, verb: &str, names: &[&str]| {
            let upstreams = Some(Upstreams {
                cluster,
                details: &details,
                routes: Some(routes),
            });
            let nodes = named(cluster, names);
            let plan = match verb {
                "stop" => stop(&about, &nodes, upstreams),
                _ => start(&about, &nodes, upstreams, WaitFor::Nothing),
            };
            let written = plan.steps.iter().find_map(|planned| match &planned.step {
                Step::PutFiles { files, .. } => files.first(),
                _ => None,
            });
            let text = written.map(|file| String::from_utf8(file.contents.clone()).unwrap());
            (plan, text.map(|text| Routes::parse(&text).unwrap()))
        };
        assert_eq!(of(&up, &routes, "stop", &["agent-0"]).1, None);
        let (plan, without) = of(&up, &routes, "stop", &["agent-1"]);
        let without = without.unwrap();
        let targets = without.targets(80, Protocol::Tcp);
        assert_eq!(targets, ["k3d-demo-agent-0"], "{}", plan.to_text());
        assert_eq!(plan.steps[1].after, [0]);
        // Somebody else stopped it; then a load balancer that starts is told.
        for node in &mut up.nodes {
            if node.name.ends_with("agent-1") || balances(node) {
                node.state = ContainerState::Exited;
            }
        }
        let (plan, written) = of(&up, &routes, "start", &["serverlb"]);
        assert_eq!(written.as_ref(), Some(&without));
        assert_eq!(plan.steps[1].after, [0]);
        let (plan, written) = of(&up, &without, "start", &["agent-1"]);
        assert_eq!(written.as_ref(), Some(&routes));
        assert_eq!(plan.steps[1].after, [0]);
        assert_eq!(of(&up, &routes, "start", &["agent-1", "serverlb"]).1, None);
    }

    #[test]
    fn nodes_of_a_cluster_that_does_not_run_go_without_a_word_to_it() {
        let down = cluster(3, 1, ContainerState::Exited);
        let agent = remove(&down, &named(&down, &["agent-0"])).unwrap();
        assert_eq!((agent.steps.len(), agent.warnings.len()), (1, 1));
        let server = remove(&down, &named(&down, &["server-2"])).unwrap_err();
        assert!(server.why.contains("agree"), "{server}");
        let servers = named(&down, &["server-0", "server-1", "server-2"]);
        let servers = remove(&down, &servers).unwrap_err();
        assert!(servers.why.contains("without a server"), "{servers}");
        let all = remove(&down, &named(&down, &[""])).unwrap();
        assert_eq!(all.steps.len(), 5);
        assert!(!all.undoable && all.risk().len() == 5);
    }
}
