//! Containers: listed in one request, inspected when asked for, made as node containers have to be made.

use std::{collections::HashMap, time::Duration};

use super::{
    ANSWER, CHANGE, Engine,
    container_answers::{from_inspection, from_summary},
    errors, odd_states, resources, within,
};
use crate::{
    backend::Error,
    domain::container::{ContainerDetail, ContainerInfo, ContainerSpec, RestartPolicy},
};
use bollard::{
    errors::Error as Source,
    models::{
        ContainerCreateBody, ContainerSummary, EndpointIpamConfig, EndpointSettings, HostConfig,
        NetworkingConfig, PortBinding, PortMap, RestartPolicyNameEnum,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
        RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StartContainerOptions,
        StopContainerOptionsBuilder,
    },
};

impl Engine {
    pub(super) async fn list_containers(
        &self,
        labels: &[&str],
    ) -> Result<Vec<ContainerInfo>, Error> {
        let filters = HashMap::from([("label", labels.to_vec())]);
        let list = odd_states::mended(self.list_filtered(&filters).await);
        let list = list.map_err(|error| errors::explain("list the containers", &error))?;
        Ok(list.into_iter().map(from_summary).collect())
    }

    async fn list_filtered(
        &self,
        filters: &HashMap<&str, Vec<&str>>,
    ) -> Result<Vec<ContainerSummary>, Source> {
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(filters)
            .build();
        let request = self.docker.list_containers(Some(options));
        tokio::time::timeout(ANSWER, request)
            .await
            .unwrap_or(Err(Source::RequestTimeoutError))
    }

    pub(super) async fn inspect_container(
        &self,
        container: &str,
    ) -> Result<ContainerDetail, Error> {
        let request = self
            .docker
            .inspect_container(container, None::<InspectContainerOptions>);
        let request = async { odd_states::mended(request.await) };
        Ok(from_inspection(
            within(ANSWER, || format!("inspect {container}"), request).await?,
        ))
    }

    pub(super) async fn make_container(&self, spec: &ContainerSpec) -> Result<String, Error> {
        let mut labels: HashMap<String, String> = spec.labels.clone().into_iter().collect();
        if let Some(label) = spec.network_id_label {
            labels.insert(label.to_owned(), self.network_id(&spec.network).await?);
        }
        for network in &spec.more_networks {
            // An engine takes any name for a container that does not run, and fails when it starts.
            self.network_id(network).await?;
        }
        let options = CreateContainerOptionsBuilder::default()
            .name(&spec.name)
            .build();
        let request = self
            .docker
            .create_container(Some(options), body(spec, labels));
        let what = || format!("create container {}", spec.name);
        let id = within(CHANGE, what, request).await?.id;
        for network in &spec.more_networks {
            // Engines of before 2024 take one network with the container itself.
            if let Err(error) = self.join_network(network, &id).await {
                self.drop_container(&id).await?;
                return Err(error);
            }
        }
        Ok(id)
    }

    pub(super) async fn start_container(&self, container: &str) -> Result<(), Error> {
        let what = || format!("start {container}");
        let request = self
            .docker
            .start_container(container, None::<StartContainerOptions>);
        match within(CHANGE, what, request).await {
            // The engine refuses to start what somebody froze, and says so in words only.
            Err(error) if error.why.contains("paused") => {
                within(CHANGE, what, self.docker.unpause_container(container)).await
            }
            started => started,
        }
    }

    pub(super) async fn stop_container(
        &self,
        container: &str,
        grace: Duration,
    ) -> Result<(), Error> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        // After the grace period the engine kills, and then takes networks and file systems down.
        within(
            grace + CHANGE,
            || format!("stop {container}"),
            self.docker.stop_container(container, Some(options)),
        )
        .await
    }

    pub(super) async fn rename_container(&self, container: &str, name: &str) -> Result<(), Error> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        within(
            CHANGE,
            || format!("rename {container} to {name}"),
            self.docker.rename_container(container, options),
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
    let fixed = spec.address.is_some() || spec.address6.is_some();
    let ipam_config = fixed.then(|| EndpointIpamConfig {
        ipv4_address: spec.address.map(|address| address.to_string()),
        ipv6_address: spec.address6.map(|address| address.to_string()),
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
            restart_policy: Some(bollard::models::RestartPolicy {
                name: Some(match spec.restart {
                    RestartPolicy::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
                    RestartPolicy::Never => RestartPolicyNameEnum::NO,
                }),
                maximum_retry_count: None,
            }),
            tmpfs: Some(
                spec.tmpfs
                    .iter()
                    .map(|path| (path.clone(), String::new()))
                    .collect(),
            ),
            binds: some(&spec.binds),
            volumes_from: spec.volumes_from.clone().map(|other| vec![other]),
            extra_hosts: some(&spec.extra_hosts),
            port_bindings: Some(bindings),
            ..resources::asked(&spec.resources)
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(spec.network.clone(), endpoint)])),
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{Protocol, PublishedPort};

    #[test]
    fn a_node_is_asked_for_as_k3d_does_it() {
        let port = |container_port, host_port, protocol| PublishedPort {
            container_port,
            protocol,
            host_ip: [127, 0, 0, 1].into(),
            host_port,
        };
        let spec = ContainerSpec {
            name: "k3d-demo-server-0".to_owned(),
            image: "rancher/k3s:v1".to_owned(),
            command: vec!["server".to_owned()],
            env: vec!["A=b".to_owned()],
            labels: [("app".to_owned(), "k3d".to_owned())].into(),
            network: "k3d-demo".to_owned(),
            address: Some([172, 20, 0, 3].into()),
            ports: vec![
                port(6443, 40000, Protocol::Tcp),
                port(6443, 0, Protocol::Tcp),
                port(53, 53, Protocol::Udp),
            ],
            binds: vec!["images:/k3d/images".to_owned()],
            volumes_from: Some("k3d-demo-server-0-prior".to_owned()),
            tmpfs: vec!["/run".to_owned()],
            privileged: true,
            extra_hosts: vec!["host.k3d.internal:host-gateway".to_owned()],
            ..Default::default()
        };
        let labels = HashMap::from([("app".to_owned(), "k3d".to_owned())]);
        let sent = serde_json::to_value(body(&spec, labels)).unwrap();
        assert_eq!(
            sent,
            json!({
                "Hostname": "k3d-demo-server-0",
                "Image": "rancher/k3s:v1",
                "Cmd": ["server"],
                "Env": ["A=b"],
                "Labels": {"app": "k3d"},
                "ExposedPorts": {"53/udp": {}, "6443/tcp": {}},
                "HostConfig": {
                    "Init": true,
                    "Privileged": true,
                    "UsernsMode": "host",
                    "NetworkMode": "k3d-demo",
                    "RestartPolicy": {"Name": "unless-stopped"},
                    "Tmpfs": {"/run": ""},
                    "Binds": ["images:/k3d/images"],
                    "VolumesFrom": ["k3d-demo-server-0-prior"],
                    "ExtraHosts": ["host.k3d.internal:host-gateway"],
                    "PortBindings": {
                        "6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40000"}, {"HostIp": "127.0.0.1"}],
                        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}],
                    },
                },
                "NetworkingConfig": {
                    "EndpointsConfig": {"k3d-demo": {"IPAMConfig": {"IPv4Address": "172.20.0.3"}}},
                },
            })
        );
    }
}
