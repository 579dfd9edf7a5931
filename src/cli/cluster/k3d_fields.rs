//! The fields that k3d's own data of clusters and nodes has beside the ones of [`super::shape`], by its names.
//!
//! What the one list of containers tells is always there. What takes a request for each container (environment,
//! command, the ports of stopped ones) is there for clusters and nodes that were named.

use serde_json::{Map, Value, json};

use crate::{
    backend::Backends,
    distro::k3s::{API_PORT, labels, load_balancer, scripts},
    domain::{
        Cluster, Node, PublishedPort, Role,
        container::{ContainerDetail, ContainerInfo, Labels, RestartPolicy},
        log::sanitize,
    },
    ops::{self, World},
};

/// What stands where a secret was.
const MASK: &str = "***";

/// What the fields are filled from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The engine's objects.
    pub world: &'a World,
    /// The containers that were inspected.
    pub details: Vec<ContainerDetail>,
    /// The load balancers' configurations, by the container's name.
    pub balancers: Map<String, Value>,
    /// Whether tokens are shown.
    pub token: bool,
}

impl<'a> Facts<'a> {
    /// What one list tells.
    #[must_use]
    pub fn listed(world: &'a World, token: bool) -> Self {
        Self {
            world,
            details: Vec::new(),
            balancers: Map::new(),
            token,
        }
    }

    /// Asks for the containers of these clusters one by one.
    pub async fn asked(
        backends: &Backends,
        world: &'a World,
        clusters: &[Cluster],
        token: bool,
    ) -> Self {
        let mut facts = Self::listed(world, token);
        for cluster in clusters {
            facts.details.extend(ops::details(backends, cluster).await);
            for node in cluster.with_role(Role::LoadBalancer) {
                let file = backends
                    .runtime
                    .read_file(&node.name, load_balancer::PATH)
                    .await;
                let text = file.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let config = text.and_then(|text| serde_saphyr::from_str(&text).ok());
                facts
                    .balancers
                    .extend(config.map(|config| (node.name.clone(), config)));
            }
        }
        facts
    }

    fn listed_as(&self, id: &str) -> Option<&ContainerInfo> {
        self.world
            .containers
            .iter()
            .find(|container| container.id == id)
    }

    fn inspected(&self, id: &str) -> Option<&ContainerDetail> {
        self.details.iter().find(|detail| detail.info.id == id)
    }
}

/// Adds k3d's fields to the data of a cluster, and to those of its nodes.
pub fn add(value: &mut Value, cluster: &Cluster, facts: &Facts<'_>) {
    let containers: Vec<&ContainerInfo> = cluster
        .nodes
        .iter()
        .filter_map(|node| facts.listed_as(&node.id))
        .collect();
    let said = |key: &str| containers.iter().find_map(|one| label(&one.labels, key));
    let members: Vec<Value> = cluster
        .nodes
        .iter()
        .filter_map(|node| Some(json!({ "Name": node.name, "IP": node.address? })))
        .collect();
    let used: Vec<&Value> = members.iter().map(|member| &member["IP"]).collect();
    let mut networks = facts.world.networks.iter();
    let network = networks.find(|network| network.name == cluster.network);
    let id = network.map(|network| network.id.clone());
    value["network"]["id"] = json!(id.or_else(|| said(labels::NETWORK_ID)).unwrap_or_default());
    value["network"]["ipam"] = json!({
        "ipPrefix": said(labels::NETWORK_RANGE).unwrap_or_default(),
        "ipsUsed": used,
        "Managed": said(labels::STATIC_IP).is_some(),
    });
    value["network"]["Members"] = json!(members);
    if let Some(nodes) = value["nodes"].as_array_mut() {
        for (value, node) in nodes.iter_mut().zip(&cluster.nodes) {
            add_to_node(value, node, facts);
        }
    }
    let initial = value["nodes"].as_array().and_then(|nodes| {
        let begins = |node: &&Value| node["serverOpts"]["isInitializingServer"] == true;
        nodes.iter().find(begins).cloned()
    });
    value["InitNode"] = json!(initial);
    if facts.details.is_empty() {
        return;
    }
    let own = |volume: &&crate::domain::container::VolumeSpec| {
        label(&volume.labels, labels::CLUSTER).as_deref() == Some(cluster.name.as_str())
    };
    let volumes = facts.world.volumes.iter().filter(own);
    value["volumes"] = volumes.map(|volume| json!(volume.name)).collect();
    if let Some(balancer) = cluster.with_role(Role::LoadBalancer).next() {
        let mut node = super::shape::node(balancer);
        add_to_node(&mut node, balancer, facts);
        let config = facts.balancers.get(&balancer.name);
        value["serverLoadBalancer"] = json!({ "node": node, "config": config });
    }
}

