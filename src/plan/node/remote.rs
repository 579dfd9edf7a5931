//! Nodes for a cluster that is elsewhere, by its URL and token: containers here that join over the network.
//!
//! k3d's labels for them are kept: the URL stands in the place of the cluster's name.

use super::NewNodes;
use crate::{
    distro::k3s::{KUBECONFIG_PATH, hosts, labels, scripts},
    domain::{
        ClusterName, Problem,
        container::{ContainerInfo, ContainerSpec, EngineInfo, NetworkInfo},
        spec::WaitFor,
    },
    plan::{Plan, Step},
};

/// The engine's own network, where no other is asked for.
const BRIDGE: &str = "bridge";

/// What joining a cluster elsewhere is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Remote<'a> {
    /// Where its API is, `https://host:6443`.
    pub url: &'a str,
    /// The nodes. Their first network is where they live.
    pub new: &'a NewNodes,
    /// The engine's containers.
    pub containers: &'a [ContainerInfo],
    /// The engine's networks.
    pub networks: &'a [NetworkInfo],
    /// The engine.
    pub engine: &'a EngineInfo,
    /// Whether they are waited for.
    pub wait: WaitFor,
}

/// The plan.
///
/// # Errors
/// When image or token are not known.
pub fn plan(input: &Remote<'_>) -> Result<Plan, Problem> {
    let new = input.new;
    let missing = |what: &str, hint: &str| {
        Problem::usage(
            format!("no node can join the cluster at {}", input.url),
            format!("its {what} is not known here"),
        )
        .with_hint(hint)
    };
    if new.token.is_none() {
        return Err(missing("token", "give it with --token"));
    }
    let image = new
        .image
        .clone()
        .ok_or_else(|| missing("image", "name one with --image"))?;
    let home = new.networks.first().map_or(BRIDGE, String::as_str);
    let network = input.networks.iter().find(|network| network.name == home);
    let gateway = network.and_then(|network| network.gateway);
    let mut plan = Plan::new(
        format!("join {} to the cluster at {}", new.name, input.url),
        ClusterName::existing(input.url),
    );
    let pulled = plan.add(
        Step::PullImage {
            image: image.clone(),
        },
        [],
    );
    let free = (0..)
        .map(|number| new.node(number))
        .filter(|name| !input.containers.iter().any(|there| there.name == *name));
    for name in free.take(new.count.into()) {
        let word = labels::role_word(new.role);
        let mut spec = ContainerSpec {
            name: name.clone(),
            image: image.clone(),
            entrypoint: vec![scripts::ENTRYPOINT.to_owned()],
            command: vec![word.to_owned()],
            env: vec![
                format!("K3S_URL={}", input.url),
                format!("K3S_KUBECONFIG_OUTPUT={KUBECONFIG_PATH}"),
            ],
            labels: labels::remote(input.url, new.role),
            network: home.to_owned(),
            tmpfs: vec!["/run".to_owned(), "/var/run".to_owned()],
            privileged: true,
            extra_hosts: hosts::engine_lines(&hosts::records(gateway, &[])),
            ..ContainerSpec::default()
        };
        new.apply(&mut spec);
        let memory = spec.resources.memory;
        let mut done = plan.add(Step::CreateContainer(Box::new(spec)), [pulled]);
        let mut files = scripts::files(input.engine.cgroup_version, gateway);
        files.extend(memory.map(scripts::memory));
        let container = name.clone();
        done = plan.add(Step::PutFiles { container, files }, [done]);
        let container = name.clone();
        done = plan.add(Step::StartContainer { container }, [done]);
        if input.wait != WaitFor::Nothing {
            let ready = Step::WaitForLog {
                container: name,
                role: new.role,
            };
            plan.add(ready, [done]);
        }
    }
    Ok(plan)
}
