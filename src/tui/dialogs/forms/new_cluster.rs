//! A new cluster: what most people change first, then what some need, with defaults for everything. It asks for what the
//! flags of `cluster create` say, in their words.

mod spec;
#[cfg(test)]
mod tests;

use super::{Answers, Row, Wrong};
use crate::{
    config::ClusterDefaults,
    ops::{Draft, Wish},
    plan::Kubeconfig,
    tui::state::around::Around,
};

const NAME: &str = "name";
const SERVERS: &str = "servers";
const AGENTS: &str = "agents";
const IMAGE: &str = "image";
const API: &str = "API port";
const PORTS: &str = "ports";
const BALANCER: &str = "load balancer";
const VOLUMES: &str = "volumes";
const ENV: &str = "environment";
const ARGS: &str = "k3s arguments";
const LABELS: &str = "node labels";
const MANIFESTS: &str = "manifests";
const FILES: &str = "files";
const REGISTRIES: &str = "registries";
const REGISTRY: &str = "new registry";
const REGISTRY_PORT: &str = "inner port";
const REGISTRIES_FILE: &str = "registry file";
const IMAGE_VOLUME: &str = "image volume";
const NETWORK: &str = "network";
const ADDRESSES: &str = "addresses";
const FAMILIES: &str = "families";
const ALIASES: &str = "host aliases";
const DNS: &str = "pods' DNS";
const PROXY: &str = "proxy settings";
const MEMORY: &str = "memory";
const CPUS: &str = "CPUs";
const GPUS: &str = "GPUs";
const ULIMITS: &str = "ulimits";
const PROCESSES: &str = "processes";
const TOKEN: &str = "token";
const CONTAINER_LABELS: &str = "other labels";
const KUBECONFIG: &str = "kubeconfig";

/// What the form begins from.
#[derive(Debug, Clone)]
pub struct NewCluster {
    defaults: ClusterDefaults,
    /// The names that clusters have.
    taken: Vec<String>,
    /// What else is there.
    around: Around,
}

impl NewCluster {
    /// With the person's defaults, the names that are taken and what else is there.
    #[must_use]
    pub fn new(defaults: &ClusterDefaults, taken: Vec<String>, around: Around) -> Self {
        Self {
            defaults: defaults.clone(),
            taken,
            around,
        }
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = self.nodes();
        rows.extend(self.images());
        rows.extend(self.network());
        rows.extend(limits());
        rows
    }

    fn nodes(&self) -> Vec<Row> {
        let mut free = std::iter::once("dev".to_owned()).chain((2..).map(|n| format!("dev-{n}")));
        let name = free
            .find(|name| !self.taken.contains(name))
            .unwrap_or_default();
        let defaults = &self.defaults;
        let ports: Vec<String> = defaults.ports.iter().cloned().map(String::from).collect();
        vec![
            Row::text(NAME, name, ""),
            Row::text(
                SERVERS,
                defaults.servers.to_string(),
                "control plane; 1 or 3",
            ),
            Row::text(AGENTS, defaults.agents.to_string(), "workers"),
            Row::text(IMAGE, defaults.image.clone(), "or latest, stable, +v1.34")
                .about("the node image; latest, stable or +CHANNEL asks which one k3s's channel has"),
            Row::text(API, "", "empty: a free one").about("[HOST:]PORT, such as 0.0.0.0:6550"),
            Row::text(PORTS, ports.join(" "), "8080:80 53:53/udp@server:0").about(
                "[ADDRESS:][HOST_PORT:]PORT[/udp][@NODES[:direct]]; ranges: 8000-8010:8000-8010; without \
                 HOST_PORT, or with random, one that is free",
            ),
            Row::choice(
                BALANCER,
                &["before the servers", "none: server 0 publishes"],
            ),
            Row::text(VOLUMES, "", "/here:/there volume:/there").about(
                "[SOURCE:]TARGET[:OPTIONS][@NODES]; NODES are server:0, server:*, agent:0,2-3, loadbalancer, all",
            ),
            Row::text(ENV, "", "NAME=value[@server:*]"),
            Row::text(ARGS, "", "--disable=traefik@server:*"),
            Row::text(LABELS, "", "tier=web@agent:0,1"),
            Row::text(MANIFESTS, "", "files and folders")
                .about("paths of this machine; k3s keeps what is in them deployed"),
            Row::text(FILES, "", "./motd:/etc/motd@server:*")
                .about("SOURCE:TARGET[@NODES]; a file of this machine is put into nodes before they start"),
        ]
    }

    fn images(&self) -> Vec<Row> {
        vec![
            Row::text(REGISTRIES, "", "that are there, by name")
                .offering(self.around.registries.clone()),
            Row::text(REGISTRY, "", "NAME[:HOST][:PORT]")
                .about("a registry that is made with the cluster and goes with it; empty: none"),
            Row::choice(REGISTRY_PORT, &["5000", "as on this machine"]),
            Row::text(REGISTRIES_FILE, "", "a file of this machine")
                .about("a registries.yaml of k3s, which has the last word"),
            Row::text(IMAGE_VOLUME, "", "empty: one of its own").about(
                "a volume that outlives the cluster, or none: k3d can then not start it again",
            ),
        ]
    }

    fn network(&self) -> Vec<Row> {
        vec![
            Row::text(NETWORK, "", "empty: one of its own")
                .about("one that outlives the cluster, or the machine's own, host")
                .offering(self.around.networks.clone()),
            Row::text(ADDRESSES, "", "172.28.0.0/16; empty: free")
                .about("of its own network: 172.28.0.0/16, or auto")
                .offering(vec!["auto".to_owned()]),
            Row::choice(FAMILIES, &["IPv4", "IPv4 and IPv6"]),
            Row::text(ALIASES, "", "10.1.2.3:db.example.org,db"),
            Row::choice(DNS, &["through the engine (k3d's fix)", "as k3s has it"]),
            Row::text(PROXY, "", "settings.KEY=VALUE")
                .about("of the load balancer, such as settings.workerConnections=2048"),
        ]
    }

    pub(super) fn wish(&self, answers: Answers<'_>) -> Result<Wish, Wrong> {
        Ok(Wish::Draft(Box::new(Draft {
            spec: spec::spec(self, answers)?,
            kubeconfig: match answers.choice(KUBECONFIG) {
                0 => Kubeconfig::MergeAndSwitch,
                1 => Kubeconfig::Merge,
                _ => Kubeconfig::Untouched,
            },
            files: spec::files(self, answers)?,
        })))
    }
}

fn limits() -> Vec<Row> {
    vec![
        Row::text(MEMORY, "", "of each node: 2g")
            .about("of each node, or of each server and of each agent: 4g 2g"),
        Row::text(CPUS, "", "of each node: 1.5")
            .about("of each node, or of each server and of each agent: 2 0.5"),
        Row::text(GPUS, "", "all").about("all, a number, or \"device=0,1\""),
        Row::text(ULIMITS, "", "nofile=65536:65536"),
        Row::choice(PROCESSES, &["of its own", "this machine's are seen"]),
        Row::text(TOKEN, "", "empty: a fresh one").about("the secret that nodes join with"),
        Row::text(CONTAINER_LABELS, "", "of containers: a=b@agent:0"),
        Row::choice(
            KUBECONFIG,
            &["the cluster is added and used", "it is added", "left alone"],
        ),
    ]
}
