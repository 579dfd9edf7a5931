//! The container of a node that joins a cluster that is there, modelled on a node that it has, whoever made that one.
//!
//! k3d copies more than it should: the address of the copied node and its mark as the first server. Here only what
//! makes a node belong to its cluster is taken over, and what the person had asked for.

use std::net::{IpAddr, Ipv6Addr};

use super::{KUBECONFIG_PATH, dual_stack, hosts, labels, names, scripts};
use crate::domain::{
    Role,
    container::{ContainerDetail, ContainerSpec, Resources},
};

/// What is different for the new node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its fixed address, where the network can give one.
    pub address: Option<IpAddr>,
    /// Its fixed IPv6 address, where the other nodes have one.
    pub address6: Option<Ipv6Addr>,
    /// The address by which it reaches the host, where that is known.
    pub host: Option<IpAddr>,
    /// The host name of who it joins by: a server or the load balancer.
    pub joins: String,
}

/// Labels that say something about one node and not about its cluster.
const OF_ONE_NODE: &[&str] = &[labels::STATIC_IP, labels::INIT];
/// Labels that only servers carry.
const OF_SERVERS: &[&str] = &[labels::API_HOST, labels::API_HOST_IP, labels::API_PORT];
/// Mounts that k3d makes for one node, to show it less memory than the machine has.
const OF_ONE_MOUNT: &[&str] = &[":/proc/meminfo", ":/sys/devices/system/edac"];
/// Options that begin a cluster instead of joining one.
const BEGINNING: &[&str] = &["--cluster-init", "--cluster-reset"];

/// The new node's container.
///
/// A model of another role (the first agent of a cluster of servers) gives image, labels and environment, but not its
/// arguments: servers and agents know different ones.
#[must_use]
pub fn container(model: &ContainerDetail, network: &str, new: Newcomer) -> ContainerSpec {
    let same_role = labels::role_of(&model.info.labels) == new.role;
    let mut all = model.info.labels.clone();
    all.retain(|key, _| {
        let known = key == labels::APP || key.starts_with("k3d");
        let fits = new.role == Role::Server || !OF_SERVERS.contains(&key.as_str());
        known && fits && !OF_ONE_NODE.contains(&key.as_str()) && key != labels::NETWORK_ID
    });
    let word = labels::role_word(new.role);
    all.insert(labels::ROLE.to_owned(), word.to_owned());
    if new.role == Role::Server {
        all.insert(labels::INIT.to_owned(), "false".to_owned());
    }
    let begins = |argument: &String| {
        BEGINNING
            .iter()
            .any(|option| argument == option || argument.starts_with(&format!("{option}=")))
    };
    let mut command = vec![word.to_owned()];
    if same_role {
        let rest = model.command.iter().skip(1);
        let rest = rest.filter(|argument| !begins(argument));
        let own = |argument: &&String| dual_stack::is_of_one_node(argument);
        command.extend(rest.filter(|argument| !own(argument)).cloned());
    }
    if let (Some(address), Some(second)) = (new.address, new.address6) {
        dual_stack::extend(&mut command, address, second);
    }
    let mut env = model.env.clone();
    env.retain(|line| {
        !["K3S_URL=", "K3S_CLUSTER_INIT=", "K3S_KUBECONFIG_OUTPUT="]
            .iter()
            .any(|name| line.starts_with(name))
    });
    env.push(format!("K3S_URL={}", names::join_url(&new.joins)));
    env.push(format!("K3S_KUBECONFIG_OUTPUT={KUBECONFIG_PATH}"));
    let mut extra_hosts = model.extra_hosts.clone();
    let host = hosts::records(new.host, &[]);
    if !hosts::has_engine_lines(&extra_hosts, &host) {
        extra_hosts.extend(hosts::engine_lines(&host));
    }
    ContainerSpec {
        name: new.name,
        image: model.info.image.clone(),
        entrypoint: vec![scripts::ENTRYPOINT.to_owned()],
        command,
        env,
        labels: all,
        network_id_label: Some(labels::NETWORK_ID),
        network: network.to_owned(),
        address: new.address,
        address6: new.address6,
        ports: Vec::new(),
        binds: model
            .binds
            .iter()
            .filter(|bind| !OF_ONE_MOUNT.iter().any(|mount| bind.contains(mount)))
            .cloned()
            .collect(),
        volumes_from: None,
        tmpfs: vec!["/run".to_owned(), "/var/run".to_owned()],
        privileged: true,
        extra_hosts,
        resources: Resources {
            // What a person limited for servers they did not limit for agents.
            memory: model.resources.memory.filter(|_| same_role),
            nano_cpus: model.resources.nano_cpus.filter(|_| same_role),
            ..model.resources.clone()
        },
        restart: model.restart,
        more_networks: Vec::new(),
    }
}

