//! What the engine's lists and inspections of containers say, in the words of the domain.

use std::{collections::HashMap, net::IpAddr};

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, EndpointSettings, MountPoint, PortMap,
    RestartPolicyNameEnum,
};
use jiff::Timestamp;

use crate::domain::{
    Protocol, PublishedPort,
    container::{Attachment, ContainerDetail, ContainerInfo, ContainerState, RestartPolicy},
};

pub(super) fn from_summary(summary: ContainerSummary) -> ContainerInfo {
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
        state: summary
            .state
            .map_or(ContainerState::Unknown, |state| self::state(state.as_ref())),
        status: summary.status.unwrap_or_default(),
        created: summary
            .created
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .unwrap_or_default(),
        attachments: attachments(networks),
        ports,
        volumes: volumes(summary.mounts),
    }
}

fn volumes(mounts: Option<Vec<MountPoint>>) -> Vec<String> {
    let mounts = mounts.unwrap_or_default().into_iter();
    mounts.filter_map(|mount| mount.name).collect()
}

/// The state behind an engine's word. Podman has one more: a container that was told to stop, and still runs.
fn state(word: &str) -> ContainerState {
    match word {
        "stopping" => ContainerState::Running,
        word => ContainerState::from_word(word),
    }
}

fn attachments(networks: HashMap<String, EndpointSettings>) -> Vec<Attachment> {
    let mut attachments: Vec<Attachment> = networks
        .into_iter()
        .map(|(network, endpoint)| Attachment {
            network,
            address: endpoint.ip_address.and_then(|address| address.parse().ok()),
            fixed6: endpoint
                .ipam_config
                .as_ref()
                .and_then(|config| config.ipv6_address.as_ref()?.parse().ok()),
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

pub(super) fn from_inspection(seen: ContainerInspectResponse) -> ContainerDetail {
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
    let resources = super::resources::given(&host);
    let name = host.restart_policy.and_then(|policy| policy.name);
    ContainerDetail {
        resources,
        restart: match name {
            None | Some(RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO) => {
                RestartPolicy::Never
            }
            Some(_) => RestartPolicy::UnlessStopped,
        },
        info: ContainerInfo {
            id: seen.id.unwrap_or_default(),
            name: seen
                .name
                .unwrap_or_default()
                .trim_start_matches('/')
                .to_owned(),
            image: config.image.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            state: self::state(&word),
            status: word,
            created: moment(seen.created).unwrap_or_default(),
            attachments: attachments(network.networks.unwrap_or_default()),
            ports: published(network.ports.unwrap_or_default()),
            volumes: volumes(seen.mounts),
        },
        command: config.cmd.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        env: config.env.unwrap_or_default(),
        binds: host.binds.unwrap_or_default(),
        extra_hosts: host.extra_hosts.unwrap_or_default(),
        configured_ports: published(host.port_bindings.unwrap_or_default()),
        image_id: seen.image.unwrap_or_default(),
        started: moment(state.started_at),
        finished: moment(state.finished_at),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_list_says_state_labels_addresses_and_ports() {
        let listed = from_summary(
            serde_json::from_str(
                r#"{"Id":"f00","Names":["/k3d-demo-server-0"],"Image":"i","Created":1700000000,
                "State":"running","Status":"Up 3 minutes","Labels":{"app":"k3d"},
                "Ports":[{"PrivatePort":8472,"Type":"udp"},
                         {"IP":"127.0.0.1","PrivatePort":6443,"PublicPort":40000,"Type":"tcp"}],
                "NetworkSettings":{"Networks":{"k3d-demo":{"IPAMConfig":{"IPv4Address":"172.20.0.3"},
                    "IPAddress":"172.20.0.3"}, "other":{"IPAMConfig":null,"IPAddress":""}}}}"#,
            )
            .unwrap(),
        );
        assert_eq!(
            (
                listed.name.as_str(),
                listed.state,
                listed.labels["app"].as_str()
            ),
            ("k3d-demo-server-0", ContainerState::Running, "k3d")
        );
        assert_eq!(listed.ports.len(), 1);
        assert_eq!(
            (listed.ports[0].container_port, listed.ports[0].host_port),
            (6443, 40000)
        );
        let fixed = Some(IpAddr::from([172, 20, 0, 3]));
        assert_eq!(
            listed.attachments,
            [
                Attachment {
                    network: "k3d-demo".to_owned(),
                    address: fixed,
                    fixed,
                    fixed6: None,
                },
                Attachment {
                    network: "other".to_owned(),
                    address: None,
                    fixed: None,
                    fixed6: None,
                },
            ]
        );
    }

    #[test]
    fn an_inspection_says_what_will_be_published_and_how_the_last_run_ended() {
        let seen = from_inspection(
            serde_json::from_str(
                r#"{"Id":"f00","Name":"/a","Image":"sha256:1","Created":"2026-11-21T03:00:00.5Z","RestartCount":2,
                "State":{"Status":"exited","Running":false,"ExitCode":137,"OOMKilled":true,
                         "StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"2026-11-21T03:00:05Z"},
                "Config":{"Image":"i","Env":["A=b"],"Cmd":["server"],"Entrypoint":null},
                "HostConfig":{"PortBindings":{"6443/tcp":[{"HostIp":"","HostPort":""}]},"Binds":["v:/x"]},
                "NetworkSettings":{"Ports":{}}}"#,
            )
            .unwrap(),
        );
        assert_eq!(
            (seen.exit_code, seen.oom_killed, seen.restarts),
            (Some(137), true, 2)
        );
        assert_eq!(seen.started, None);
        assert_eq!(seen.finished, "2026-11-21T03:00:05Z".parse().ok());
        assert_eq!(seen.info.ports, []);
        assert_eq!(seen.configured_ports.len(), 1);
        assert_eq!(
            (
                seen.configured_ports[0].container_port,
                seen.configured_ports[0].host_port
            ),
            (6443, 0)
        );
        assert_eq!((seen.binds.len(), seen.entrypoint.len()), (1, 0));
    }
}
