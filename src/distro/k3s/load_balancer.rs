//! The load balancer's configuration, `values.yaml`: which port goes to which nodes.
//!
//! The proxy renders it when it starts and again whenever it changes, so writing the file is enough. It refuses to start
//! while a name in it does not resolve, that is, while such a container does not run. Those of fixed addresses are in its
//! hosts file; others are left out while they do not run, and remembered beside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{API_PORT, names};
use crate::domain::{ClusterSpec, Problem, Protocol, Role, container::FileEntry};

/// Where the proxy reads it.
pub const PATH: &str = "/etc/confd/values.yaml";

/// Ports and the containers that each is passed on to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Routes {
    /// By `<container port>.<protocol>`; the containers listen on the same port.
    #[serde(default)]
    ports: BTreeMap<String, Vec<String>>,
    /// The same for containers that do not run and that the proxy would not find by their names: it does not read this.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stopped: BTreeMap<String, Vec<String>>,
    /// The proxy's own settings. What we do not know is kept.
    #[serde(default)]
    settings: BTreeMap<String, Value>,
}

impl Routes {
    /// The routes of a new cluster: the API to the servers, a person's ports to the nodes that they are for. Only the
    /// first `servers` of the servers are named, because the others start later.
    #[must_use]
    pub fn new(spec: &ClusterSpec, servers: u16) -> Self {
        let all: Vec<(Role, u32)> = (0..servers.into())
            .map(|number| (Role::Server, number))
            .chain((0..spec.agents.into()).map(|number| (Role::Agent, number)))
            .collect();
        let name = |role, number| names::node(&spec.name, role, number);
        let control = (0..servers.into()).map(|number| name(Role::Server, number));
        let mut ports = BTreeMap::from([(key(API_PORT, Protocol::Tcp), control.collect())]);
        for mapping in spec.ports.iter().filter(|mapping| !mapping.direct) {
            let port = key(mapping.port.container_port, mapping.port.protocol);
            for (role, number) in &all {
                let host = name(*role, *number);
                // Agents have no API, whatever the port is for.
                let fits = *role == Role::Server || port != key(API_PORT, Protocol::Tcp);
                // The proxy refuses to run with a port that leads nowhere, so one gets its entry with its first host.
                if fits && mapping.is_for(*role, *number) {
                    let hosts: &mut Vec<String> = ports.entry(port.clone()).or_default();
                    if !hosts.contains(&host) {
                        hosts.push(host);
                    }
                }
            }
        }
        // Every connection takes two of them.
        let mut settings = BTreeMap::from([("workerConnections".to_owned(), Value::from(1024))]);
        settings.extend(spec.lb_settings.clone());
        Self {
            ports,
            stopped: BTreeMap::new(),
            settings,
        }
    }

