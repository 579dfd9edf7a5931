//! A stopped, or half stopped, cluster back to where a person can use it.
//!
//! All servers start together: of an etcd cluster a majority has to be there before any of them answers. What a restart
//! makes the engine and k3s forget, `host.k3d.internal` in nodes and in pods, is set again.

use std::{collections::BTreeSet, net::IpAddr};

use super::{KubeAccess, Plan, Step, StepId, Upstreams, mend::mend};
use crate::{
    distro::k3s::{expected::Expected, hosts, load_balancer::Routes, names},
    domain::{
        Cluster, Distribution, HostAlias, Node, Role,
        container::{ContainerDetail, NetworkInfo},
        spec::WaitFor,
    },
};

/// What a start is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its nodes, inspected, as far as they could be: they tell which hosts files the engine keeps right by itself.
    pub details: &'a [ContainerDetail],
    /// The engine's networks.
    pub networks: &'a [NetworkInfo],
    /// The load balancer's configuration, where it has one.
    pub routes: Option<&'a Routes>,
    /// What "done" means.
    pub wait: WaitFor,
}

/// The plan of a start.
#[must_use]
pub fn plan(input: &Start<'_>) -> Plan {
    let cluster = input.cluster;
    let mut plan = Plan::new(
        format!("start cluster \"{}\"", cluster.name),
        cluster.name.clone(),
    );
    // A cluster that does not come up is looked into; stopping it again would take its logs' end away.
    plan.undoable = false;
    let (mended, before) = mend(&mut plan, cluster);
    let cluster = &mended;
    let input = &Start { cluster, ..*input };
    let down: BTreeSet<&str> = cluster
        .nodes
        .iter()
        .filter(|node| !node.is_running())
        .map(|node| node.name.as_str())
        .collect();
    start(&mut plan, input, &down, &before);
    plan
}

/// Adds the steps that start the containers named in `down`, each after all of `before`.
pub(super) fn start(plan: &mut Plan, input: &Start<'_>, down: &BTreeSet<&str>, before: &[StepId]) {
    let cluster = input.cluster;
    let tools = names::tools(&cluster.name);
    let up = |plan: &mut Plan, role: Role, after: &[StepId]| -> Vec<(Node, StepId)> {
        let mut begun: Vec<(Node, StepId)> = Vec::new();
        for node in cluster.with_role(role) {
            if !down.contains(node.name.as_str()) || node.name == tools {
                continue;
            }
            // The engine hands out addresses in the order of starts. One after the other, nodes without fixed ones
            // most likely get those that they had.
            let previous = begun.last().map(|(_, id)| *id);
            let previous = previous.filter(|_| node.fixed_address.is_none());
            let container = node.name.clone();
            let step = Step::StartContainer { container };
            let id = plan.add(step, after.iter().chain(before).copied().chain(previous));
            begun.push((node.clone(), id));
        }
        begun
    };
    let ids = |begun: &[(Node, StepId)]| begun.iter().map(|(_, id)| *id).collect::<Vec<_>>();
    up(plan, Role::Registry, &[]);
    up(plan, Role::Helper, &[]);
    let mut begun = up(plan, Role::Server, &[]);
    if begun.len() > 1 && begun.iter().any(|(node, _)| node.fixed_address.is_none()) {
        plan.warnings.push(
            "its servers have no fixed addresses; if the engine gives them others than before, etcd will not find them"
                .to_owned(),
        );
    }
    let servers = ids(&begun);
    begun.extend(up(plan, Role::Agent, &servers));
    let upstreams = Upstreams {
        cluster,
        details: input.details,
        routes: input.routes,
    };
    let nodes = ids(&begun);
    let mut balancers = cluster.with_role(Role::LoadBalancer);
    let balanced = balancers.all(|node| !down.contains(node.name.as_str()));
    // Where it serves already, it takes a name only when it finds it. Else names have to resolve when it looks, which is
    // six seconds after its start.
    let after = if balanced { &nodes } else { before };
    let settled = upstreams.settle(plan, |node| node.role.is_kubernetes(), after);
    let ready: Vec<StepId> = servers.iter().copied().chain(settled).collect();
    let balancers = up(plan, Role::LoadBalancer, &ready);
    if cluster.distribution == Distribution::Kind {
        return;
    }
    let records = hosts::records(host(input), &cluster.host_aliases);
    heal_nodes(plan, input, &begun, &records);
    if input.wait != WaitFor::Nothing {
        let reachable: Vec<StepId> = servers.into_iter().chain(ids(&balancers)).collect();
        begun.extend(balancers);
        usable(plan, input, &begun, &reachable, before, records);
    }
}

