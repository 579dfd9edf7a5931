//! A new cluster: what most people change first, then what some need, with defaults for everything.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
};

use super::{Answers, Row, Wrong};
use crate::{
    config::ClusterDefaults,
    distro::k3s::volumes::Mount,
    domain::{
        ApiEndpoint, ClusterName, ClusterSpec, HostAlias, PortMapping, Problem, Secret,
        limits::{self, DeviceRequest},
        node_filter::ForNodes,
        proxy_setting,
        spec::{ClusterNetwork, k3s_argument, variable},
    },
    ops::Wish,
    plan::Kubeconfig,
};

const NAME: &str = "name";
const SERVERS: &str = "servers";
const AGENTS: &str = "agents";
const IMAGE: &str = "image";
const API_PORT: &str = "API port";
const PORTS: &str = "ports";
const BALANCER: &str = "load balancer";
const VOLUMES: &str = "volumes";
const ENV: &str = "environment";
const ARGS: &str = "k3s arguments";
const LABELS: &str = "node labels";
const REGISTRIES: &str = "registries";
const MEMORY: &str = "memory";
const CPUS: &str = "CPUs";
const NETWORK: &str = "network";
const ADDRESSES: &str = "addresses";
const ALIASES: &str = "host aliases";
const TOKEN: &str = "token";
const CONTAINER_LABELS: &str = "other labels";
const ULIMITS: &str = "ulimits";
const GPUS: &str = "GPUs";
const DNS: &str = "pods' DNS";
const PROXY: &str = "proxy settings";

/// What the form begins from.
#[derive(Debug, Clone)]
pub struct NewCluster {
    defaults: ClusterDefaults,
    /// The names that clusters have.
    taken: Vec<String>,
}

impl NewCluster {
    /// With the person's defaults and the names that are taken.
    #[must_use]
    pub fn new(defaults: &ClusterDefaults, taken: Vec<String>) -> Self {
        Self {
            defaults: defaults.clone(),
            taken,
        }
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let mut free = std::iter::once("dev".to_owned()).chain((2..).map(|n| format!("dev-{n}")));
        let name = free
            .find(|name| !self.taken.contains(name))
            .unwrap_or_default();
        let defaults = &self.defaults;
        let ports: Vec<String> = defaults.ports.iter().cloned().map(String::from).collect();
        vec![
            Row::text(NAME, name, ""),
            Row::text(
                SERVERS,
                defaults.servers.to_string(),
                "control plane; 1 or 3",
            ),
            Row::text(AGENTS, defaults.agents.to_string(), "workers"),
            Row::text(IMAGE, defaults.image.clone(), ""),
            Row::text(API_PORT, "", "empty: a free one"),
            Row::text(PORTS, ports.join(" "), "8080:80 53:53/udp@server:0"),
            Row::choice(
                BALANCER,
                &["before the servers", "none: server 0 publishes"],
            ),
            Row::text(VOLUMES, "", "/here:/there volume:/there"),
            Row::text(ENV, "", "NAME=value[@server:*]"),
            Row::text(ARGS, "", "--disable=traefik@server:*"),
            Row::text(LABELS, "", "tier=web@agent:0,1"),
            Row::text(REGISTRIES, "", "that are there, by name"),
            Row::text(MEMORY, "", "of each node: 2g"),
            Row::text(CPUS, "", "of each node: 1.5"),
            Row::text(NETWORK, "", "empty: one of its own"),
            Row::text(ADDRESSES, "", "172.28.0.0/16; empty: free"),
            Row::text(ALIASES, "", "10.1.2.3:db.example.org,db"),
            Row::text(TOKEN, "", "empty: a fresh one"),
            Row::text(CONTAINER_LABELS, "", "of containers: a=b@agent:0"),
            Row::text(ULIMITS, "", "nofile=65536:65536"),
            Row::text(GPUS, "", "all"),
            Row::choice(DNS, &["through the engine (k3d's fix)", "as k3s has it"]),
            Row::text(PROXY, "", "settings.KEY=VALUE"),
        ]
    }