    /// Reads the file. k3d repeats names in it now and then; each is kept once.
    ///
    /// # Errors
    /// When it is not YAML of that shape.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut routes: Self = serde_saphyr::from_str(text).map_err(|error| {
            Problem::failed(
                format!("the load balancer's {PATH} cannot be read"),
                crate::domain::log::sanitize(error.to_string().as_bytes()),
            )
        })?;
        for hosts in routes.ports.values_mut() {
            let mut seen = std::collections::BTreeSet::new();
            hosts.retain(|host| seen.insert(host.clone()));
        }
        Ok(routes)
    }

    /// The containers that a port is passed on to.
    #[must_use]
    pub fn targets(&self, port: u16, protocol: Protocol) -> &[String] {
        self.ports
            .get(&key(port, protocol))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a port is passed on to any but these containers, or will be when one of them runs again.
    #[must_use]
    pub fn leads_elsewhere(&self, port: u16, protocol: Protocol, than: &[String]) -> bool {
        let key = key(port, protocol);
        let mut all = [&self.ports, &self.stopped]
            .into_iter()
            .filter_map(|part| part.get(&key))
            .flatten();
        all.any(|host| !than.contains(host))
    }

    /// Every port and the containers that it is passed on to, by port.
    pub fn all(&self) -> impl Iterator<Item = (u16, Protocol, &[String])> {
        self.ports.iter().filter_map(|(key, hosts)| {
            let (port, protocol) = key.split_once('.')?;
            let protocol = match protocol {
                "udp" => Protocol::Udp,
                "sctp" => Protocol::Sctp,
                _ => Protocol::Tcp,
            };
            Some((port.parse().ok()?, protocol, hosts.as_slice()))
        })
    }

    /// Passes a port on to these containers too.
    pub fn lead(&mut self, port: u16, protocol: Protocol, to: &[String]) {
        let hosts = self.ports.entry(key(port, protocol)).or_default();
        for name in to {
            if !hosts.contains(name) {
                hosts.push(name.clone());
            }
        }
    }

    /// Passes a port on to these containers no longer. Whether any is left; where none is, the port is gone.
    pub fn leave(&mut self, port: u16, protocol: Protocol, to: &[String]) -> bool {
        let key = key(port, protocol);
        if let Some(stopped) = self.stopped.get_mut(&key) {
            stopped.retain(|host| !to.contains(host));
        }
        self.stopped.retain(|_, hosts| !hosts.is_empty());
        let Some(hosts) = self.ports.get_mut(&key) else {
            return false;
        };
        hosts.retain(|host| !to.contains(host));
        let left = !hosts.is_empty();
        if !left {
            self.ports.remove(&key);
        }
        left
    }

    /// Adds a new node wherever all nodes of its role are targets already, and a server always to the API.
    pub fn add(&mut self, role: Role, new: &str, peers: &[String]) {
        for (port, hosts) in &mut self.ports {
            let api = role == Role::Server && *port == key(API_PORT, Protocol::Tcp);
            let stopped = self.stopped.get(port);
            let has = |peer: &String| {
                hosts.contains(peer) || stopped.is_some_and(|stopped| stopped.contains(peer))
            };
            let all_peers = !peers.is_empty() && peers.iter().all(has);
            if (api || all_peers) && !hosts.iter().any(|host| host == new) {
                hosts.push(new.to_owned());
            }
        }
    }

    /// Takes a node out. A port that is left without a target goes to `rest`, because the proxy refuses to run with one
    /// that leads nowhere.
    pub fn remove(&mut self, gone: &str, rest: &[String]) {
        for (port, stopped) in &mut self.stopped {
            stopped.retain(|host| host != gone);
            if stopped.is_empty() && !self.ports.contains_key(port) {
                self.ports.insert(port.clone(), rest.to_vec());
            }
        }
        self.stopped.retain(|_, hosts| !hosts.is_empty());
        for hosts in self.ports.values_mut() {
            hosts.retain(|host| host != gone);
            if hosts.is_empty() {
                *hosts = rest.to_vec();
            }
        }
    }

    /// Leaves out the targets that the proxy would not find now, because it refuses to start with one of them, and takes
    /// back those that it finds again. The API keeps the last targets that it has.
    pub fn settle(&mut self, finds: impl Fn(&str) -> bool) {
        let api = key(API_PORT, Protocol::Tcp);
        let mut all = std::mem::take(&mut self.ports);
        for (port, stopped) in std::mem::take(&mut self.stopped) {
            let hosts = all.entry(port).or_default();
            let known = hosts.clone();
            hosts.extend(stopped.into_iter().filter(|host| !known.contains(host)));
        }
        for (port, hosts) in all {
            let (found, lost): (Vec<String>, Vec<String>) =
                hosts.into_iter().partition(|host| finds(host));
            if found.is_empty() && port == api {
                self.ports.insert(port, lost);
                continue;
            }
            if !lost.is_empty() {
                self.stopped.insert(port.clone(), lost);
            }
            if !found.is_empty() {
                self.ports.insert(port, found);
            }
        }
    }

    /// The same as data.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = serde_json::json!({ "ports": self.ports, "settings": self.settings });
        if !self.stopped.is_empty() {
            json["stopped"] = serde_json::json!(self.stopped);
        }
        json
    }

    /// The file, ready to be put into the container.
    ///
    /// # Errors
    /// When it cannot be written as YAML, which no value of this type causes.
    pub fn file(&self) -> Result<FileEntry, Problem> {
        let text = serde_saphyr::to_string(self).map_err(|error| {
            Problem::failed(
                "the load balancer's configuration was not written",
                error.to_string(),
            )
        })?;
        Ok(FileEntry {
            path: PATH.to_owned(),
            mode: 0o744,
            contents: text.into_bytes(),
        })
    }
}

