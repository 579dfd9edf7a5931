//! Containers: listed in one request, inspected when asked for, made as node containers have to be made.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use bollard::{
    models::{
        ContainerCreateBody, ContainerInspectResponse, EndpointIpamConfig, EndpointSettings,
        HostConfig, NetworkingConfig, PortBinding, PortMap, RestartPolicy, RestartPolicyNameEnum,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
        RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    },
};
use jiff::Timestamp;

use super::{ANSWER, CHANGE, Engine, within};
use crate::{
    backend::Error,
    domain::{
        Protocol, PublishedPort,
        container::{Attachment, ContainerDetail, ContainerInfo, ContainerSpec, ContainerState},
    },
};

impl Engine {
    pub(super) async fn list_containers(
        &self,
        labels: &[&str],
    ) -> Result<Vec<ContainerInfo>, Error> {
        let filters = HashMap::from([("label", labels.to_vec())]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let list = within(
            ANSWER,
            || "list the containers".to_owned(),
            self.docker.list_containers(Some(options)),
        )
        .await?;
        Ok(list.into_iter().map(from_summary).collect())
    }

    pub(super) async fn inspect_container(
        &self,
        container: &str,
    ) -> Result<ContainerDetail, Error> {
        let request = self
            .docker
            .inspect_container(container, None::<InspectContainerOptions>);
        Ok(from_inspection(
            within(ANSWER, || format!("inspect {container}"), request).await?,
        ))
    }

    pub(super) async fn make_container(&self, spec: &ContainerSpec) -> Result<String, Error> {
        let mut labels: HashMap<String, String> = spec.labels.clone().into_iter().collect();
        if let Some(label) = spec.network_id_label {
            labels.insert(label.to_owned(), self.network_id(&spec.network).await?);
        }
        let options = CreateContainerOptionsBuilder::default()
            .name(&spec.name)
            .build();
        let request = self
            .docker
            .create_container(Some(options), body(spec, labels));
        Ok(within(
            CHANGE,
            || format!("create container {}", spec.name),
            request,
        )
        .await?
        .id)
    }

    pub(super) async fn start_container(&self, container: &str) -> Result<(), Error> {
        let request = self
            .docker
            .start_container(container, None::<StartContainerOptions>);
        within(CHANGE, || format!("start {container}"), request).await
    }

    pub(super) async fn stop_container(
        &self,
        container: &str,
        grace: Duration,
    ) -> Result<(), Error> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        // The engine kills after the grace period; then it only has to answer.
        within(
            grace + CHANGE,
            || format!("stop {container}"),
            self.docker.stop_container(container, Some(options)),
        )
        .await
    }

    pub(super) async fn drop_container(&self, container: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        within(
            CHANGE,
            || format!("remove {container}"),
            self.docker.remove_container(container, Some(options)),
        )
        .await
    }
}

/// The request for a container. Restart policy, init process and user namespace are the same for every container of a
/// cluster, so they are set here.
fn body(spec: &ContainerSpec, labels: HashMap<String, String>) -> ContainerCreateBody {
    let mut bindings: PortMap = HashMap::new();
    for port in &spec.ports {
        let binding = PortBinding {
            host_ip: Some(port.host_ip.to_string()),
            host_port: (port.host_port != 0).then(|| port.host_port.to_string()),
        };
        let key = format!("{}/{}", port.container_port, port.protocol);
        bindings
            .entry(key)
            .or_default()
            .get_or_insert_default()
            .push(binding);
    }
    let ipam_config = spec.address.map(|address| EndpointIpamConfig {
        ipv4_address: Some(address.to_string()),
        ..Default::default()
    });
    let endpoint = EndpointSettings {
        ipam_config,
        ..Default::default()
    };
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    ContainerCreateBody {
        hostname: Some(spec.name.clone()),
        image: Some(spec.image.clone()),
        entrypoint: some(&spec.entrypoint),
        cmd: some(&spec.command),
        env: Some(spec.env.clone()),
        labels: Some(labels),
        exposed_ports: Some(bindings.keys().cloned().collect()),
        host_config: Some(HostConfig {
            init: Some(true),
            privileged: Some(spec.privileged),
            userns_mode: Some("host".to_owned()),
            network_mode: Some(spec.network.clone()),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                maximum_retry_count: None,
            }),
            tmpfs: Some(
                spec.tmpfs
                    .iter()
                    .map(|path| (path.clone(), String::new()))
                    .collect(),
            ),
            binds: some(&spec.binds),
            extra_hosts: some(&spec.extra_hosts),
            port_bindings: Some(bindings),
            ..Default::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(spec.network.clone(), endpoint)])),
        }),
        ..Default::default()
    }
}

