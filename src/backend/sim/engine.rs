//! The world as an engine.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use futures::stream::BoxStream;
use tokio::time::Instant;

use super::{
    Held, World, behaviour, cluster, conflict, id_of, images,
    lookup::{carries, held, info_of, lease, name_of},
    not_found,
};
use crate::{
    backend::{Answer, ByteStream, ContainerRuntime, Error, ErrorKind, Fetched},
    domain::{
        LogLine, PublishedPort,
        container::{
            ContainerDetail, ContainerInfo, ContainerSpec, ContainerState, DiskUsage, EngineEvent,
            EngineInfo, ExecOutput, FileEntry, LogRequest, NetworkInfo, NetworkSpec, PullProgress,
            Usage, VolumeSpec, VolumeUse,
        },
        image::EngineImage,
    },
};

/// The machine's own network, which every engine has.
const HOST: &str = "host";

/// The largest file that is read, as with a real engine.
const LARGEST_FILE: usize = 1 << 20;
/// What every container has written into its own layer: some logs and settings.
const WRITTEN: u64 = 300 << 10;
impl ContainerRuntime for World {
    fn info(&self) -> Answer<'_, EngineInfo> {
        self.call("info".to_owned(), |_| {
            Ok(EngineInfo {
                endpoint: "simulated".to_owned(),
                product: "Simulation".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                api_version: "1.41".to_owned(),
                host: "simulated".to_owned(),
                operating_system: "nowhere".to_owned(),
                os_type: "linux".to_owned(),
                architecture: "x86_64".to_owned(),
                cgroup_driver: "systemd".to_owned(),
                file_system: "memory".to_owned(),
                cgroup_version: 2,
                cpus: 8,
                memory: 16 << 30,
            })
        })
    }

    fn containers<'a>(&'a self, labels: &'a [&'a str]) -> Answer<'a, Vec<ContainerInfo>> {
        self.call("list containers".to_owned(), move |state| {
            let now = Instant::now();
            let wanted = state
                .containers
                .values()
                .filter(|held| carries(&held.spec.labels, labels));
            Ok(wanted.map(|held| info_of(held, now)).collect())
        })
    }

    fn inspect<'a>(&'a self, container: &'a str) -> Answer<'a, ContainerDetail> {
        self.call(format!("inspect {container}"), move |state| {
            let held = held(state, "inspect", container)?;
            let info = info_of(held, Instant::now());
            let ended = matches!(
                info.state,
                ContainerState::Exited | ContainerState::Restarting
            );
            Ok(ContainerDetail {
                entrypoint: held.spec.entrypoint.clone(),
                command: held.spec.command.clone(),
                env: held.spec.env.clone(),
                binds: held.spec.binds.clone(),
                extra_hosts: held.spec.extra_hosts.clone(),
                resources: held.spec.resources.clone(),
                restart: held.spec.restart,
                configured_ports: held.spec.ports.clone(),
                image_id: format!("sha256:{}", id_of(&held.spec.image)),
                started: held.started.map(|started| self.0.clock.at(started)),
                finished: held
                    .stopped
                    .or(held.before.last().map(|(_, end)| *end))
                    .map(|end| self.0.clock.at(end)),
                exit_code: ended.then(|| behaviour::of(&held.spec).end.map_or(0, |(_, code)| code)),
                oom_killed: false,
                restarts: u64::from(info.state == ContainerState::Restarting),
                info,
            })
        })
    }

    fn networks(&self) -> Answer<'_, Vec<NetworkInfo>> {
        self.call("list networks".to_owned(), |state| {
            let list = state.networks.iter().map(|(name, network)| NetworkInfo {
                id: id_of(name),
                name: name.clone(),
                labels: network.labels.clone(),
                subnets: vec![network.subnet],
                dynamic: Some(network.subnet.upper_half()),
                ipv6: network.ipv6.is_some(),
                gateway: network.subnet.host(1).map(IpAddr::V4),
                created: None,
            });
            let own = NetworkInfo {
                id: id_of(HOST),
                name: HOST.to_owned(),
                ..NetworkInfo::default()
            };
            Ok(list.chain([own]).collect())
        })
    }

    fn disk_usage(&self) -> Answer<'_, DiskUsage> {
        self.call("measure the disk".to_owned(), |state| {
            let containers = state.containers.keys().map(|name| (name.clone(), WRITTEN));
            let seen = VolumeUse {
                bytes: Some(0),
                created: None,
            };
            let volumes = state.volumes.keys().map(|name| (name.clone(), seen));
            Ok(DiskUsage {
                containers: containers.collect(),
                volumes: volumes.collect(),
            })
        })
    }

    fn volumes<'a>(&'a self, labels: &'a [&'a str]) -> Answer<'a, Vec<VolumeSpec>> {
        self.call("list volumes".to_owned(), move |state| {
            let wanted = state.volumes.iter().filter(|(_, own)| carries(own, labels));
            Ok(wanted
                .map(|(name, labels)| VolumeSpec {
                    name: name.clone(),
                    labels: labels.clone(),
                })
                .collect())
        })
    }

    fn has_image<'a>(&'a self, image: &'a str) -> Answer<'a, bool> {
        self.call(format!("look for image {image}"), move |state| {
            Ok(state.images.contains(image))
        })
    }

    fn images(&self) -> Answer<'_, Vec<EngineImage>> {
        self.call("list images".to_owned(), |state| {
            Ok(images::of_engine(&state.images))
        })
    }

    fn save_images(&self, images: &[String]) -> ByteStream {
        self.archive(images)
    }

    fn pull(&self, image: &str) -> BoxStream<'static, Result<PullProgress, Error>> {
        self.pull_stream(image)
    }

    fn create_network<'a>(&'a self, spec: &'a NetworkSpec) -> Answer<'a, String> {
        self.call(format!("create network {}", spec.name), move |state| {
            if state.networks.contains_key(&spec.name) {
                return Err(conflict("create network", "a network of that name exists"));
            }
            if state
                .networks
                .values()
                .any(|other| other.subnet.overlaps(spec.subnet))
            {
                return Err(conflict(
                    "create network",
                    "Pool overlaps with other one on this address space",
                ));
            }
            state.networks.insert(spec.name.clone(), spec.clone());
            self.happened("network", "create", &spec.name);
            Ok(id_of(&spec.name))
        })
    }

    fn create_volume<'a>(&'a self, spec: &'a VolumeSpec) -> Answer<'a, ()> {
        self.call(format!("create volume {}", spec.name), move |state| {
            state
                .volumes
                .entry(spec.name.clone())
                .or_insert_with(|| spec.labels.clone());
            self.happened("volume", "create", &spec.name);
            Ok(())
        })
    }

    fn create_container<'a>(&'a self, spec: &'a ContainerSpec) -> Answer<'a, String> {
        self.call(format!("create container {}", spec.name), move |state| {
            if state.containers.contains_key(&spec.name) {
                return Err(conflict(
                    "create container",
                    format!("the name {} is in use", spec.name),
                ));
            }
            if !state.images.contains(&spec.image) {
                return Err(not_found("create container", &spec.image));
            }
            let mut networks = std::iter::once(&spec.network).chain(&spec.more_networks);
            if let Some(missing) = networks.find(|network| {
                !matches!(network.as_str(), "" | HOST | "bridge")
                    && !state.networks.contains_key(*network)
            }) {
                return Err(not_found("create container", missing));
            }
            let mut spec = spec.clone();
            if let Some(label) = spec.network_id_label {
                spec.labels.insert(label.to_owned(), id_of(&spec.network));
            }
            let name = spec.name.clone();
            let taken = |id: &String| state.containers.values().any(|held| held.id == *id);
            // A container that was renamed keeps the ID that its old name gave it.
            let id = std::iter::successors(Some(id_of(&name)), |id| Some(id_of(id)))
                .find(|id| !taken(id))
                .unwrap_or_default();
            let held = Held {
                id: id.clone(),
                leased: lease(state, &spec.network).filter(|_| spec.address.is_none()),
                spec,
                created: self.0.clock.now(),
                started: None,
                before: Vec::new(),
                stopped: None,
                files: BTreeMap::new(),
                images: images::at_first(),
                stuck: None,
            };
            state.containers.insert(name.clone(), held);
            self.happened("container", "create", &name);
            Ok(id)
        })
    }

    fn start<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        self.call(format!("start {container}"), move |state| {
            let now = Instant::now();
            let container = name_of(state, container);
            let container = container.as_str();
            let ports = held(state, "start", container)?.spec.ports.clone();
            let taken = state
                .containers
                .values()
                .filter(|other| other.spec.name != container && other.is_running(now))
                .find_map(|other| {
                    let port = ports.iter().find(|port| {
                        port.host_port != 0
                            && other
                                .spec
                                .ports
                                .iter()
                                .any(|used| used.host_port == port.host_port)
                    })?;
                    Some(port.host_port)
                });
            if let Some(port) = taken {
                let why = format!("Bind for 127.0.0.1:{port} failed: port is already allocated");
                return Err(conflict("start", why));
            }
            let held = held(state, "start", container)?;
            if !held.is_running(now) {
                if let Some(before) = held.started.replace(now) {
                    held.before.push((before, held.stopped.unwrap_or(now)));
                }
                held.stopped = None;
                held.stuck = None;
                cluster::begin(state, container);
                self.happened("container", "start", container);
            }
            Ok(())
        })
    }

    fn stop<'a>(&'a self, container: &'a str, _: Duration) -> Answer<'a, ()> {
        self.call(format!("stop {container}"), move |state| {
            let now = Instant::now();
            let name = name_of(state, container);
            let held = held(state, "stop", container)?;
            if held.is_running(now) || held.stuck.is_some() {
                held.stopped = Some(now);
                held.stuck = None;
                self.happened("container", "die", &name);
                self.happened("container", "stop", &name);
            }
            Ok(())
        })
    }

    fn rename<'a>(&'a self, container: &'a str, name: &'a str) -> Answer<'a, ()> {
        self.call(format!("rename {container} to {name}"), move |state| {
            let old = name_of(state, container);
            if state.containers.contains_key(&old) && state.containers.contains_key(name) {
                let why = format!("the name {name} is in use");
                return Err(conflict("rename", why));
            }
            let held = state.containers.remove(&old);
            let mut held = held.ok_or_else(|| not_found("rename", container))?;
            name.clone_into(&mut held.spec.name);
            state.containers.insert(name.to_owned(), held);
            self.happened("container", "rename", name);
            Ok(())
        })
    }

    fn remove_container<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove container {container}"), move |state| {
            let name = name_of(state, container);
            let gone = state.containers.remove(&name);
            let gone = gone.ok_or_else(|| not_found("remove", container))?;
            cluster::forget_empty(state);
            if gone.is_running(Instant::now()) {
                self.happened("container", "die", &name);
            }
            self.happened("container", "destroy", &name);
            Ok(())
        })
    }

    fn remove_network<'a>(&'a self, network: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove network {network}"), move |state| {
            let name = name_of(state, network);
            if state
                .containers
                .values()
                .any(|held| held.spec.network == name || held.spec.more_networks.contains(&name))
            {
                return Err(conflict("remove network", "it has active endpoints"));
            }
            let gone = state.networks.remove(&name);
            gone.ok_or_else(|| not_found("remove network", network))?;
            self.happened("network", "destroy", &name);
            Ok(())
        })
    }

    fn connect<'a>(&'a self, network: &'a str, container: &'a str) -> Answer<'a, ()> {
        Box::pin(self.join_network(network, container))
    }

    fn fetch<'a>(&'a self, port: &'a PublishedPort, path: &'a str) -> Answer<'a, Fetched> {
        Box::pin(self.fetch_from(port, path))
    }

    fn disconnect<'a>(&'a self, network: &'a str, container: &'a str) -> Answer<'a, ()> {
        self.call(
            format!("disconnect {container} from {network}"),
            move |state| {
                let held = held(state, "disconnect", container)?;
                let more = &mut held.spec.more_networks;
                if let Some(place) = more.iter().position(|other| other == network) {
                    more.remove(place);
                } else if held.spec.network == network {
                    held.spec.network.clear();
                } else {
                    return Err(not_found("disconnect", container));
                }
                Ok(())
            },
        )
    }

    fn remove_volume<'a>(&'a self, volume: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove volume {volume}"), move |state| {
            let bind = format!("{volume}:");
            if state
                .containers
                .values()
                .any(|held| held.spec.binds.iter().any(|used| used.starts_with(&bind)))
            {
                return Err(conflict("remove volume", "volume is in use"));
            }
            state
                .volumes
                .remove(volume)
                .ok_or_else(|| not_found("remove volume", volume))?;
            self.happened("volume", "destroy", volume);
            Ok(())
        })
    }

    fn put_files<'a>(&'a self, container: &'a str, files: &'a [FileEntry]) -> Answer<'a, ()> {
        self.call(format!("write in {container}"), move |state| {
            let held = held(state, "write", container)?;
            held.files.extend(
                files
                    .iter()
                    .map(|file| (file.path.clone(), file.contents.clone())),
            );
            Ok(())
        })
    }

    fn read_file<'a>(&'a self, container: &'a str, path: &'a str) -> Answer<'a, Vec<u8>> {
        self.call(format!("read {path} in {container}"), move |state| {
            let held = held(state, "read", container)?;
            if path == crate::distro::k3s::KUBECONFIG_PATH && held.started.is_some() {
                return Ok(cluster::kubeconfig(held.label("k3d.cluster")).into_bytes());
            }
            match held.files.get(path) {
                Some(contents) if contents.len() > LARGEST_FILE => {
                    let why = format!("it has {} bytes", contents.len());
                    Err(Error::new(ErrorKind::Failed, format!("read {path}"), why))
                }
                Some(contents) => Ok(contents.clone()),
                None => Err(not_found("read", path)),
            }
        })
    }

    fn exec<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        deadline: Duration,
    ) -> Answer<'a, ExecOutput> {
        Box::pin(self.run_command(container, command, deadline))
    }

    fn exec_with_input<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        input: ByteStream,
    ) -> Answer<'a, ExecOutput> {
        Box::pin(self.run_with_input(container, command, input))
    }

    fn logs(
        &self,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        self.container_log(container, request)
    }

    fn events(&self) -> BoxStream<'static, Result<EngineEvent, Error>> {
        self.event_stream()
    }

    fn usage(&self, container: &str) -> BoxStream<'static, Result<Usage, Error>> {
        self.usage_stream(container)
    }
}
