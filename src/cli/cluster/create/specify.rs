//! From flags to the specification of a cluster: what no flag says is as it was in the specification below.

use super::args::Args;
use crate::{
    cli::flags,
    distro::k3s,
    domain::{
        ApiEndpoint, ClusterName, ClusterNetwork, ClusterSpec, ForNodes, HostAlias, ImageVolume,
        PortMapping, Problem, Secret, Subnet, limits,
        limits::DeviceRequest,
        proxy_setting,
        spec::{k3s_argument, variable},
    },
    ops::draft::{Here, LocalFiles},
};

/// Puts the flags over a specification. Where it has a list already, they add to it, as with k3d.
///
/// # Errors
/// The flag whose value cannot be read, or the file.
pub fn over(spec: &mut ClusterSpec, args: &Args) -> Result<(), Problem> {
    if let Some(name) = &args.name {
        spec.name = ClusterName::parse(name)?;
    }
    spec.servers = args.servers.unwrap_or(spec.servers);
    spec.agents = args.agents.unwrap_or(spec.agents);
    if let Some(image) = &args.image {
        spec.image.clone_from(image);
    }
    if let Some(token) = &args.token {
        spec.token = Some(Secret::new(token));
    }
    if args.no_lb {
        spec.load_balancer = false;
    }
    if let Some(text) = &args.api_port {
        spec.api = ApiEndpoint::parse(text, &spec.api, flags::address_of)?;
    }
    network(spec, args)?;
    nodes(spec, args, &Here::now())?;
    images(spec, args)?;
    limited(&mut spec.limits, args)?;
    let files = LocalFiles {
        registries: args.images.registry_config.clone(),
        manifests: args.nodes.manifest.clone(),
        others: Vec::new(),
    };
    files.read_into(spec)
}

fn network(spec: &mut ClusterSpec, args: &Args) -> Result<(), Problem> {
    let flags = &args.network;
    match (flags.named.as_deref(), flags.subnet.as_deref()) {
        (Some(name), _) => spec.network = ClusterNetwork::named(name),
        (None, None) => {}
        (None, Some(subnet)) => {
            spec.network = ClusterNetwork::own(Subnet::wanted(subnet)?);
        }
    }
    if flags.dual_stack {
        spec.network = ClusterNetwork::Own {
            subnet: spec.network.subnet(),
            ipv6: true,
        };
    }
    for text in &flags.host_alias {
        spec.host_aliases.push(HostAlias::parse(text)?);
    }
    for text in &flags.lb_config_override {
        let (key, value) = proxy_setting::parse(text)?;
        spec.lb_settings.insert(key, value);
    }
    spec.dns_fix = flags.dns_fix.unwrap_or(spec.dns_fix);
    k3s::settle_network(spec);
    Ok(())
}

fn nodes(spec: &mut ClusterSpec, args: &Args, here: &Here) -> Result<(), Problem> {
    let flags = &args.nodes;
    let ports = flags.port.iter().map(String::as_str);
    spec.ports.extend(PortMapping::parse_all(ports)?);
    for text in &flags.env {
        spec.env.push(variable(text)?);
    }
    let alone = spec.servers == 1 && spec.agents == 0;
    for text in &flags.k3s_arg {
        spec.k3s_args.push(k3s_argument(text, alone)?);
    }
    for text in &flags.volume {
        spec.volumes.push(here.mount(text)?);
    }
    let parse = |texts: &[String]| -> Result<Vec<ForNodes<String>>, Problem> {
        texts.iter().map(|text| ForNodes::parse(text)).collect()
    };
    spec.node_labels.extend(parse(&flags.k3s_node_label)?);
    spec.runtime_labels.extend(parse(&flags.runtime_label)?);
    Ok(())
}

fn images(spec: &mut ClusterSpec, args: &Args) -> Result<(), Problem> {
    let flags = &args.images;
    if let Some(volume) = &flags.image_volume {
        spec.image_volume = ImageVolume::External(volume.clone());
    }
    if flags.no_image_volume {
        spec.image_volume = ImageVolume::None;
    }
    let registries = &mut spec.registries;
    if let Some(text) = &flags.registry_create {
        let created = registries.create.get_or_insert_default();
        flags::registry(text, created)?;
    }
    if flags.enforce_registry_port_match {
        registries.create.get_or_insert_default().same_port = true;
    }
    registries.used.extend(flags.registry_use.iter().cloned());
    Ok(())
}

fn limited(spec: &mut limits::Limits, args: &Args) -> Result<(), Problem> {
    let flags = &args.limits;
    for (text, to) in [
        (&flags.servers_memory, &mut spec.servers_memory),
        (&flags.agents_memory, &mut spec.agents_memory),
    ] {
        if let Some(text) = text {
            *to = Some(limits::memory(text)?);
        }
    }
    for (text, to) in [
        (&flags.servers_cpus, &mut spec.servers_cpus),
        (&flags.agents_cpus, &mut spec.agents_cpus),
    ] {
        if let Some(text) = text {
            *to = Some(limits::cpus(text)?);
        }
    }
    if let Some(gpus) = &flags.gpus {
        DeviceRequest::parse(gpus)?;
        spec.gpus = Some(gpus.clone());
    }
    for text in &flags.runtime_ulimit {
        spec.ulimits.push(text.parse()?);
    }
    spec.host_pid |= flags.host_pid_mode;
    Ok(())
}
