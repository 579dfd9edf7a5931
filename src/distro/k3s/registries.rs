//! Registries as k3d makes them, and the ConfigMap by which other tools find them (KEP-1755). How nodes are told of
//! them is in [`super::registry_files`].
//!
//! Two things go beyond k3d. Nodes take `localhost:<port of the host>` for the registry too, so that an image has one
//! name on the host and in the cluster. And a registry that keeps copies of another one is used for that one's images:
//! k3d writes down its URL, which no image is named by.

use std::net::{IpAddr, Ipv4Addr};

use super::labels;
use crate::domain::{
    ClusterName, Protocol, PublishedPort, Registry, Role,
    container::{ContainerInfo, ContainerSpec},
    registry::RegistrySpec,
};

/// The image of registries, k3d's.
pub const IMAGE: &str = "docker.io/library/registry:2";
/// The port that a registry listens on inside of its container.
pub const PORT: u16 = 5000;
/// The network of registries that belong to no cluster.
pub const NETWORK: &str = "bridge";
/// The namespace and the name of the ConfigMap that tells people's tools of a registry.
pub const HOSTING: (&str, &str) = ("kube-public", "local-registry-hosting");

/// The registry that is meant where a name has none.
pub(super) const DOCKER_HUB: &str = "docker.io";
const HELP: &str = "https://k3d.io/stable/usage/registries/#using-a-local-registry";

/// The name of the container of a registry that a person calls so; without a name there is one all the same.
#[must_use]
pub fn container_name(wanted: &str) -> String {
    match wanted {
        "" => "k3d-registry".to_owned(),
        named if named.starts_with("k3d-") => named.to_owned(),
        named => format!("k3d-{named}"),
    }
}

