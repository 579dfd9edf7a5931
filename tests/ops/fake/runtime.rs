//! The fake as an engine.

use std::{collections::BTreeMap, time::Duration};

use coracle::{
    backend::{Answer, ByteStream, ContainerRuntime, Error, Fetched},
    domain::{
        LogLine, PublishedPort,
        container::{
            Attachment, ContainerDetail, ContainerInfo, ContainerSpec, ContainerState, DiskUsage,
            EngineEvent, EngineInfo, ExecOutput, FileEntry, LogRequest, NetworkInfo, NetworkSpec,
            PullProgress, Usage, VolumeSpec,
        },
        image::EngineImage,
    },
};
use futures::{StreamExt, stream, stream::BoxStream};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{Fake, Held, conflict, not_found, role};

fn info(held: &Held) -> ContainerInfo {
    let running = held.state == ContainerState::Running;
    ContainerInfo {
        id: format!("id-{}", held.spec.name),
        name: held.spec.name.clone(),
        image: held.spec.image.clone(),
        labels: held.spec.labels.clone(),
        state: held.state,
        status: held.state.word().to_owned(),
        created: Timestamp::UNIX_EPOCH,
        attachments: vec![Attachment {
            network: held.spec.network.clone(),
            address: held.spec.address.filter(|_| running),
            fixed: held.spec.address,
            fixed6: None,
        }],
        ports: held.spec.ports.clone(),
        volumes: Vec::new(),
    }
}