    pub(super) fn wish(&self, answers: Answers<'_>) -> Result<Wish, Wrong> {
        Ok(Wish::Create {
            spec: Box::new(self.spec(answers)?),
            kubeconfig: Kubeconfig::MergeAndSwitch,
        })
    }

    fn spec(&self, answers: Answers<'_>) -> Result<ClusterSpec, Wrong> {
        let name = answers.read(NAME, ClusterName::parse)?;
        if self.taken.iter().any(|taken| taken == name.as_str()) {
            let problem = Problem::usage("that name is taken", "a cluster has it already");
            return Err(Wrong(NAME, problem));
        }
        let image = answers.read(IMAGE, |text| {
            if text.is_empty() {
                let why = "something like rancher/k3s:v1.34.2-k3s1 is expected";
                return Err(Problem::usage("no image", why));
            }
            Ok(text.to_owned())
        })?;
        let mut spec = self.defaults.spec(name);
        spec.image = image;
        spec.servers = NonZeroU16::new(answers.number(SERVERS)?)
            .ok_or_else(|| {
                let why = "at least one has to be there";
                Wrong(SERVERS, Problem::usage("a cluster without a server", why))
            })?
            .get();
        spec.agents = answers.number(AGENTS)?;
        spec.load_balancer = answers.choice(BALANCER) == 0;
        let default = spec.api.host_ip;
        if let Some(api) = answers.optional(API_PORT, |text| {
            ApiEndpoint::parse(text, default, this_machine)
        })? {
            spec.api = api;
        }
        spec.ports = super::ports::mappings(answers, PORTS)?;
        let balanced = |mapping: &PortMapping| !mapping.direct;
        if spec.ports.iter().any(balanced) && !spec.load_balancer {
            let problem =
                Problem::usage("ports without a load balancer", "they are published on it")
                    .with_hint("write 8080:80@server:0:direct to publish it on a node");
            return Err(Wrong(PORTS, problem));
        }
        spec.volumes = answers.each(VOLUMES, |text| {
            let item = ForNodes::parse(text)?;
            Ok(ForNodes {
                value: Mount::parse(&item.value)?.to_string(),
                nodes: item.nodes,
            })
        })?;
        spec.env = answers.each(ENV, variable)?;
        let alone = spec.servers == 1 && spec.agents == 0;
        spec.k3s_args = answers.each(ARGS, |text| k3s_argument(text, alone))?;
        spec.node_labels = answers.each(LABELS, ForNodes::parse)?;
        spec.registries.used = answers.words(REGISTRIES).map(str::to_owned).collect();
        spec.limits.servers_memory = answers.optional(MEMORY, limits::memory)?;
        spec.limits.agents_memory = spec.limits.servers_memory;
        spec.limits.servers_cpus = answers.optional(CPUS, limits::cpus)?;
        spec.limits.agents_cpus = spec.limits.servers_cpus;
        match answers.text(NETWORK) {
            "" => {}
            name => spec.network = ClusterNetwork::named(name),
        }
        seldom(&mut spec, answers)?;
        Ok(spec)
    }
}

/// The address of a name for the API. Others than this one have to be looked up, which a form does not wait for.
fn this_machine(name: &str) -> Result<IpAddr, String> {
    match name {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        name => Err(format!("{name:?} is neither an address nor localhost")),
    }
}

