//! What a scale is refused for.

use super::Scale;
use crate::{
    distro::k3s::API_PORT,
    domain::{Distribution, Problem, Role},
};

/// Says why it cannot be done, and what to do instead.
pub(super) fn check(input: &Scale<'_>) -> Result<(), Problem> {
    let cluster = input.cluster;
    let refuse = |why: String, hint: &str| {
        Err(
            Problem::refused(format!("cluster \"{}\" was not scaled", cluster.name), why)
                .with_hint(hint),
        )
    };
    if cluster.distribution == Distribution::Kind {
        return refuse(
            "it is kind's, whose clusters keep the nodes that they were made with".to_owned(),
            "create a k3s cluster instead",
        );
    }
    if input.servers == 0 {
        return refuse(
            "without a server there is no cluster left".to_owned(),
            "delete the cluster, or keep one server",
        );
    }
    // Of etcd's members a majority has to be there; servers whose data are elsewhere need nobody.
    let elsewhere = input.has_own_datastore();
    let majority = |members: usize| if elsewhere { 1 } else { members / 2 + 1 };
    let (running, servers) = cluster.count(Role::Server);
    if running < majority(servers) {
        return refuse(
            format!("{running} of its {servers} servers run, so its API does not answer"),
            "start the cluster first",
        );
    }
    let doomed = input.doomed(Role::Server);
    if !doomed.is_empty() {
        let stay = servers - doomed.len();
        let stopped = doomed.iter().filter(|node| !node.is_running()).count();
        let running = running - (doomed.len() - stopped);
        if running < majority(stay) {
            return refuse(
                format!("of the {stay} that stay only {running} run, and etcd needs a majority"),
                "start the cluster first, so that all servers run",
            );
        }
        let publishes = |port: &crate::domain::PublishedPort| port.container_port == API_PORT;
        let only = cluster.load_balancer.is_none();
        if only && doomed.iter().any(|node| node.ports.iter().any(publishes)) {
            return refuse(
                "one of the servers that would go is the one that publishes the API".to_owned(),
                "a cluster with a load balancer can do without any of its servers",
            );
        }
    }
    Ok(())
}