fn from_summary(summary: bollard::models::ContainerSummary) -> ContainerInfo {
    let networks = summary
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    let mut ports: Vec<PublishedPort> = summary
        .ports
        .unwrap_or_default()
        .into_iter()
        .filter_map(|port| {
            Some(PublishedPort {
                container_port: port.private_port,
                protocol: protocol(port.typ.map(|typ| typ.to_string()).as_deref()),
                host_ip: port
                    .ip
                    .as_deref()
                    .and_then(|ip| ip.parse().ok())
                    .unwrap_or(IpAddr::from([0, 0, 0, 0])),
                host_port: port.public_port?,
            })
        })
        .collect();
    ports.sort_unstable();
    ContainerInfo {
        id: summary.id.unwrap_or_default(),
        name: summary
            .names
            .unwrap_or_default()
            .first()
            .map(|name| name.trim_start_matches('/').to_owned())
            .unwrap_or_default(),
        image: summary.image.unwrap_or_default(),
        labels: summary.labels.unwrap_or_default().into_iter().collect(),
        state: summary.state.map_or(ContainerState::Unknown, |state| {
            ContainerState::from_word(state.as_ref())
        }),
        status: summary.status.unwrap_or_default(),
        created: summary
            .created
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .unwrap_or_default(),
        attachments: attachments(networks),
        ports,
    }
}

fn attachments(networks: HashMap<String, EndpointSettings>) -> Vec<Attachment> {
    let mut attachments: Vec<Attachment> = networks
        .into_iter()
        .map(|(network, endpoint)| Attachment {
            network,
            address: endpoint.ip_address.and_then(|address| address.parse().ok()),
            fixed: endpoint
                .ipam_config
                .and_then(|config| config.ipv4_address)
                .and_then(|address| address.parse().ok()),
        })
        .collect();
    attachments.sort_by(|a, b| a.network.cmp(&b.network));
    attachments
}

fn protocol(word: Option<&str>) -> Protocol {
    match word {
        Some("udp") => Protocol::Udp,
        Some("sctp") => Protocol::Sctp,
        _ => Protocol::Tcp,
    }
}

fn published(map: PortMap) -> Vec<PublishedPort> {
    let mut ports = Vec::new();
    for (key, bindings) in map {
        let (number, word) = key.split_once('/').unwrap_or((&key, "tcp"));
        let Ok(container_port) = number.parse() else {
            continue;
        };
        for binding in bindings.unwrap_or_default() {
            ports.push(PublishedPort {
                container_port,
                protocol: protocol(Some(word)),
                host_ip: binding
                    .host_ip
                    .and_then(|ip| ip.parse().ok())
                    .unwrap_or(IpAddr::from([0, 0, 0, 0])),
                host_port: binding
                    .host_port
                    .and_then(|port| port.parse().ok())
                    .unwrap_or(0),
            });
        }
    }
    ports.sort_unstable();
    ports
}

fn from_inspection(seen: ContainerInspectResponse) -> ContainerDetail {
    let config = seen.config.unwrap_or_default();
    let host = seen.host_config.unwrap_or_default();
    let state = seen.state.unwrap_or_default();
    let network = seen.network_settings.unwrap_or_default();
    let word = state
        .status
        .map(|status| status.to_string())
        .unwrap_or_default();
    // Docker writes the year 1 for "never".
    let moment = |text: Option<String>| {
        text.and_then(|text| text.parse::<Timestamp>().ok())
            .filter(|time| *time > Timestamp::UNIX_EPOCH)
    };
    ContainerDetail {
        info: ContainerInfo {
            id: seen.id.unwrap_or_default(),
            name: seen
                .name
                .unwrap_or_default()
                .trim_start_matches('/')
                .to_owned(),
            image: config.image.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            state: ContainerState::from_word(&word),
            status: word,
            created: moment(seen.created).unwrap_or_default(),
            attachments: attachments(network.networks.unwrap_or_default()),
            ports: published(network.ports.unwrap_or_default()),
        },
        command: config.cmd.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        env: config.env.unwrap_or_default(),
        binds: host.binds.unwrap_or_default(),
        extra_hosts: host.extra_hosts.unwrap_or_default(),
        configured_ports: published(host.port_bindings.unwrap_or_default()),
        image_id: seen.image.unwrap_or_default(),
        started: moment(state.started_at),
        exit_code: if state.running == Some(true) {
            None
        } else {
            state.exit_code
        },
        oom_killed: state.oom_killed.unwrap_or_default(),
        restarts: seen
            .restart_count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or_default(),
    }
}