/// What few need.
fn seldom(spec: &mut ClusterSpec, answers: Answers<'_>) -> Result<(), Wrong> {
    if let Some(subnet) = answers.optional(ADDRESSES, str::parse)? {
        if !matches!(spec.network, ClusterNetwork::Own { .. }) {
            let why = "a network that is there has its own";
            return Err(Wrong(ADDRESSES, Problem::usage("no addresses here", why)));
        }
        spec.network = ClusterNetwork::own(Some(subnet));
    }
    spec.host_aliases = answers.each(ALIASES, HostAlias::parse)?;
    spec.token = Some(answers.text(TOKEN))
        .filter(|token| !token.is_empty())
        .map(Secret::new);
    spec.runtime_labels = answers.each(CONTAINER_LABELS, ForNodes::parse)?;
    spec.limits.ulimits = answers.each(ULIMITS, str::parse)?;
    if !answers.text(GPUS).is_empty() {
        answers.read(GPUS, DeviceRequest::parse)?;
        spec.limits.gpus = Some(answers.text(GPUS).to_owned());
    }
    spec.dns_fix = answers.choice(DNS) == 0;
    spec.lb_settings = answers
        .each(PROXY, proxy_setting::parse)?
        .into_iter()
        .collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::dialogs::{
        form::{Form, Outcome},
        forms::Purpose,
    };

    fn form(taken: &[&str]) -> Form {
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        Form::new(Purpose::NewCluster(NewCluster::new(
            &ClusterDefaults::default(),
            taken,
        )))
    }

    fn press(form: &mut Form, keys: &[&str]) -> Outcome {
        keys.iter()
            .map(|key| form.press(key.parse().unwrap()))
            .last()
            .unwrap()
    }

    fn spec(form: &mut Form) -> Option<ClusterSpec> {
        match press(form, &["enter"]) {
            Outcome::Wanted(Wish::Create { spec, .. }) => Some(*spec),
            _ => None,
        }
    }

    #[test]
    fn enter_on_the_defaults_is_a_cluster() {
        let spec = spec(&mut form(&["dev"])).unwrap();
        assert_eq!(
            (spec.name.as_str(), spec.servers, spec.agents, spec.api.port),
            ("dev-2", 1, 0, None)
        );
        assert_eq!(spec.network, ClusterNetwork::own(None));
    }

    #[test]
    fn a_wrong_field_gets_the_focus_instead_of_a_refusal_later() {
        let mut form = form(&[]);
        // agents: "0" -> "0x"
        let keys = ["tab", "tab", "x", "tab", "enter"];
        assert_eq!(press(&mut form, &keys), Outcome::Stay);
        press(&mut form, &["backspace", "backspace", "2"]);
        assert_eq!(spec(&mut form).unwrap().agents, 2);
        assert_eq!(press(&mut form, &["esc"]), Outcome::Close);
    }

    #[test]
    fn ports_and_the_load_balancer_go_together() {
        let mut form = form(&[]);
        press(&mut form, &["down"; 5]);
        form.paste("8080:80, 8443:443");
        assert_eq!(spec(&mut form).unwrap().ports.len(), 2);
        press(&mut form, &["tab", "space"]);
        assert_eq!(spec(&mut form), None);
        form.paste("@server:0:direct");
        press(&mut form, &["ctrl-u"]);
        form.paste("8080:80@server:0:direct");
        assert!(!spec(&mut form).unwrap().load_balancer);
    }

    #[test]
    fn what_some_need_is_asked_for_below() {
        let mut form = form(&[]);
        press(&mut form, &["up"]);
        for text in [
            "settings.a=1",
            "",
            "all",
            "nofile=1:2",
            "a=b",
            "secret",
            "10.1.2.3:db",
        ] {
            form.paste(text);
            press(&mut form, &["up"]);
        }
        press(&mut form, &["up"]);
        for text in ["shared", "1.5", "2g", "registry:5000", "tier=web@agent:0"] {
            form.paste(text);
            press(&mut form, &["up"]);
        }
        for text in ["--disable=traefik@server:*", "A=1 B=2@server:0", "/a:/b"] {
            form.paste(text);
            press(&mut form, &["up"]);
        }
        let spec = spec(&mut form).unwrap();
        assert_eq!(spec.network, ClusterNetwork::Existing("shared".to_owned()));
        assert_eq!(spec.host_aliases[0].names, ["db"]);
        assert_eq!(
            (spec.limits.gpus.as_deref(), spec.limits.ulimits.len()),
            (Some("all"), 1)
        );
        assert_eq!(spec.limits.agents_cpus, Some(1_500_000_000));
        assert_eq!(spec.limits.servers_memory, Some(2 << 30));
        assert_eq!(spec.registries.used, ["registry:5000"]);
        assert_eq!((spec.env.len(), spec.k3s_args.len()), (2, 1));
        assert_eq!((spec.volumes.len(), spec.node_labels.len()), (1, 1));
    }
}
