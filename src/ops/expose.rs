//! A service's ports on this machine: which ports of the nodes it is served at, and under which of this machine's ports
//! the load balancer can publish them.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::{Wish, observe, ports, surroundings};
use crate::{
    backend::{Backends, KubeApi},
    domain::{
        Cluster, ClusterName, ObjectKey, PortMapping, Problem, Protocol, PublishedPort, Role,
        container::ContainerInfo, log::sanitize,
    },
    resources::unlisted,
};

/// One port of a service, as it can be published or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// The port's name; empty where it has none.
    pub name: String,
    /// The service's port.
    pub port: u16,
    /// Where it is published now, if it is.
    pub published: Option<PublishedPort>,
    /// Where it would be: a port of this machine that is free, and the nodes' port that leads to the service.
    pub offered: PublishedPort,
}

/// The ports of a service of type `NodePort` or `LoadBalancer`.
///
/// # Errors
/// When the service is of another type, has no such port, or the engine or the API does not answer.
pub async fn of_service(
    backends: &Backends,
    api: &dyn KubeApi,
    cluster: &ClusterName,
    service: &ObjectKey,
) -> Result<Vec<Exposure>, Problem> {
    let object = api.get(&unlisted::SERVICES, service).await?;
    let world = observe(backends).await?;
    let cluster = world.cluster(cluster)?;
    let local = surroundings::is_local(backends, &world.engine);
    let is_free = |port: &PublishedPort, containers: &[ContainerInfo]| {
        ports::free(&[*port], containers, local).is_ok()
    };
    exposures(&object, service, cluster, |port| {
        is_free(port, &world.containers)
    })
}

/// The services of a cluster that can be published, each with its ports, by namespace and name.
///
/// # Errors
/// When the cluster is not there, or the engine or the API does not answer.
pub async fn all(
    backends: &Backends,
    api: &dyn KubeApi,
    cluster: &ClusterName,
) -> Result<Vec<(ObjectKey, Vec<Exposure>)>, Problem> {
    let objects = api.list(&unlisted::SERVICES, "", "").await?;
    let world = observe(backends).await?;
    let cluster = world.cluster(cluster)?;
    let local = surroundings::is_local(backends, &world.engine);
    let text = |object: &Value, field: &str| {
        let text = object["metadata"][field].as_str().unwrap_or_default();
        sanitize(text.as_bytes())
    };
    let mut all: Vec<(ObjectKey, Vec<Exposure>)> = objects
        .iter()
        .filter_map(|object| {
            let key = ObjectKey::new(text(object, "namespace"), text(object, "name"));
            let is_free =
                |port: &PublishedPort| ports::free(&[*port], &world.containers, local).is_ok();
            let ports = exposures(object, &key, cluster, is_free).ok()?;
            Some((key, ports))
        })
        .collect();
    all.sort_by(|(a, _), (b, _)| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(all)
}

/// The wish that publishes them.
#[must_use]
pub fn wish(cluster: &ClusterName, offered: &[PublishedPort]) -> Wish {
    Wish::Ports {
        cluster: cluster.clone(),
        add: offered.iter().copied().map(PortMapping::balanced).collect(),
        delete: Vec::new(),
    }
}

fn exposures(
    object: &Value,
    service: &ObjectKey,
    cluster: &Cluster,
    is_free: impl Fn(&PublishedPort) -> bool,
) -> Result<Vec<Exposure>, Problem> {
    let what = || format!("service {service} cannot be published");
    let kind = object["spec"]["type"].as_str().unwrap_or("ClusterIP");
    if !matches!(kind, "NodePort" | "LoadBalancer") {
        return Err(Problem::usage(
            what(),
            format!("it is of type {kind}, which no node has a port for"),
        )
        .with_hint("make it a NodePort service, or forward its port"));
    }
    // k3s serves a load balancer's own ports at every node as soon as it has given it addresses.
    let served = object["status"]["loadBalancer"]["ingress"]
        .as_array()
        .is_some_and(|given| !given.is_empty());
    let number = |value: &Value| value.as_u64().and_then(|n| u16::try_from(n).ok());
    let mut taken: Vec<u16> = Vec::new();
    let mut all = Vec::new();
    for entry in object["spec"]["ports"].as_array().into_iter().flatten() {
        let protocol = match entry["protocol"].as_str() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            // The load balancer cannot pass it on.
            Some(_) => continue,
        };
        let node_port = number(&entry["nodePort"]).filter(|port| *port > 0);
        let Some(port) = number(&entry["port"]) else {
            continue;
        };
        let Some(inside) = node_port
            .filter(|_| !served)
            .or_else(|| served.then_some(port))
        else {
            continue;
        };
        let at = |host_port| PublishedPort {
            container_port: inside,
            protocol,
            host_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host_port,
        };
        let chosen = candidates(port, inside)
            .map(at)
            .find(|there| !taken.contains(&there.host_port) && is_free(there));
        let published = cluster
            .with_role(Role::LoadBalancer)
            .flat_map(|node| &node.ports)
            .find(|there| (there.container_port, there.protocol) == (inside, protocol));
        let offered = chosen.unwrap_or_else(|| at(0));
        taken.push(offered.host_port);
        all.push(Exposure {
            name: entry["name"].as_str().unwrap_or_default().to_owned(),
            port,
            published: published.copied(),
            offered,
        });
    }
    if all.is_empty() {
        return Err(Problem::failed(
            what(),
            "none of its ports is served at the nodes",
        ));
    }
    Ok(all)
}