impl ContainerRuntime for Fake {
    fn info(&self) -> Answer<'_, EngineInfo> {
        self.call("info".into(), |_| {
            Ok(EngineInfo {
                cgroup_version: 2,
                ..EngineInfo::default()
            })
        })
    }

    fn containers<'a>(&'a self, _: &'a [&'a str]) -> Answer<'a, Vec<ContainerInfo>> {
        self.call("list containers".into(), |things| {
            Ok(things.containers.values().map(info).collect())
        })
    }

    fn inspect<'a>(&'a self, container: &'a str) -> Answer<'a, ContainerDetail> {
        self.call(format!("inspect {container}"), move |things| {
            let held = things
                .containers
                .get(container)
                .ok_or_else(|| not_found(container))?;
            Ok(ContainerDetail {
                info: info(held),
                entrypoint: held.spec.entrypoint.clone(),
                command: held.spec.command.clone(),
                env: held.spec.env.clone(),
                binds: held.spec.binds.clone(),
                extra_hosts: held.spec.extra_hosts.clone(),
                resources: held.spec.resources.clone(),
                restart: held.spec.restart,
                configured_ports: held.spec.ports.clone(),
                image_id: "sha256:1".into(),
                started: held.started,
                finished: held.finished,
                exit_code: (held.state == ContainerState::Exited).then_some(1),
                oom_killed: false,
                restarts: 0,
            })
        })
    }

    fn networks(&self) -> Answer<'_, Vec<NetworkInfo>> {
        self.call("list networks".into(), |things| {
            Ok(things
                .networks
                .iter()
                .map(|(name, (subnet, labels))| NetworkInfo {
                    id: format!("id-{name}"),
                    name: name.clone(),
                    labels: labels.clone(),
                    subnets: vec![*subnet],
                    gateway: subnet.host(1).map(Into::into),
                    ..NetworkInfo::default()
                })
                .collect())
        })
    }

    fn volumes<'a>(&'a self, _: &'a [&'a str]) -> Answer<'a, Vec<VolumeSpec>> {
        self.call("list volumes".into(), |things| {
            Ok(things
                .volumes
                .iter()
                .map(|(name, labels)| VolumeSpec {
                    name: name.clone(),
                    labels: labels.clone(),
                })
                .collect())
        })
    }

    fn disk_usage(&self) -> Answer<'_, DiskUsage> {
        self.call("measure the disk".into(), |_| Ok(DiskUsage::default()))
    }

    fn has_image<'a>(&'a self, image: &'a str) -> Answer<'a, bool> {
        self.call(format!("look for {image}"), |_| Ok(true))
    }

    fn images(&self) -> Answer<'_, Vec<EngineImage>> {
        self.call("list images".into(), |_| Ok(Vec::new()))
    }

    fn save_images(&self, _: &[String]) -> ByteStream {
        stream::empty().boxed()
    }

    fn pull(&self, _: &str) -> BoxStream<'static, Result<PullProgress, Error>> {
        stream::empty().boxed()
    }

    fn create_network<'a>(&'a self, spec: &'a NetworkSpec) -> Answer<'a, String> {
        self.call(format!("create network {}", spec.name), move |things| {
            let overlaps = things
                .networks
                .values()
                .map(|(subnet, _)| subnet)
                .chain(&things.unlisted_subnets)
                .any(|subnet| subnet.overlaps(spec.subnet));
            if things.networks.contains_key(&spec.name) || overlaps {
                return Err(conflict(
                    "create network",
                    "Pool overlaps with other one on this address space",
                ));
            }
            things
                .networks
                .insert(spec.name.clone(), (spec.subnet, spec.labels.clone()));
            Ok(String::new())
        })
    }

    fn create_volume<'a>(&'a self, spec: &'a VolumeSpec) -> Answer<'a, ()> {
        self.call(format!("create volume {}", spec.name), move |things| {
            things
                .volumes
                .entry(spec.name.clone())
                .or_insert_with(|| spec.labels.clone());
            Ok(())
        })
    }

    fn create_container<'a>(&'a self, spec: &'a ContainerSpec) -> Answer<'a, String> {
        self.call(format!("create container {}", spec.name), move |things| {
            if things.containers.contains_key(&spec.name) {
                return Err(conflict("create container", "the name is taken"));
            }
            things.containers.insert(
                spec.name.clone(),
                Held {
                    spec: spec.clone(),
                    state: ContainerState::Created,
                    started: None,
                    finished: None,
                    files: BTreeMap::new(),
                },
            );
            Ok(String::new())
        })
    }

    fn start<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        self.call(format!("start {container}"), move |things| {
            let held = things
                .containers
                .get_mut(container)
                .ok_or_else(|| not_found(container))?;
            held.state = ContainerState::Running;
            let before = held.started.unwrap_or(Timestamp::UNIX_EPOCH);
            held.finished = held
                .started
                .map(|started| started + Duration::from_secs(50));
            held.started = Some(before + Duration::from_secs(100));
            // A container that was renamed keeps its host name, under which its node registers.
            if container.ends_with("-prior") {
                return Ok(());
            }
            self.boot(things, container);
            Ok(())
        })
    }

    fn stop<'a>(&'a self, container: &'a str, _: Duration) -> Answer<'a, ()> {
        self.call(format!("stop {container}"), move |things| {
            let held = things
                .containers
                .get_mut(container)
                .ok_or_else(|| not_found(container))?;
            held.state = ContainerState::Exited;
            Ok(())
        })
    }

    fn rename<'a>(&'a self, container: &'a str, name: &'a str) -> Answer<'a, ()> {
        self.call(format!("rename {container}"), move |things| {
            if !things.containers.contains_key(container) {
                return Err(not_found(container));
            }
            if things.containers.contains_key(name) {
                return Err(conflict("rename", "the name is in use"));
            }
            let held = things.containers.remove(container);
            let mut held = held.ok_or_else(|| not_found(container))?;
            name.clone_into(&mut held.spec.name);
            things.containers.insert(name.to_owned(), held);
            Ok(())
        })
    }

    fn remove_container<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove container {container}"), move |things| {
            things
                .containers
                .remove(container)
                .ok_or_else(|| not_found(container))?;
            if !things
                .containers
                .values()
                .any(|held| role(held) == "server")
            {
                things.objects.clear();
            }
            Ok(())
        })
    }

    fn remove_network<'a>(&'a self, network: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove network {network}"), move |things| {
            if things
                .containers
                .values()
                .any(|held| held.spec.network == network)
            {
                return Err(conflict("remove network", "it has active endpoints"));
            }
            things
                .networks
                .remove(network)
                .map(drop)
                .ok_or_else(|| not_found(network))
        })
    }

    fn connect<'a>(&'a self, network: &'a str, _: &'a str) -> Answer<'a, ()> {
        self.call(format!("connect {network}"), |_| Ok(()))
    }

    fn fetch<'a>(&'a self, _: &'a PublishedPort, path: &'a str) -> Answer<'a, Fetched> {
        self.call(format!("get {path}"), |_| Ok(Fetched::default()))
    }

    fn disconnect<'a>(&'a self, network: &'a str, _: &'a str) -> Answer<'a, ()> {
        self.call(format!("disconnect {network}"), |_| Ok(()))
    }

    fn remove_volume<'a>(&'a self, volume: &'a str) -> Answer<'a, ()> {
        self.call(format!("remove volume {volume}"), move |things| {
            let bind = format!("{volume}:");
            if things
                .containers
                .values()
                .any(|held| held.spec.binds.iter().any(|b| b.starts_with(&bind)))
            {
                return Err(conflict("remove volume", "it is in use"));
            }
            things
                .volumes
                .remove(volume)
                .map(drop)
                .ok_or_else(|| not_found(volume))
        })
    }

    fn put_files<'a>(&'a self, container: &'a str, files: &'a [FileEntry]) -> Answer<'a, ()> {
        self.call(format!("write in {container}"), move |things| {
            let held = things
                .containers
                .get_mut(container)
                .ok_or_else(|| not_found(container))?;
            for file in files {
                held.files.insert(file.path.clone(), file.contents.clone());
            }
            Ok(())
        })
    }

    fn read_file<'a>(&'a self, container: &'a str, path: &'a str) -> Answer<'a, Vec<u8>> {
        self.call(format!("read {path} in {container}"), move |things| {
            let held = things
                .containers
                .get(container)
                .ok_or_else(|| not_found(container))?;
            if let Some(contents) = held.files.get(path) {
                return Ok(contents.clone());
            }
            if path == "/output/kubeconfig.yaml" && held.started.is_some() {
                return Ok(b"clusters: [{name: default, cluster: {server: x}}]\nusers: [{name: default, user: {token: t}}]\n".to_vec());
            }
            Err(not_found(path))
        })
    }

    fn exec<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        _: Duration,
    ) -> Answer<'a, ExecOutput> {
        self.call(format!("run in {container}"), |things| {
            let output = match command {
                ["kubectl", rest @ ..] => super::kube::said(things, rest)?,
                _ => Vec::new(),
            };
            Ok(ExecOutput { code: 0, output })
        })
    }

    fn exec_with_input<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        _: ByteStream,
    ) -> Answer<'a, ExecOutput> {
        self.exec(container, command, Duration::MAX)
    }

    fn logs(
        &self,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let Some(held) = self.lock().containers.get(container).cloned() else {
            return stream::iter([Err(not_found(container))]).boxed();
        };
        if let Some(answer) = self.next_log(container) {
            return answer;
        }
        let said = self.script().lines.get(container).cloned();
        let lines = said.unwrap_or_else(|| {
            let up = match role(&held).as_str() {
                "server" => "msg=\"k3s is up and running\"",
                "agent" => "Successfully registered node",
                "registry" => "listening on [::]:5000",
                _ => "start worker processes",
            };
            vec!["booting".into(), up.into()]
        });
        let time = held.started;
        let lines = stream::iter(
            lines
                .into_iter()
                .map(move |text| Ok(LogLine::plain(time, text))),
        );
        if request.follow && held.state == ContainerState::Running {
            lines.chain(stream::pending()).boxed()
        } else {
            lines.boxed()
        }
    }

    fn events(&self) -> BoxStream<'static, Result<EngineEvent, Error>> {
        let (listener, events) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap().push(listener);
        stream::unfold(events, |mut events| async move {
            let event = events.recv().await?;
            Some((Ok(event), events))
        })
        .boxed()
    }

    fn usage(&self, _: &str) -> BoxStream<'static, Result<Usage, Error>> {
        stream::pending().boxed()
    }
}