/// Has a node that is in several networks announce its address in the cluster's: by itself k3s takes that of the default
/// route, which the engine lays through any of them.
pub fn announce(spec: &mut ContainerSpec) {
    if let (false, Some(address)) = (spec.more_networks.is_empty(), spec.address) {
        dual_stack::announce(&mut spec.command, &address.to_string());
    }
}

/// Whether a server keeps its data in a database of its owner's, outside of the cluster: no server of such a cluster
/// needs the others.
#[must_use]
pub fn has_own_datastore(server: &ContainerDetail) -> bool {
    let option = "--datastore-endpoint";
    let variable = "K3S_DATASTORE_ENDPOINT=";
    server.command.iter().any(|word| word.starts_with(option))
        || server.env.iter().any(|line| line.starts_with(variable))
}

/// Whether servers like these keep their data where another server can join: in etcd, or in a database of their own.
/// A single server that was asked for nothing keeps it in `SQLite`.
#[must_use]
pub fn can_take_servers(servers: &[&ContainerDetail]) -> bool {
    servers.iter().any(|server| {
        let argument = |option: &str| server.command.iter().any(|word| word.starts_with(option));
        let variable = |name: &str| server.env.iter().any(|line| line.starts_with(name));
        argument("--cluster-init")
            || has_own_datastore(server)
            || variable("K3S_CLUSTER_INIT=true")
            || variable("K3S_URL=")
    })
}

/// The host that a node was told to join by.
#[must_use]
pub fn joined_by(node: &ContainerDetail) -> Option<&str> {
    let url = node
        .env
        .iter()
        .find_map(|line| line.strip_prefix("K3S_URL=https://"))?;
    url.split([':', '/']).next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distro::k3s::fixtures::demo_details;

    fn newcomer(role: Role) -> Newcomer {
        Newcomer {
            name: "k3d-demo-new".to_owned(),
            role,
            address6: None,
            address: Some([172, 18, 0, 9].into()),
            host: Some([172, 18, 0, 1].into()),
            joins: "k3d-demo-serverlb".to_owned(),
        }
    }

    fn model(name: &str) -> ContainerDetail {
        let mut all = demo_details(2, 1);
        let place = all
            .iter()
            .position(|detail| detail.info.name == name)
            .unwrap();
        all.swap_remove(place)
    }

    #[test]
    fn a_server_modelled_on_the_first_one_does_not_begin_a_cluster() {
        let mut first = model("k3d-demo-server-0");
        first
            .binds
            .push("/home/me/.k3d/x/meminfo:/proc/meminfo:ro".to_owned());
        first
            .info
            .labels
            .insert(labels::STATIC_IP.to_owned(), "172.18.0.3".to_owned());
        let made = container(&first, "k3d-demo", newcomer(Role::Server));
        assert!(!made.command.contains(&"--cluster-init".to_owned()));
        assert_eq!(made.command[0], "server");
        assert_eq!(made.labels[labels::INIT], "false");
        assert!(!made.labels.contains_key(labels::STATIC_IP));
        assert_eq!(made.binds, ["k3d-demo-images:/k3d/images"]);
        assert!(
            made.env
                .contains(&"K3S_URL=https://k3d-demo-serverlb:6443".to_owned())
        );
        assert!(made.ports.is_empty());
    }

    #[test]
    fn the_first_agent_is_modelled_on_a_server_without_its_arguments() {
        let made = container(
            &model("k3d-demo-server-0"),
            "k3d-demo",
            newcomer(Role::Agent),
        );
        assert_eq!(made.command, ["agent"]);
        assert_eq!(made.labels[labels::ROLE], "agent");
        assert!(!made.labels.contains_key(labels::API_PORT));
        assert!(!made.labels.contains_key(labels::INIT));
        assert!(made.env.contains(&"K3S_TOKEN=hunter2".to_owned()));
    }

    #[test]
    fn a_copy_of_a_copy_is_the_same() {
        let server = model("k3d-demo-server-1");
        let first = container(&server, "k3d-demo", newcomer(Role::Server));
        let again = ContainerDetail {
            command: first.command.clone(),
            env: first.env.clone(),
            binds: first.binds.clone(),
            extra_hosts: first.extra_hosts.clone(),
            ..server
        };
        let second = container(&again, "k3d-demo", newcomer(Role::Server));
        assert_eq!(first.command, second.command);
        assert_eq!(first.env, second.env);
        assert_eq!(first.extra_hosts, second.extra_hosts);
    }

    #[test]
    fn a_lone_server_cannot_take_another_unless_it_was_made_for_it() {
        let lone = demo_details(1, 0).remove(1);
        assert!(!can_take_servers(&[&lone]));
        assert!(can_take_servers(&[&model("k3d-demo-server-0")]));
        assert!(can_take_servers(&[&model("k3d-demo-server-1")]));
        assert_eq!(
            joined_by(&model("k3d-demo-agent-0")),
            Some("k3d-demo-server-0")
        );
        assert_eq!(joined_by(&lone), None);
    }
}