/// Ports of this machine that a person would look for it at: its own, where no privilege is needed for that, or the one
/// that people take in its place (8080 for 80), then the nodes' port, then the next ones.
fn candidates(port: u16, inside: u16) -> impl Iterator<Item = u16> {
    const FURTHER: u16 = 100;
    let usual = match port {
        0..=999 => 8000 + port,
        1000..=1023 => inside,
        _ => port,
    };
    [usual, inside]
        .into_iter()
        .chain(usual..usual.saturating_add(FURTHER))
        .filter(|port| *port > 1023)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{distro, plan::fixtures::demo};

    fn of(object: &Value, busy: &[u16]) -> Result<Vec<String>, Problem> {
        let cluster = distro::clusters(&demo(1, 1), &[]).remove(0);
        let key = ObjectKey::new("shop", "web");
        let all = exposures(object, &key, &cluster, |port| {
            !busy.contains(&port.host_port)
        })?;
        Ok(all
            .iter()
            .map(|exposure| exposure.offered.to_string())
            .collect())
    }

    #[test]
    fn a_node_port_is_published_at_the_port_that_people_look_for() {
        let object = json!({ "spec": { "type": "NodePort", "ports": [
            { "name": "http", "port": 80, "nodePort": 30080 },
            { "port": 5432, "nodePort": 30543 },
            { "port": 53, "protocol": "UDP", "nodePort": 30053 },
            { "port": 9, "protocol": "SCTP", "nodePort": 30009 },
        ] } });
        assert_eq!(
            of(&object, &[]).unwrap(),
            [
                "127.0.0.1:8080:30080/tcp",
                "127.0.0.1:5432:30543/tcp",
                "127.0.0.1:8053:30053/udp"
            ]
        );
        assert_eq!(
            of(&object, &[8080, 5432, 30543]).unwrap()[..2],
            ["127.0.0.1:30080:30080/tcp", "127.0.0.1:5433:30543/tcp"]
        );
    }

    #[test]
    fn a_load_balancer_is_reached_at_its_own_port_once_k3s_serves_it() {
        let mut object = json!({ "spec": { "type": "LoadBalancer", "ports": [{ "port": 80, "nodePort": 31000 }] } });
        assert_eq!(of(&object, &[]).unwrap(), ["127.0.0.1:8080:31000/tcp"]);
        object["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "172.18.0.3" }] } });
        assert_eq!(of(&object, &[]).unwrap(), ["127.0.0.1:8080:80/tcp"]);
    }

    #[test]
    fn what_no_node_has_a_port_for_is_refused() {
        let inner = json!({ "spec": { "ports": [{ "port": 80 }] } });
        assert!(of(&inner, &[]).unwrap_err().why.contains("ClusterIP"));
        let none = json!({ "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] } });
        assert!(of(&none, &[]).unwrap_err().why.contains("served"));
    }
}