fn key(port: u16, protocol: Protocol) -> String {
    format!("{port}.{protocol}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE_BY_K3D: &str = "ports:\n  6443.tcp:\n  - k3d-demo-server-0\n  - k3d-demo-server-0\n  80.tcp:\n  - \
                               k3d-demo-server-0\n  - k3d-demo-agent-0\nsettings:\n  workerConnections: 1024\n  \
                               defaultProxyTimeout: 900\n";

    fn text(routes: &Routes) -> String {
        String::from_utf8(routes.file().unwrap().contents).unwrap()
    }

    #[test]
    fn what_k3d_wrote_is_read_without_its_repetitions_and_kept_otherwise() {
        let routes = Routes::parse(MADE_BY_K3D).unwrap();
        assert_eq!(routes.targets(6443, Protocol::Tcp), ["k3d-demo-server-0"]);
        assert_eq!(routes.targets(80, Protocol::Tcp).len(), 2);
        assert_eq!(Routes::parse(&text(&routes)).unwrap(), routes);
        assert!(text(&routes).contains("defaultProxyTimeout: 900"));
    }

    #[test]
    fn another_port_for_the_api_leads_to_servers_only() {
        let mut spec = crate::distro::k3s::fixtures::spec("demo", 1, 1);
        spec.ports = crate::domain::PortMapping::parse("6550:6443@loadbalancer").unwrap();
        let routes = Routes::new(&spec, 1);
        assert_eq!(routes.targets(6443, Protocol::Tcp), ["k3d-demo-server-0"]);
    }

    #[test]
    fn a_new_server_serves_the_api_and_what_all_servers_served() {
        let mut routes = Routes::parse(MADE_BY_K3D).unwrap();
        routes.add(Role::Server, "s1", &["k3d-demo-server-0".to_owned()]);
        assert_eq!(routes.targets(6443, Protocol::Tcp).len(), 2);
        assert_eq!(routes.targets(80, Protocol::Tcp).len(), 3);
        routes.add(Role::Agent, "a1", &["k3d-demo-agent-0".to_owned()]);
        assert_eq!(routes.targets(6443, Protocol::Tcp).len(), 2);
        assert_eq!(routes.targets(80, Protocol::Tcp).len(), 4);
    }

    #[test]
    fn a_port_whose_last_target_goes_is_not_left_without_one() {
        let mut routes =
            Routes::parse("ports: {8080.tcp: [agent-0], 53.udp: [agent-0, server-0]}").unwrap();
        routes.remove("agent-0", &["server-0".to_owned()]);
        assert_eq!(routes.targets(8080, Protocol::Tcp), ["server-0"]);
        assert_eq!(routes.targets(53, Protocol::Udp), ["server-0"]);
    }

    #[test]
    fn what_does_not_run_is_no_target_until_it_runs_again() {
        let text_before = "ports: {6443.tcp: [s0, s1], 80.tcp: [s0, a0], 81.tcp: [a0]}";
        let before = Routes::parse(text_before).unwrap();
        let mut routes = before.clone();
        routes.settle(|name| name != "a0");
        assert_eq!(routes.targets(80, Protocol::Tcp), ["s0"]);
        // The proxy would not start with a port that leads nowhere either.
        assert!(!routes.all().any(|(port, ..)| port == 81));
        let kept = Routes::parse(&text(&routes)).unwrap();
        assert_eq!(kept, routes);
        routes.settle(|_| true);
        assert_eq!(routes, before);
        // Nor is a cluster ever without its API, or a target back that was taken out in between.
        routes.settle(|_| false);
        assert_eq!(routes.targets(6443, Protocol::Tcp), ["s0", "s1"]);
        assert_eq!(routes.all().count(), 1);
        routes.leave(80, Protocol::Tcp, &["a0".to_owned()]);
        routes.add(Role::Agent, "a1", &["a0".to_owned()]);
        routes.remove("a0", &["s0".to_owned()]);
        routes.settle(|_| true);
        assert_eq!(routes.targets(80, Protocol::Tcp), ["s0"]);
        assert_eq!(routes.targets(81, Protocol::Tcp), ["s0"]);
    }

    #[test]
    fn nonsense_is_a_problem_not_a_panic() {
        for text in ["ports: 7", "- a", "\u{1b}[31m: [", "ports: {a: {b: c}}"] {
            assert!(Routes::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Routes::parse("ports: {}").unwrap(), Routes::default());
    }
}
