//! Finding the world's containers and telling what is seen of them.

use std::net::IpAddr;

use tokio::time::Instant;

use super::{Held, State, behaviour, id_of, not_found};
use crate::{
    backend::Error,
    domain::{
        PublishedPort,
        container::{Attachment, ContainerInfo, ContainerSpec, ContainerState},
    },
};

/// A container as a list shows it.
pub(super) fn info_of(held: &Held, now: Instant) -> ContainerInfo {
    let state = held.state(now);
    let running = state == ContainerState::Running;
    let code = behaviour::of(&held.spec).end.map_or(0, |(_, code)| code);
    ContainerInfo {
        id: held.id.clone(),
        name: held.spec.name.clone(),
        image: held.spec.image.clone(),
        labels: held.spec.labels.clone(),
        state,
        status: match state {
            ContainerState::Running => "Up".to_owned(),
            ContainerState::Exited => format!("Exited ({code})"),
            ContainerState::Restarting => "Restarting (1) 4 seconds ago".to_owned(),
            other => other.word().to_owned(),
        },
        created: held.created,
        attachments: attachments(held, running),
        ports: if running {
            live_ports(&held.spec)
        } else {
            Vec::new()
        },
        volumes: held
            .spec
            .binds
            .iter()
            .filter_map(|bind| bind.split_once(':'))
            .filter(|(source, _)| !source.starts_with('/'))
            .map(|(source, _)| source.to_owned())
            .collect(),
    }
}

/// Its places in networks, by their names as an engine lists them.
fn attachments(held: &Held, running: bool) -> Vec<Attachment> {
    let spec = &held.spec;
    let first = Attachment {
        network: spec.network.clone(),
        address: spec.address.or(held.leased).filter(|_| running),
        fixed: spec.address,
        fixed6: spec.address6,
    };
    let more = spec.more_networks.iter().map(|network| Attachment {
        network: network.clone(),
        address: None,
        fixed: None,
        fixed6: None,
    });
    let mut all: Vec<Attachment> = std::iter::once(first)
        .filter(|first| !first.network.is_empty())
        .chain(more)
        .collect();
    all.sort_by(|a, b| a.network.cmp(&b.network));
    all
}

/// The ports that are published while it runs; where the engine may choose, it chooses the same ones each time.
pub(super) fn live_ports(spec: &ContainerSpec) -> Vec<PublishedPort> {
    let first = id_of(&spec.name)
        .bytes()
        .fold(32_768_u16, |port, byte| port.wrapping_add(u16::from(byte)));
    let chosen =
        |place: usize| u16::try_from(place).map_or(first, |place| first.saturating_add(place));
    let numbered = spec.ports.iter().enumerate();
    let mut ports: Vec<PublishedPort> = numbered
        .map(|(place, port)| match port.host_port {
            0 => PublishedPort {
                host_port: chosen(place),
                ..*port
            },
            _ => *port,
        })
        .collect();
    ports.sort_unstable();
    ports
}

/// The address that the engine gives a new container of a network: the first of its part that no other has.
pub(super) fn lease(state: &State, network: &str) -> Option<IpAddr> {
    let range = state.networks.get(network)?.subnet.upper_half();
    let has = |address: IpAddr| {
        let mut others = state.containers.values();
        others.any(|held| held.spec.network == network && held.leased == Some(address))
    };
    (1..)
        .map_while(|n| range.host(n).map(IpAddr::V4))
        .find(|address| !has(*address))
}

/// The name of what is meant by a name or an ID.
pub(super) fn name_of(state: &State, meant: &str) -> String {
    let containers = state.containers.iter();
    let networks = state.networks.keys();
    containers
        .filter(|(_, held)| held.id == meant)
        .map(|(name, _)| name)
        .chain(networks.filter(|name| id_of(name) == meant))
        .next()
        .cloned()
        .unwrap_or_else(|| meant.to_owned())
}

pub(super) fn held<'a>(
    state: &'a mut State,
    what: &str,
    meant: &str,
) -> Result<&'a mut Held, Error> {
    let name = name_of(state, meant);
    state
        .containers
        .get_mut(&name)
        .ok_or_else(|| not_found(what, meant))
}

pub(super) fn carries(labels: &crate::domain::container::Labels, wanted: &[&str]) -> bool {
    wanted.iter().all(|label| match label.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|found| found == value),
        None => labels.contains_key(*label),
    })
}
