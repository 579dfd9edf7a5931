//! What the answers for a new cluster mean.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
};

use super::{
    ADDRESSES, AGENTS, ALIASES, API, ARGS, Answers, BALANCER, CONTAINER_LABELS, CPUS, DNS, ENV,
    FAMILIES, FILES, GPUS, IMAGE, IMAGE_VOLUME, LABELS, MANIFESTS, MEMORY, NAME, NETWORK,
    NewCluster, PORTS, PROCESSES, PROXY, REGISTRIES, REGISTRIES_FILE, REGISTRY, REGISTRY_PORT,
    SERVERS, TOKEN, ULIMITS, VOLUMES, Wrong,
};
use crate::{
    distro::k3s,
    domain::{
        ApiEndpoint, ClusterName, ClusterNetwork, ClusterSpec, ForNodes, HostAlias, ImageVolume,
        PortMapping, Problem, RegistrySpec, Secret, Subnet,
        limits::{self, DeviceRequest},
        proxy_setting,
        spec::{k3s_argument, variable},
    },
    ops::draft::LocalFiles,
    plan::create,
    tui::dialogs::forms::ports,
};

/// The files that are named.
pub(super) fn files(form: &NewCluster, answers: Answers<'_>) -> Result<LocalFiles, Wrong> {
    let here = &form.around.here;
    Ok(LocalFiles {
        registries: answers.optional(REGISTRIES_FILE, |text| here.path(text))?,
        manifests: answers.each(MANIFESTS, |text| here.path(text))?,
        others: answers.each(FILES, |text| here.file(text))?,
    })
}

/// The cluster, as far as no file says it.
pub(super) fn spec(form: &NewCluster, answers: Answers<'_>) -> Result<ClusterSpec, Wrong> {
    let name = answers.read(NAME, ClusterName::parse)?;
    if form.taken.iter().any(|taken| taken == name.as_str()) {
        let problem = Problem::usage("that name is taken", "a cluster has it already");
        return Err(Wrong(NAME, problem));
    }
    let mut spec = form.defaults.spec(name);
    spec.servers = NonZeroU16::new(answers.number(SERVERS)?)
        .ok_or_else(|| {
            let why = "at least one has to be there";
            Wrong(SERVERS, Problem::usage("a cluster without a server", why))
        })?
        .get();
    spec.agents = answers.number(AGENTS)?;
    spec.image = answers.read(IMAGE, |text| match text {
        "" => {
            let why = "something like rancher/k3s:v1.34.2-k3s1 is expected";
            Err(Problem::usage("no image", why))
        }
        text => Ok(text.to_owned()),
    })?;
    spec.load_balancer = answers.choice(BALANCER) == 0;
    let default = spec.api.clone();
    let api = |text: &str| ApiEndpoint::parse(text, &default, this_machine);
    if let Some(api) = answers.optional(API, api)? {
        spec.api = api;
    }
    let token = answers.text(TOKEN);
    spec.token = (!token.is_empty()).then(|| Secret::new(token));
    network(&mut spec, answers)?;
    nodes(&mut spec, form, answers)?;
    images(&mut spec, answers)?;
    limited(&mut spec.limits, answers)?;
    // No row is to blame alone for what contradicts another.
    create::check(&spec).map_err(|problem| Wrong("", problem))?;
    Ok(spec)
}

/// The address of a name for the API. Others than this one have to be looked up, which a form does not wait for.
fn this_machine(name: &str) -> Result<IpAddr, String> {
    match name {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        name => Err(format!("{name:?} is neither an address nor localhost")),
    }
}

fn network(spec: &mut ClusterSpec, answers: Answers<'_>) -> Result<(), Wrong> {
    let subnet = answers.optional(ADDRESSES, Subnet::wanted)?;
    let ipv6 = answers.choice(FAMILIES) == 1;
    spec.network = match answers.text(NETWORK) {
        "" => ClusterNetwork::Own {
            subnet: subnet.flatten(),
            ipv6,
        },
        name => {
            let why = "a network that is there has its own";
            let refused = |label| Wrong(label, Problem::usage("no addresses here", why));
            if subnet.is_some() {
                return Err(refused(ADDRESSES));
            }
            if ipv6 {
                return Err(refused(FAMILIES));
            }
            ClusterNetwork::named(name)
        }
    };
    spec.host_aliases = answers.each(ALIASES, HostAlias::parse)?;
    spec.dns_fix = answers.choice(DNS) == 0;
    let settings = answers.each(PROXY, proxy_setting::parse)?;
    spec.lb_settings = settings.into_iter().collect();
    k3s::settle_network(spec);
    Ok(())
}

fn nodes(spec: &mut ClusterSpec, form: &NewCluster, answers: Answers<'_>) -> Result<(), Wrong> {
    spec.ports = ports::mappings(answers, PORTS)?;
    let balanced = |mapping: &PortMapping| !mapping.direct;
    if spec.ports.iter().any(balanced) && answers.choice(BALANCER) == 1 {
        let problem = Problem::usage("ports without a load balancer", "they are published on it")
            .with_hint("write 8080:80@server:0:direct to publish it on a node");
        return Err(Wrong(PORTS, problem));
    }
    spec.volumes = answers.each(VOLUMES, |text| form.around.here.mount(text))?;
    spec.env = answers.each(ENV, variable)?;
    let alone = spec.servers == 1 && spec.agents == 0;
    spec.k3s_args = answers.each(ARGS, |text| k3s_argument(text, alone))?;
    spec.node_labels = answers.each(LABELS, ForNodes::parse)?;
    spec.runtime_labels = answers.each(CONTAINER_LABELS, ForNodes::parse)?;
    Ok(())
}

fn images(spec: &mut ClusterSpec, answers: Answers<'_>) -> Result<(), Wrong> {
    spec.image_volume = match answers.text(IMAGE_VOLUME) {
        "" => ImageVolume::Own,
        "none" => ImageVolume::None,
        name => ImageVolume::External(name.to_owned()),
    };
    let registries = &mut spec.registries;
    registries.used = answers.words(REGISTRIES).map(str::to_owned).collect();
    registries.create = answers.optional(REGISTRY, RegistrySpec::parse)?;
    if answers.choice(REGISTRY_PORT) == 1 {
        registries.create.get_or_insert_default().same_port = true;
    }
    Ok(())
}

fn limited(spec: &mut limits::Limits, answers: Answers<'_>) -> Result<(), Wrong> {
    [spec.servers_memory, spec.agents_memory] = both(answers, MEMORY, limits::memory)?;
    [spec.servers_cpus, spec.agents_cpus] = both(answers, CPUS, limits::cpus)?;
    spec.gpus = answers.optional(GPUS, |text| {
        DeviceRequest::parse(text)?;
        Ok(text.to_owned())
    })?;
    spec.ulimits = answers.each(ULIMITS, str::parse)?;
    spec.host_pid = answers.choice(PROCESSES) == 1;
    Ok(())
}

/// One value for servers and agents, or one for each.
fn both<T: Copy>(
    answers: Answers<'_>,
    label: &'static str,
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<[Option<T>; 2], Wrong> {
    match answers.each(label, read)?.as_slice() {
        [] => Ok([None; 2]),
        [both] => Ok([Some(*both); 2]),
        [servers, agents] => Ok([Some(*servers), Some(*agents)]),
        _ => {
            let why = "write one for every node, or one for servers and one for agents";
            Err(Wrong(label, Problem::usage("too many values", why)))
        }
    }
}