/// The registry of a specification, as it will be there; `port` is the host's where the specification has none.
#[must_use]
pub fn wanted(
    spec: &RegistrySpec,
    name: &str,
    port: u16,
    cluster: Option<&ClusterName>,
    network: &str,
) -> Registry {
    let host_port = spec.port.unwrap_or(port);
    Registry {
        name: name.to_owned(),
        state: crate::domain::container::ContainerState::Running,
        status: String::new(),
        image: if spec.image.is_empty() {
            IMAGE.to_owned()
        } else {
            spec.image.clone()
        },
        cluster: cluster.cloned(),
        host_ip: spec.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host_port: Some(host_port),
        port: if spec.same_port { host_port } else { PORT },
        networks: vec![network.to_owned()],
        proxy: spec.proxy.as_ref().map(|proxy| proxy.url.clone()),
        created: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// The container of a registry.
#[must_use]
pub fn container(spec: &RegistrySpec, registry: &Registry) -> ContainerSpec {
    let host_port = registry.host_port.unwrap_or_default();
    let mut env = Vec::new();
    if let Some(proxy) = &spec.proxy {
        env.push(format!("REGISTRY_PROXY_REMOTEURL={}", proxy.url));
        if !proxy.username.is_empty() {
            env.push(format!("REGISTRY_PROXY_USERNAME={}", proxy.username));
            env.push(format!(
                "REGISTRY_PROXY_PASSWORD={}",
                proxy.password.reveal()
            ));
        }
    }
    if spec.delete_enabled {
        env.push("REGISTRY_STORAGE_DELETE_ENABLED=true".to_owned());
    }
    if spec.same_port {
        env.push(format!("REGISTRY_HTTP_ADDR=:{}", registry.port));
    }
    for line in &spec.env {
        let name = |line: &str| line.split('=').next().map(str::to_owned);
        env.retain(|other| name(other) != name(line));
        env.push(line.clone());
    }
    let cluster = registry.cluster.as_ref().map(ToString::to_string);
    let mut all = labels::labels([
        (labels::APP, labels::APP_K3D.to_owned()),
        (labels::VERSION, labels::VERSION_VALUE.to_owned()),
        (labels::ROLE, labels::role_word(Role::Registry).to_owned()),
        (labels::CLUSTER, cluster.unwrap_or_default()),
        (labels::REGISTRY_HOST, registry.host_ip.to_string()),
        (labels::REGISTRY_HOST_IP, registry.host_ip.to_string()),
        (labels::REGISTRY_PORT, host_port.to_string()),
        (labels::REGISTRY_INNER_PORT, registry.port.to_string()),
    ]);
    if let Some(url) = &registry.proxy {
        all.insert(labels::REGISTRY_PROXY.to_owned(), url.clone());
    }
    ContainerSpec {
        name: registry.name.clone(),
        image: registry.image.clone(),
        env,
        labels: all,
        network: registry.networks.first().cloned().unwrap_or_default(),
        ports: vec![PublishedPort {
            container_port: registry.port,
            protocol: Protocol::Tcp,
            host_ip: registry.host_ip,
            host_port,
        }],
        binds: spec.volumes.clone(),
        ..ContainerSpec::default()
    }
}

/// The registries among the containers, by name.
#[must_use]
pub fn registries(containers: &[ContainerInfo]) -> Vec<Registry> {
    let mut all: Vec<Registry> = containers.iter().filter_map(registry).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn registry(container: &ContainerInfo) -> Option<Registry> {
    let text = |key: &str| {
        let value = crate::domain::log::sanitize(container.labels.get(key)?.as_bytes());
        (!value.is_empty()).then_some(value)
    };
    if text(labels::APP)? != labels::APP_K3D || labels::role_of(&container.labels) != Role::Registry
    {
        return None;
    }
    let number = |key: &str| text(key).and_then(|text| text.parse::<u16>().ok());
    // The labels are lost when another tool makes the container anew; what is published then is the truth anyway.
    let live = container
        .ports
        .iter()
        .find(|port| port.protocol == Protocol::Tcp);
    Some(Registry {
        name: container.name.clone(),
        state: container.state,
        status: container.status.clone(),
        image: container.image.clone(),
        cluster: text(labels::CLUSTER).map(ClusterName::existing),
        host_ip: live
            .map(|port| port.host_ip)
            .or_else(|| text(labels::REGISTRY_HOST_IP)?.parse().ok())
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        host_port: live
            .map(|port| port.host_port)
            .or_else(|| number(labels::REGISTRY_PORT)),
        port: live
            .map(|port| port.container_port)
            .or_else(|| number(labels::REGISTRY_INNER_PORT))
            .unwrap_or(PORT),
        networks: container
            .attachments
            .iter()
            .map(|place| place.network.clone())
            .collect(),
        proxy: text(labels::REGISTRY_PROXY),
        created: container.created,
    })
}

/// The registries that images are named by, and where each one's images are to be had.
#[must_use]
pub fn mirrors(registry: &Registry) -> Vec<(String, String)> {
    let mut hosts = vec![registry.inside()];
    if let Some(port) = registry.host_port {
        hosts.push(format!("{}:{port}", registry.name));
        hosts.push(format!("localhost:{port}"));
    }
    hosts.extend(registry.proxy.as_deref().map(named_by));
    hosts.dedup();
    let endpoint = format!("http://{}", registry.inside());
    hosts
        .into_iter()
        .map(|host| (host, endpoint.clone()))
        .collect()
}

/// The registry that images of a URL are named by.
fn named_by(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    match host {
        "registry-1.docker.io" | "index.docker.io" | "hub.docker.com" => DOCKER_HUB.to_owned(),
        host => host.to_owned(),
    }
}

/// What tells people's tools where to push to, as the ConfigMap's text.
#[must_use]
pub fn hosting(registry: &Registry) -> String {
    let inside = registry.inside();
    let outside = registry
        .outside()
        .map_or_else(String::new, |outside| format!("host: \"{outside}\"\n"));
    format!(
        "{outside}hostFromClusterNetwork: \"{inside}\"\nhostFromContainerRuntime: \"{inside}\"\nhelp: \"{HELP}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Secret,
        container::{Attachment, ContainerState},
        registry::RegistryProxy,
    };

    fn spec() -> RegistrySpec {
        RegistrySpec {
            port: Some(5050),
            ..RegistrySpec::default()
        }
    }

    fn plain() -> Registry {
        wanted(&spec(), "k3d-reg", 1, None, NETWORK)
    }

    fn listed(spec: &ContainerSpec) -> ContainerInfo {
        ContainerInfo {
            attachments: vec![Attachment {
                network: spec.network.clone(),
                address: None,
                fixed: None,
                fixed6: None,
            }],
            labels: spec.labels.clone(),
            ports: spec.ports.clone(),
            image: spec.image.clone(),
            created: jiff::Timestamp::UNIX_EPOCH,
            status: String::new(),
            ..super::super::fixtures::container(&spec.name)
        }
    }

    #[test]
    fn names_are_k3d_s() {
        for (wanted, name) in [
            ("", "k3d-registry"),
            ("reg", "k3d-reg"),
            ("k3d-reg", "k3d-reg"),
        ] {
            assert_eq!(container_name(wanted), name);
        }
        let registry = plain();
        for wanted in ["reg", "k3d-reg", "k3d-reg:5050", "http://k3d-reg:5050:5000"] {
            assert!(registry.is_called(wanted), "{wanted}");
        }
        assert!(!registry.is_called("registry") && !registry.is_called("re"));
    }

    #[test]
    fn a_registry_is_made_as_k3d_makes_it_and_read_back() {
        let spec = RegistrySpec {
            proxy: Some(RegistryProxy {
                url: "https://registry-1.docker.io".to_owned(),
                username: "me".to_owned(),
                password: Secret::new("hunter2"),
            }),
            delete_enabled: true,
            same_port: true,
            volumes: vec!["/data:/var/lib/registry".to_owned()],
            env: ["REGISTRY_LOG_LEVEL=debug", "REGISTRY_PROXY_USERNAME=you"]
                .map(str::to_owned)
                .to_vec(),
            ..spec()
        };
        let demo = ClusterName::existing("demo");
        let registry = wanted(&spec, "k3d-reg", 1, Some(&demo), "k3d-demo");
        let made = container(&spec, &registry);
        assert_eq!(
            made.env,
            [
                "REGISTRY_PROXY_REMOTEURL=https://registry-1.docker.io",
                "REGISTRY_PROXY_PASSWORD=hunter2",
                "REGISTRY_STORAGE_DELETE_ENABLED=true",
                "REGISTRY_HTTP_ADDR=:5050",
                "REGISTRY_LOG_LEVEL=debug",
                "REGISTRY_PROXY_USERNAME=you",
            ]
        );
        assert_eq!(made.binds, ["/data:/var/lib/registry"]);
        insta::assert_debug_snapshot!(made.labels);
        assert_eq!(registries(&[listed(&made)]), [registry]);

        // What k3d made does not run, or lost its labels.
        let mut stopped = listed(&container(
            &spec,
            &wanted(&spec, "k3d-reg", 1, None, NETWORK),
        ));
        stopped.ports.clear();
        stopped.state = ContainerState::Exited;
        let read = registries(std::slice::from_ref(&stopped)).remove(0);
        assert_eq!(
            (read.host_port, read.port, read.cluster),
            (Some(5050), 5050, None)
        );
        stopped.labels.retain(|key, _| !key.starts_with("k3s."));
        let read = registries(&[stopped]).remove(0);
        assert_eq!((read.host_port, read.port), (None, PORT));
    }

    #[test]
    fn other_tools_are_told_where_to_push_to() {
        insta::assert_snapshot!(hosting(&plain()));
    }
}
