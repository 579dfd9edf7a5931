//! The steps by which a lone server gets a datastore that others can join.
//!
//! k3s copies what is in `SQLite` into etcd when it starts with `--cluster-init` on such data. An engine does not change
//! the command of a container, so another one with the same volumes takes the server's place; what is in none of them,
//! the node's password above all, is put into it.

use super::Scale;
use crate::{
    distro::k3s::{join, labels, replace, scripts},
    domain::{Role, container::ContainerDetail},
    plan::{Plan, Step, StepId},
};

/// Adds them where servers are to join that could not, and returns the step after which they can.
pub(super) fn add(plan: &mut Plan, input: &Scale<'_>) -> Option<StepId> {
    let cluster = input.cluster;
    let servers: Vec<&ContainerDetail> = cluster
        .with_role(Role::Server)
        .filter_map(|node| input.detail(node))
        .collect();
    let more = input.wanted(Role::Server) > cluster.count(Role::Server).1;
    let [server] = servers.as_slice() else {
        return None;
    };
    if !more || join::can_take_servers(&servers) {
        return None;
    }
    let name = server.info.name.clone();
    let old = replace::before(&name);
    let mut spec = replace::again(server, &name, &cluster.network);
    spec.volumes_from = Some(old.clone());
    spec.command.push("--cluster-init".to_owned());
    spec.labels
        .insert(labels::INIT.to_owned(), true.to_string());
    plan.warnings.push(format!(
        "{name} moves its data from SQLite into etcd and is away meanwhile; they stay in etcd even if the rest fails"
    ));
    let mut files = Vec::new();
    let network = input
        .networks
        .iter()
        .find(|network| network.name == cluster.network);
    if let Some(gateway) = network.and_then(|network| network.gateway)
        && spec.entrypoint.first().map(String::as_str) == Some(scripts::ENTRYPOINT)
    {
        files.extend(scripts::files(
            input.engine.cgroup_version,
            input.dns_fix.then_some(gateway),
        ));
    }
    files.extend(spec.resources.memory.map(scripts::memory));
    files.extend(spec.address6.map(|_| scripts::ipv6()));
    files.extend(input.kept.iter().cloned());
    // While it is away nobody answers, so whatever asks the API is done before.
    let mut before: Vec<StepId> = (0..plan.steps.len()).collect();
    let image = spec.image.clone();
    before.push(plan.add(Step::PullImage { image }, []));
    let renamed = Step::RenameContainer {
        container: name.clone(),
        to: old.clone(),
    };
    let renamed = plan.add(renamed, before);
    let created = plan.add(Step::CreateContainer(Box::new(spec)), [renamed]);
    let container = name.clone();
    let filled = plan.add(Step::PutFiles { container, files }, [created]);
    let exchanged = Step::Exchange {
        stop: old,
        start: name.clone(),
    };
    let exchanged = plan.add(exchanged, [filled]);
    let up = Step::WaitForLog {
        container: name,
        role: Role::Server,
    };
    let up = plan.add(up, [exchanged]);
    let access = input.access();
    Some(plan.add(Step::WaitForApi { access }, [up]))
}

/// Adds the last step: the server as it was goes when nothing can fail any more.
pub(super) fn end(plan: &mut Plan, input: &Scale<'_>, converted: Option<StepId>) {
    let servers = input.cluster.with_role(Role::Server).next();
    if let (Some(_), Some(server)) = (converted, servers) {
        let everything: Vec<StepId> = (0..plan.steps.len()).collect();
        let container = replace::before(&server.name);
        plan.add(Step::Discard { container }, everything);
    }
}