/// Adds k3d's fields to the data of a node.
pub fn add_to_node(value: &mut Value, node: &Node, facts: &Facts<'_>) {
    let Some(container) = facts.listed_as(&node.id) else {
        return;
    };
    let networks = container
        .attachments
        .iter()
        .map(|place| place.network.as_str());
    value["Networks"] = json!(networks.collect::<Vec<_>>());
    value["runtimeLabels"] = runtime_labels(&container.labels, facts.token);
    value["agentOpts"] = json!({});
    value["serverOpts"] = json!({});
    if node.role == Role::Server {
        let text = |key: &str| label(&container.labels, key).unwrap_or_default();
        let initial = text(labels::INIT) == "true";
        value["serverOpts"] = json!({
            "isInitializingServer": initial,
            "kubeAPI": {
                "Port": API_PORT.to_string(),
                "Binding": { "HostIp": text(labels::API_HOST_IP), "HostPort": text(labels::API_PORT) },
                "host": text(labels::API_HOST),
            },
        });
    }
    let Some(detail) = facts.inspected(&node.id) else {
        return;
    };
    value["volumes"] = json!(detail.binds);
    value["env"] = detail
        .env
        .iter()
        .map(|line| variable(line, facts.token))
        .collect();
    value["Cmd"] = json!(detail.command);
    value["ExtraHosts"] = json!(detail.extra_hosts);
    value["restart"] = json!(detail.restart == RestartPolicy::UnlessStopped);
    value["portMappings"] = mappings(&detail.configured_ports, &node.ports);
    value["GPURequest"] = json!("");
    value["Memory"] = json!(detail.resources.memory.map(decimal).unwrap_or_default());
    value["hostPidMode"] = json!(detail.resources.host_pid);
    value["State"]["Started"] = json!(
        detail
            .started
            .map(|time| time.to_string())
            .unwrap_or_default()
    );
    let scripted = detail
        .entrypoint
        .first()
        .is_some_and(|path| path == scripts::ENTRYPOINT);
    value["K3dEntrypoint"] = json!(scripted);
}

fn label(all: &Labels, key: &str) -> Option<String> {
    let value = sanitize(all.get(key)?.as_bytes());
    (!value.is_empty()).then_some(value)
}

/// k3d shows its own labels only.
fn runtime_labels(all: &Labels, token: bool) -> Value {
    let own = all.iter().filter(|(key, _)| key.starts_with("k3d"));
    let shown = own.map(|(key, value)| {
        let secret = key == labels::TOKEN && !token;
        let value = if secret {
            MASK.to_owned()
        } else {
            sanitize(value.as_bytes())
        };
        (key.clone(), Value::from(value))
    });
    Value::Object(shown.collect())
}

fn variable(line: &str, token: bool) -> Value {
    match line.split_once('=') {
        Some((name, _)) if name.contains("TOKEN") && !token => json!(format!("{name}={MASK}")),
        _ => json!(sanitize(line.as_bytes())),
    }
}

/// The ports as they are configured, with the host's ports that the engine chose where it was left to it.
fn mappings(configured: &[PublishedPort], live: &[PublishedPort]) -> Value {
    let mut all = Map::new();
    for port in configured {
        let same = |other: &&PublishedPort| {
            port.host_port == 0
                && (other.container_port, other.protocol) == (port.container_port, port.protocol)
        };
        let shown = live.iter().find(same).unwrap_or(port);
        let key = format!("{}/{}", port.container_port, port.protocol);
        let bound =
            json!({ "HostIp": port.host_ip.to_string(), "HostPort": shown.host_port.to_string() });
        if let Value::Array(list) = all.entry(key).or_insert_with(|| json!([])) {
            list.push(bound);
        }
    }
    Value::Object(all)
}

/// Bytes as Docker's units print them: decimal, four digits at most (`1.074GB`).
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
fn decimal(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB", "PB"].iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while size >= 1_000.0
        && let Some(next) = units.next()
    {
        size /= 1_000.0;
        unit = next;
    }
    let digits = match size {
        100.0.. => 1,
        10.0.. => 2,
        _ => 3,
    };
    let text = format!("{size:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_written_as_docker_writes_it() {
        for (bytes, text) in [
            (0, "0B"),
            (512 << 20, "536.9MB"),
            (1 << 30, "1.074GB"),
            (2_000_000_000, "2GB"),
        ] {
            assert_eq!(decimal(bytes), text);
        }
    }

    #[test]
    fn tokens_are_masked_unless_they_are_asked_for() {
        let all: Labels = [
            ("k3d.cluster.token", "hunter2"),
            ("k3d.role", "server"),
            ("x", "y"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        assert_eq!(
            runtime_labels(&all, false),
            json!({ "k3d.cluster.token": "***", "k3d.role": "server" })
        );
        assert_eq!(runtime_labels(&all, true)["k3d.cluster.token"], "hunter2");
        assert_eq!(variable("K3S_TOKEN=hunter2", false), "K3S_TOKEN=***");
        assert_eq!(variable("A=b=c", false), "A=b=c");
    }
}
