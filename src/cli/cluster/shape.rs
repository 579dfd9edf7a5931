//! Clusters as tables and as data. The data has the field names of k3d's own `-o json` wherever k3d has the field, so
//! that scripts written for k3d read it; what k3d does not know stands beside.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    cli::output::{Format, or_dash, table},
    distro::k3s::kubeconfig,
    domain::{Cluster, Distribution, Node, Problem, Role, Secret, kube::NodeStatus},
};

/// What a listing shows beside the plain columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Whether the table has headers.
    pub headers: bool,
    /// Whether tokens are shown; they are masked otherwise.
    pub token: bool,
}

/// The clusters as a table.
#[must_use]
pub fn clusters(clusters: &[Cluster], format: Format, shown: Shown, now: Timestamp) -> String {
    let mut columns = vec!["NAME", "SERVERS", "AGENTS", "LOADBALANCER", "STATE"];
    match format {
        Format::Name => columns.truncate(1),
        Format::Wide => columns.extend(["VERSION", "API", "NETWORK", "AGE"]),
        Format::Table | Format::Json | Format::Yaml => {}
    }
    if shown.token && format != Format::Name {
        columns.push("TOKEN");
    }
    let rows: Vec<Vec<String>> = clusters
        .iter()
        .map(|c| columns.iter().map(|column| cell(c, column, now)).collect())
        .collect();
    let headers = shown.headers && format != Format::Name;
    table(&columns, &rows, headers)
}

fn cell(cluster: &Cluster, column: &str, now: Timestamp) -> String {
    match column {
        "NAME" => cluster.name.to_string(),
        "SERVERS" => share(cluster.count(Role::Server)),
        "AGENTS" => share(cluster.count(Role::Agent)),
        "LOADBALANCER" => has_load_balancer(cluster).to_string(),
        "STATE" => state(cluster),
        "VERSION" => or_dash(&cluster.version().unwrap_or_default()),
        "API" => or_dash(&api(cluster)),
        "NETWORK" => or_dash(&cluster.network),
        "AGE" => age(now, cluster.created),
        "TOKEN" => or_dash(cluster.token.as_ref().map_or("", Secret::reveal)),
        _ => String::new(),
    }
}

/// One cluster with its nodes: what the engine says of each container, and what Kubernetes says of it.
#[must_use]
pub fn details(
    cluster: &Cluster,
    kubernetes: &Result<Vec<NodeStatus>, Problem>,
    now: Timestamp,
) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("name", cluster.name.to_string()),
        ("state", state(cluster)),
        ("kind", cluster.distribution.to_string()),
        ("version", cluster.version().unwrap_or_default()),
        ("api", api(cluster)),
        ("context", cluster.context()),
        ("network", cluster.network.clone()),
        ("age", age(now, cluster.created)),
    ] {
        let _ = writeln!(text, "{name:<10} {}", or_dash(&value));
    }
    if let Err(problem) = kubernetes {
        let _ = writeln!(text, "{:<10} {problem}", "kubernetes");
    }
    text.push('\n');
    let known = kubernetes.as_deref().unwrap_or_default();
    let rows: Vec<Vec<String>> = cluster
        .nodes
        .iter()
        .map(|node| {
            let status = known.iter().find(|status| status.name == node.name);
            vec![
                node.name.clone(),
                node.role.to_string(),
                node.state.word().to_owned(),
                or_dash(&status.map(kubernetes_word).unwrap_or_default()),
                or_dash(status.map_or("", |status| &status.version)),
                or_dash(&node.address.map(|a| a.to_string()).unwrap_or_default()),
                or_dash(&ports(node)),
            ]
        })
        .collect();
    let columns = [
        "NODE",
        "ROLE",
        "CONTAINER",
        "KUBERNETES",
        "VERSION",
        "ADDRESS",
        "PORTS",
    ];
    text.push_str(&table(&columns, &rows, true));
    text
}

/// Ready, or why not, in the kubelet's words.
fn kubernetes_word(status: &NodeStatus) -> String {
    let mut word = if status.ready {
        "Ready".to_owned()
    } else if status.message.is_empty() {
        "NotReady".to_owned()
    } else {
        format!("NotReady: {}", status.message)
    };
    if status.cordoned {
        word.push_str(", cordoned");
    }
    word
}

/// A cluster as data.
#[must_use]
pub fn cluster(cluster: &Cluster, token: bool) -> Value {
    let (servers_running, servers) = cluster.count(Role::Server);
    let (agents_running, agents) = cluster.count(Role::Agent);
    let nodes: Vec<Value> = cluster.nodes.iter().map(node).collect();
    let secret = match &cluster.token {
        Some(secret) if token => secret.reveal(),
        _ => "",
    };
    json!({
        "name": cluster.name.as_str(),
        "network": {"name": cluster.network, "isExternal": cluster.network_external},
        "clusterToken": secret,
        "nodes": nodes,
        "imageVolume": cluster.image_volume,
        "serversRunning": servers_running,
        "serversCount": servers,
        "agentsRunning": agents_running,
        "agentsCount": agents,
        "hasLoadbalancer": has_load_balancer(cluster),
        "state": cluster.state.to_string(),
        "distribution": cluster.distribution.to_string(),
        "version": cluster.version(),
        "api": api(cluster),
        "context": cluster.context(),
        "created": cluster.created,
        "unfinished": cluster.unfinished.as_ref().map(|unfinished| &unfinished.verb),
    })
}

