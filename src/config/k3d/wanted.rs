//! What a config file wants, put over a specification that has what the settings say.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Simple,
    simple::{EnvVar, ExtraArg, Label, RegistryCreate, Volume},
};
use crate::domain::{
    ApiEndpoint, ClusterName, ClusterNetwork, ClusterSpec, ForNodes, HostAlias, ImageVolume,
    NodeFilter, PortMapping, Problem, Subnet,
    container::FileEntry,
    limits::{self, DeviceRequest, Ulimit},
    proxy_setting,
    registry::{RegistryProxy, RegistrySpec},
};

/// The mode of files that are put into nodes, as k3d's.
const FILE_MODE: u32 = 0o644;

/// A text that a config file leaves to another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// `files[].source`: seen from the folder of the config file.
    File(&'a str),
    /// `registries.config`: seen from the current folder.
    Registries(&'a str),
}

/// Reads such files.
pub type Sources<'a> = &'a dyn Fn(Source<'_>) -> Result<Vec<u8>, Problem>;

impl Simple {
    /// The specification with everything that the file says put over it.
    ///
    /// # Errors
    /// Names the key whose value cannot be read, or what `sources` answered.
    pub fn over(
        &self,
        mut spec: ClusterSpec,
        sources: Sources<'_>,
    ) -> Result<ClusterSpec, Problem> {
        if let Some(name) = &self.metadata.name {
            spec.name = ClusterName::parse(name).map_err(|problem| at("metadata.name", problem))?;
        }
        spec.servers = self.servers.unwrap_or(spec.servers);
        spec.agents = self.agents.unwrap_or(spec.agents);
        if let Some(image) = &self.image {
            spec.image.clone_from(image);
        }
        spec.token = self.token.clone().or(spec.token);
        self.api(&mut spec.api)?;
        self.network(&mut spec.network)?;
        self.nodes(&mut spec)?;
        self.files(&mut spec, sources)?;
        self.registries(&mut spec, sources)?;
        self.limits(&mut spec)?;
        let k3d = &self.options.k3d;
        if let Some(disabled) = k3d.disable_loadbalancer {
            spec.load_balancer = !disabled;
        }
        if k3d.disable_image_volume == Some(true) {
            spec.image_volume = ImageVolume::None;
        }
        for text in &k3d.loadbalancer.config_overrides {
            let (key, value) = proxy_setting::parse(text)
                .map_err(|problem| at("options.k3d.loadbalancer.configOverrides", problem))?;
            spec.lb_settings.insert(key, value);
        }
        Ok(spec)
    }

    fn api(&self, api: &mut ApiEndpoint) -> Result<(), Problem> {
        let wanted = &self.kube_api;
        if let Some(text) = &wanted.host_ip {
            let address: IpAddr = text
                .parse()
                .map_err(|_| not_an_address("kubeAPI.hostIP", text))?;
            *api = ApiEndpoint::bound_to(address, api.port);
        }
        if let Some(host) = &wanted.host {
            api.host.clone_from(host);
        }
        if let Some(text) = &wanted.host_port {
            api.port = port("kubeAPI.hostPort", text)?;
        }
        Ok(())
    }

    fn network(&self, network: &mut ClusterNetwork) -> Result<(), Problem> {
        let subnet = match self.subnet.as_deref() {
            None | Some("") => None,
            Some(text) => Some(Subnet::wanted(text).map_err(|problem| at("subnet", problem))?),
        };
        match (self.network.as_deref(), subnet) {
            (None | Some(""), None) => {}
            (None | Some(""), Some(subnet)) => *network = ClusterNetwork::own(subnet),
            (Some(name), None) => *network = ClusterNetwork::named(name),
            (Some(name), Some(_)) => {
                return Err(Problem::usage(
                    "the cluster cannot have that network",
                    format!("the network {name:?} is there and has its own subnet"),
                )
                .with_hint("leave \"network\" or \"subnet\" out"));
            }
        }
        Ok(())
    }

    /// What is for some nodes only.
    fn nodes(&self, spec: &mut ClusterSpec) -> Result<(), Problem> {
        for (place, port) in self.ports.iter().enumerate() {
            let mapped = PortMapping::with_filters(&port.value, &port.nodes);
            let mapped = mapped.map_err(|problem| at(&format!("ports[{place}]"), problem))?;
            spec.ports.extend(mapped);
        }
        let runtime = &self.options.runtime;
        let k3s = &self.options.k3s;
        for (key, from, to) in [
            ("volumes", items(&self.volumes), &mut spec.volumes),
            ("env", items(&self.env), &mut spec.env),
            (
                "options.k3s.extraArgs",
                items(&k3s.extra_args),
                &mut spec.k3s_args,
            ),
            (
                "options.k3s.nodeLabels",
                items(&k3s.node_labels),
                &mut spec.node_labels,
            ),
            (
                "options.runtime.labels",
                items(&runtime.labels),
                &mut spec.runtime_labels,
            ),
        ] {
            for (place, (value, nodes)) in from.into_iter().enumerate() {
                let here = || format!("{key}[{place}]");
                if nodes.is_empty() && key == "options.k3s.extraArgs" {
                    return Err(Problem::usage(
                        format!("{} does not say for which nodes it is", here()),
                        "servers and agents take different arguments",
                    )
                    .with_hint("add \"nodeFilters: [server:*]\""));
                }
                let nodes = filters(nodes).map_err(|problem| at(&here(), problem))?;
                to.push(ForNodes {
                    value: value.to_owned(),
                    nodes,
                });
            }
        }
        for (place, alias) in self.host_aliases.iter().enumerate() {
            let alias = HostAlias::new(&alias.ip, &alias.hostnames);
            let alias = alias.map_err(|problem| at(&format!("hostAliases[{place}]"), problem))?;
            spec.host_aliases.push(alias);
        }
        Ok(())
    }

    fn files(&self, spec: &mut ClusterSpec, sources: Sources<'_>) -> Result<(), Problem> {
        for (place, file) in self.files.iter().enumerate() {
            let nodes =
                filters(&file.nodes).map_err(|problem| at(&format!("files[{place}]"), problem))?;
            let contents = if file.source.contains('\n') {
                file.source.clone().into_bytes()
            } else {
                sources(Source::File(&file.source))?
            };
            spec.files.push(ForNodes {
                value: FileEntry {
                    path: file.destination.clone(),
                    mode: FILE_MODE,
                    contents,
                },
                nodes,
            });
        }
        Ok(())
    }

    fn registries(&self, spec: &mut ClusterSpec, sources: Sources<'_>) -> Result<(), Problem> {
        let wanted = &self.registries;
        if let Some(create) = &wanted.create {
            spec.registries.create = Some(registry(create)?);
        }
        if !wanted.used.is_empty() {
            spec.registries.used.clone_from(&wanted.used);
        }
        match wanted.config.as_deref() {
            None | Some("") => {}
            Some(text) if text.contains('\n') => spec.registries.config = Some(text.to_owned()),
            Some(path) => {
                let bytes = sources(Source::Registries(path))?;
                let text = String::from_utf8(bytes).map_err(|_| {
                    Problem::usage(format!("{path} cannot be read"), "it is no text")
                })?;
                spec.registries.config = Some(text);
            }
        }
        Ok(())
    }

    fn limits(&self, spec: &mut ClusterSpec) -> Result<(), Problem> {
        let wanted = &self.options.runtime;
        let limits = &mut spec.limits;
        for (key, text, to) in [
            (
                "options.runtime.serversMemory",
                &wanted.servers_memory,
                &mut limits.servers_memory,
            ),
            (
                "options.runtime.agentsMemory",
                &wanted.agents_memory,
                &mut limits.agents_memory,
            ),
        ] {
            if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                *to = Some(limits::memory(text).map_err(|problem| at(key, problem))?);
            }
        }
        if let Some(gpus) = wanted.gpu_request.as_ref().filter(|text| !text.is_empty()) {
            DeviceRequest::parse(gpus)
                .map_err(|problem| at("options.runtime.gpuRequest", problem))?;
            limits.gpus = Some(gpus.clone());
        }
        limits.host_pid = wanted.host_pid_mode.unwrap_or(limits.host_pid);
        for (place, ulimit) in wanted.ulimits.iter().enumerate() {
            let text = format!("{}={}:{}", ulimit.name, ulimit.soft, ulimit.hard);
            let parsed: Ulimit = text
                .parse()
                .map_err(|problem| at(&format!("options.runtime.ulimits[{place}]"), problem))?;
            limits.ulimits.push(parsed);
        }
        Ok(())
    }
}

fn registry(create: &RegistryCreate) -> Result<RegistrySpec, Problem> {
    let host = match create.host.as_deref() {
        None | Some("") => None,
        Some("localhost") => Some(Ipv4Addr::LOCALHOST.into()),
        Some(text) => Some(
            text.parse()
                .map_err(|_| not_an_address("registries.create.host", text))?,
        ),
    };
    let proxy = create.proxy.remote_url.as_ref().map(|url| RegistryProxy {
        url: url.clone(),
        username: create.proxy.username.clone().unwrap_or_default(),
        password: create.proxy.password.clone().unwrap_or_default(),
    });
    let hosts_port = create.host_port.as_deref();
    Ok(RegistrySpec {
        name: create.name.clone().unwrap_or_default(),
        image: create.image.clone().unwrap_or_default(),
        host,
        port: port("registries.create.hostPort", hosts_port.unwrap_or_default())?,
        proxy,
        volumes: create.volumes.clone(),
        env: Vec::new(),
        delete_enabled: false,
        same_port: create.enforce_port_match.unwrap_or_default(),
    })
}

/// A value that is for some nodes, in the words of the file.
trait Item {
    fn parts(&self) -> (&str, &[String]);
}

macro_rules! item {
    ($($name:ident)*) => {$(
        impl Item for $name {
            fn parts(&self) -> (&str, &[String]) {
                (&self.value, &self.nodes)
            }
        }
    )*};
}

item!(Volume EnvVar ExtraArg Label);

fn items<T: Item>(list: &[T]) -> Vec<(&str, &[String])> {
    list.iter().map(Item::parts).collect()
}

fn filters(texts: &[String]) -> Result<Vec<NodeFilter>, Problem> {
    texts.iter().map(|text| NodeFilter::parse(text)).collect()
}

/// A port of the host; none where the choice is left open.
fn port(key: &str, text: &str) -> Result<Option<u16>, Problem> {
    match text {
        "" | "random" | "0" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Problem::usage(format!("{key} is not a port"), format!("it is {text:?}"))
                .with_hint("write a number up to 65535, or random")
        }),
    }
}

fn not_an_address(key: &str, text: &str) -> Problem {
    Problem::usage(
        format!("{key} is not an IP address"),
        format!("it is {text:?}"),
    )
}

/// The problem with the key in front at which it is.
fn at(key: &str, problem: Problem) -> Problem {
    Problem {
        what: format!("{key}: {}", problem.what),
        ..problem
    }
}

#[cfg(test)]
mod tests;