/// What can come true of a cluster that is there, by the command lines of its servers.
pub(super) fn expected(cluster: &Cluster, details: &[ContainerDetail]) -> Expected {
    let servers = details.iter().filter(|detail| {
        let mut servers = cluster.with_role(Role::Server);
        servers.any(|node| node.name == detail.info.name)
    });
    Expected::of(servers.map(|one| {
        (
            one.info.name.as_str(),
            one.command.as_slice(),
            one.binds.as_slice(),
        )
    }))
}

/// The address of this machine in the cluster's network.
fn host(input: &Start<'_>) -> Option<IpAddr> {
    input
        .networks
        .iter()
        .find(|network| network.name == input.cluster.network)?
        .gateway
}

fn heal_nodes(plan: &mut Plan, input: &Start<'_>, begun: &[(Node, StepId)], records: &[HostAlias]) {
    for (node, started) in begun {
        let kept = records.is_empty()
            || input.details.iter().any(|detail| {
                detail.info.id == node.id && hosts::has_engine_lines(&detail.extra_hosts, records)
            });
        if !kept {
            let container = node.name.clone();
            let records = records.to_vec();
            plan.add(Step::SetNodeHosts { container, records }, [*started]);
        }
    }
}

fn usable(
    plan: &mut Plan,
    input: &Start<'_>,
    begun: &[(Node, StepId)],
    reachable: &[StepId],
    before: &[StepId],
    records: Vec<HostAlias>,
) {
    let cluster = input.cluster;
    let access = KubeAccess::of(cluster);
    let expected = expected(cluster, input.details);
    plan.warnings
        .extend(expected.notes(input.wait == WaitFor::All));
    let api = plan.add(
        Step::WaitForApi {
            access: access.clone(),
        },
        reachable.iter().chain(before).copied(),
    );
    // A node that was stopped a moment ago still counts as Ready; its own log is what tells that it is back.
    let mut back = vec![api];
    for (node, started) in begun {
        let step = Step::WaitForLog {
            container: node.name.clone(),
            role: node.role,
        };
        back.push(plan.add(step, [*started]));
    }
    if !records.is_empty() && expected.coredns {
        let access = access.clone();
        plan.add(Step::SetPodHosts { access, records }, [api]);
    }
    let nodes = cluster
        .nodes
        .iter()
        .filter(|node| node.role.is_kubernetes() && expected.is_node(&node.name))
        .map(|node| node.name.clone())
        .collect();
    plan.add(
        Step::WaitForServiceAccount {
            access: access.clone(),
        },
        [api],
    );
    let ready = plan.add(
        Step::WaitForNodes {
            access: access.clone(),
            nodes,
            ready: expected.ready,
        },
        back,
    );
    if input.wait == WaitFor::All && expected.system_pods {
        plan.add(Step::WaitForSystemPods { access }, [ready]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        distro,
        domain::{
            Protocol,
            container::{ContainerInfo, ContainerState},
        },
        plan::fixtures::{demo, demo_details, network},
    };

    fn started(containers: &[ContainerInfo], details: &[ContainerDetail]) -> Plan {
        let cluster = distro::clusters(containers, &[]).remove(0);
        plan(&Start {
            cluster: &cluster,
            details,
            networks: &[network("k3d-demo", "172.18.0.0/16")],
            routes: None,
            wait: WaitFor::Usable,
        })
    }

    fn stopped(servers: u16, agents: u16) -> Vec<ContainerInfo> {
        let mut all = demo(servers, agents);
        for container in &mut all {
            container.state = ContainerState::Exited;
        }
        all
    }

    #[test]
    fn all_servers_start_together_and_everything_is_waited_for() {
        let plan = started(&stopped(3, 1), &demo_details(3, 1));
        insta::assert_snapshot!(plan.to_text());
    }

    #[test]
    fn nodes_that_k3d_made_get_their_hosts_line_again() {
        let mut details = demo_details(1, 1);
        for detail in &mut details {
            detail.extra_hosts.clear();
        }
        let plan = started(&stopped(1, 1), &details);
        insta::assert_snapshot!(plan.to_text());
    }

    #[test]
    fn names_of_addresses_are_set_again_from_the_label() {
        let mut containers = stopped(1, 0);
        for container in &mut containers {
            let text = r#"[{"ip":"10.1.2.3","hostnames":["db"]},{"ip":"x","hostnames":["y"]}]"#;
            let label = "k3d.cluster.start.hostaliases".to_owned();
            container.labels.insert(label, text.to_owned());
        }
        let text = started(&containers, &demo_details(1, 0)).to_text();
        let both = "point host.k3d.internal to 172.18.0.1, db to 10.1.2.3 in";
        assert!(text.contains(&format!("{both} pods")), "{text}");
        assert!(
            text.contains(&format!("{both} k3d-demo-server-0")),
            "{text}"
        );
    }

    #[test]
    fn servers_without_fixed_addresses_start_one_after_the_other_with_a_warning() {
        let mut containers = stopped(3, 0);
        for place in containers.iter_mut().flat_map(|c| &mut c.attachments) {
            place.fixed = None;
        }
        let plan = started(&containers, &demo_details(3, 0));
        let after: Vec<&[StepId]> = plan.steps[..3].iter().map(|s| &s.after[..]).collect();
        assert_eq!(after, [&[][..], &[0], &[1]]);
        assert_eq!(plan.warnings.len(), 1);
    }

    #[test]
    fn the_load_balancer_starts_without_nodes_that_are_gone_and_with_those_that_come_back() {
        let text = "ports: {6443.tcp: [k3d-demo-server-0, k3d-demo-server-1]}\nstopped: {80.tcp: [k3d-demo-agent-0]}";
        let routes = Routes::parse(text).unwrap();
        let mut containers = stopped(1, 1);
        let mut details = demo_details(1, 1);
        let ids = containers.iter_mut().map(|one| (&mut one.id, &one.name));
        let more = details
            .iter_mut()
            .map(|one| (&mut one.info.id, &one.info.name));
        for (id, name) in ids.chain(more) {
            id.clone_from(name);
        }
        let cluster = distro::clusters(&containers, &[]).remove(0);
        let plan = plan(&Start {
            cluster: &cluster,
            details: &details,
            networks: &[],
            routes: Some(&routes),
            wait: WaitFor::Nothing,
        });
        let place = |wanted: fn(&Step) -> bool| plan.steps.iter().position(|one| wanted(&one.step));
        let written = place(|step| matches!(step, Step::PutFiles { .. })).unwrap();
        let begun = place(
            |step| matches!(step, Step::StartContainer { container } if container.ends_with("lb")),
        );
        assert!(plan.steps[begun.unwrap()].after.contains(&written));
        let Step::PutFiles { files, .. } = &plan.steps[written].step else {
            unreachable!()
        };
        let file = String::from_utf8(files[0].contents.clone()).unwrap();
        let now = Routes::parse(&file).unwrap();
        assert_eq!(now.targets(6443, Protocol::Tcp), ["k3d-demo-server-0"]);
        assert_eq!(now.targets(80, Protocol::Tcp), ["k3d-demo-agent-0"]);
    }

    #[test]
    fn only_what_does_not_run_is_started() {
        let mut containers = demo(1, 1);
        containers[0].state = ContainerState::Exited;
        let text = started(&containers, &demo_details(1, 1)).to_text();
        assert_eq!(text.matches("~ start").count(), 1, "{text}");
        let running = started(&demo(1, 1), &demo_details(1, 1)).to_text();
        assert_eq!(running.matches("~ start").count(), 0, "{running}");
        assert!(running.contains("point host.k3d.internal"));
    }
}