/// A node as data.
#[must_use]
pub fn node(node: &Node) -> Value {
    let mut mappings = Map::new();
    for port in &node.ports {
        let key = format!("{}/{}", port.container_port, port.protocol);
        let bound =
            json!({"HostIp": port.host_ip.to_string(), "HostPort": port.host_port.to_string()});
        if let Value::Array(list) = mappings.entry(key).or_insert_with(|| json!([])) {
            list.push(bound);
        }
    }
    json!({
        "name": node.name,
        "role": node.role.to_string(),
        "image": node.image,
        "created": node.created,
        "portMappings": mappings,
        "State": {"Running": node.is_running(), "Status": node.state.word()},
        "IP": {"IP": node.address.or(node.fixed_address), "Static": node.fixed_address.is_some()},
    })
}

fn has_load_balancer(cluster: &Cluster) -> bool {
    cluster.with_role(Role::LoadBalancer).next().is_some()
}

fn state(cluster: &Cluster) -> String {
    match &cluster.unfinished {
        Some(unfinished) if unfinished.at_work.is_some() => {
            format!("{} ({} goes on)", cluster.state, unfinished.verb)
        }
        Some(unfinished) => format!("{} ({} interrupted)", cluster.state, unfinished.verb),
        None => cluster.state.to_string(),
    }
}

fn api(cluster: &Cluster) -> String {
    if cluster.api.port.is_none() || cluster.distribution != Distribution::K3s {
        return String::new();
    }
    kubeconfig::url(&cluster.api)
}

/// The ports that a node publishes, in one cell.
#[must_use]
pub fn ports(node: &Node) -> String {
    let ports: Vec<String> = node
        .ports
        .iter()
        .map(|port| {
            format!(
                "{}:{}->{}",
                port.host_ip, port.host_port, port.container_port
            )
        })
        .collect();
    ports.join(", ")
}

fn share((running, all): (usize, usize)) -> String {
    format!("{running}/{all}")
}

/// How long ago, in the one or two largest units: `42s`, `7m`, `3h12m`, `5d`.
fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (minutes, hours, days) {
        (0, ..) => format!("{seconds}s"),
        (_, 0, _) => format!("{minutes}m"),
        (_, _, 0) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ApiEndpoint, ClusterName, ClusterState, Protocol, PublishedPort, container::ContainerState,
    };

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn mk_node(name: &str, role: Role, state: ContainerState) -> Node {
        Node {
            name: name.to_owned(),
            id: "0".repeat(64),
            role,
            state,
            status: String::new(),
            image: "rancher/k3s:v1.34.2-k3s1".to_owned(),
            address: Some("172.18.0.3".parse().unwrap()),
            fixed_address: None,
            ports: Vec::new(),
            created: now(),
        }
    }

    fn mk_cluster() -> Cluster {
        let mut balancer = mk_node(
            "k3d-demo-serverlb",
            Role::LoadBalancer,
            ContainerState::Running,
        );
        balancer.ports.push(PublishedPort {
            container_port: 6443,
            protocol: Protocol::Tcp,
            host_ip: "127.0.0.1".parse().unwrap(),
            host_port: 6550,
        });
        Cluster {
            name: ClusterName::existing("demo"),
            distribution: Distribution::K3s,
            state: ClusterState::Partial,
            nodes: vec![
                mk_node("k3d-demo-server-0", Role::Server, ContainerState::Running),
                mk_node("k3d-demo-agent-0", Role::Agent, ContainerState::Exited),
                balancer,
            ],
            network: "k3d-demo".to_owned(),
            network_external: false,
            host_aliases: Vec::new(),
            image_volume: Some("k3d-demo-images".to_owned()),
            token: Some(Secret::new("hunter2")),
            api: ApiEndpoint {
                port: Some(6550),
                ..ApiEndpoint::default()
            },
            load_balancer: Some("k3d-demo-serverlb".to_owned()),
            created: now(),
            unfinished: None,
        }
    }

    #[test]
    fn tables_have_k3d_s_columns_and_the_state() {
        let shown = Shown {
            headers: true,
            token: false,
        };
        let later = now() + jiff::SignedDuration::from_secs(3_700);
        let print = |format, shown| clusters(&[mk_cluster()], format, shown, later);
        assert_eq!(
            print(Format::Table, shown),
            "NAME   SERVERS   AGENTS   LOADBALANCER   STATE\n\
             demo   1/1       0/1      true           partial\n"
        );
        assert_eq!(
            print(
                Format::Wide,
                Shown {
                    headers: false,
                    token: true
                }
            ),
            "demo   1/1   0/1   true   partial   v1.34.2+k3s1   https://127.0.0.1:6550   k3d-demo   1h1m   hunter2\n"
        );
        assert_eq!(print(Format::Name, shown), "demo\n");
    }

    #[test]
    fn data_has_k3d_s_fields_and_no_token_unless_asked() {
        let hidden = cluster(&mk_cluster(), false);
        assert_eq!(hidden["serversRunning"], 1);
        assert_eq!(hidden["agentsCount"], 1);
        assert_eq!(
            hidden["nodes"][2]["portMappings"]["6443/tcp"][0]["HostPort"],
            "6550"
        );
        assert_eq!(hidden["nodes"][1]["State"]["Running"], false);
        assert!(!hidden.to_string().contains("hunter2"));
        assert_eq!(cluster(&mk_cluster(), true)["clusterToken"], "hunter2");
    }

    #[test]
    fn details_show_both_views_of_a_node() {
        let seen = NodeStatus {
            name: "k3d-demo-server-0".to_owned(),
            ready: false,
            message: "disk pressure".to_owned(),
            cordoned: true,
            version: "v1.34.2+k3s1".to_owned(),
            address: None,
        };
        insta::assert_snapshot!(details(&mk_cluster(), &Ok(vec![seen]), now()));
        let unknown = details(
            &mk_cluster(),
            &Err(Problem::unreachable("the API", "refused")),
            now(),
        );
        assert!(unknown.contains("kubernetes the API: refused"), "{unknown}");
    }
}
