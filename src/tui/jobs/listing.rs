//! What is in a list of things around clusters: fetched once; a list that is to be fetched again has another name.

use std::collections::BTreeMap;

use super::{Context, Sink};
use crate::{
    backend::{Backends, KubeApi},
    domain::{
        Cluster, ClusterName, Problem,
        container::ContainerState,
        image::{full_name, short_name},
    },
    ops::{self, expose, images, lasting, registries},
    resources::deployed::Deployed,
    tui::{
        dialogs::listing::{Item, Kind, Thing},
        format::bytes,
        msg::{ClusterId, News},
    },
};

pub(super) async fn run(context: Context, kind: Kind, sink: Sink) {
    sink.send(News::Listed(fetch(&context, &kind).await)).await;
    std::future::pending::<()>().await;
}

async fn fetch(context: &Context, kind: &Kind) -> Result<Vec<Item>, Problem> {
    let Some(backends) = context.world.backends() else {
        return Err(Problem::unreachable(
            "the engine",
            "it has not answered yet",
        ));
    };
    match kind {
        Kind::Images(name) => {
            let cluster = context.cluster(&ClusterId::k3s(ops::observe::bare(name)));
            let gone = || Problem::not_found(format!("cluster \"{name}\""), "it is gone");
            all_images(&backends, &cluster.ok_or_else(gone)?).await
        }
        Kind::Services(name) => {
            let id = ClusterId::k3s(ops::observe::bare(name));
            let api = context.connections.get(context, &id).await?;
            all_services(&backends, api.as_ref(), name).await
        }
        Kind::Manifests(name) => {
            let id = ClusterId::k3s(ops::observe::bare(name));
            let api = context.connections.get(context, &id).await?;
            let all = ops::manifests(api.as_ref()).await?;
            Ok(all.into_iter().map(manifest).collect())
        }
        Kind::Registries(_) => all_registries(&backends).await,
        Kind::Catalogue(name) => catalogue(&backends, name).await,
        Kind::Lasting => all_lasting(&backends).await,
    }
}

/// An image, wherever it is.
#[derive(Default)]
struct Found {
    size: u64,
    at_engine: bool,
    nodes: usize,
}

async fn all_images(backends: &Backends, cluster: &Cluster) -> Result<Vec<Item>, Problem> {
    let (engine, nodes) = tokio::join!(
        images::at_engine(backends),
        images::of_cluster(backends, cluster)
    );
    let mut all: BTreeMap<String, Found> = BTreeMap::new();
    for image in engine? {
        for name in &image.names {
            let found = all.entry(full_name(name)).or_default();
            found.at_engine = true;
            found.size = image.size;
        }
    }
    let count = nodes.len();
    for node in nodes {
        for image in node.images? {
            for name in &image.names {
                let found = all.entry(full_name(name)).or_default();
                found.nodes += 1;
                found.size = found.size.max(image.size);
            }
        }
    }
    let mut items: Vec<(bool, Item)> = all
        .into_iter()
        .map(|(name, found)| {
            let engine = if found.at_engine { "yes" } else { "" };
            let nodes = match found.nodes {
                0 => String::new(),
                some => format!("{some} of {count}"),
            };
            let item = Item {
                cells: vec![
                    short_name(&name).to_owned(),
                    bytes(found.size),
                    engine.to_owned(),
                    nodes,
                ],
                thing: Thing::Image {
                    name,
                    at_engine: found.at_engine,
                    on_nodes: found.nodes > 0,
                },
            };
            (found.nodes == 0, item)
        })
        .collect();
    // What the nodes have comes first: that is what was asked for.
    items.sort_by_key(|(absent, _)| *absent);
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

async fn all_services(
    backends: &Backends,
    api: &dyn KubeApi,
    cluster: &ClusterName,
) -> Result<Vec<Item>, Problem> {
    let all = expose::all(backends, api, cluster).await?;
    let ports = all
        .into_iter()
        .flat_map(|(key, ports)| ports.into_iter().map(move |port| (key.clone(), port)));
    let items = ports.map(|(key, port)| Item {
        cells: vec![
            key.to_string(),
            match harmless(&port.name).as_str() {
                "" => port.port.to_string(),
                name => format!("{} {name}", port.port),
            },
            port.published.map(|at| at.to_string()).unwrap_or_default(),
            port.offered.to_string(),
        ],
        thing: Thing::Service {
            offered: port.offered,
            published: port.published,
        },
    });
    Ok(items.collect())
}

fn manifest(one: Deployed) -> Item {
    let kind = if one.chart { "chart" } else { "manifest" };
    Item {
        cells: vec![
            one.name.clone(),
            kind.to_owned(),
            one.state.word().to_owned(),
            one.message,
            one.source,
        ],
        thing: Thing::Manifest(one.name),
    }
}

async fn all_registries(backends: &Backends) -> Result<Vec<Item>, Problem> {
    let all = registries::list(backends).await?;
    let items = all.into_iter().map(|registry| Item {
        cells: vec![
            registry.name.clone(),
            registry.state.word().to_owned(),
            registry.outside().unwrap_or_default(),
            registry.proxy.clone().unwrap_or_default(),
            registry.networks.join(" "),
        ],
        thing: Thing::Registry {
            running: registry.state == ContainerState::Running,
            name: registry.name,
            networks: registry.networks,
        },
    });
    Ok(items.collect())
}

async fn catalogue(backends: &Backends, name: &str) -> Result<Vec<Item>, Problem> {
    let all = registries::list(backends).await?;
    let gone = || Problem::not_found(format!("registry {name}"), "it is gone");
    let registry = all.iter().find(|one| one.name == name).ok_or_else(gone)?;
    let repositories = registries::catalogue(backends, registry).await?;
    let items = repositories.into_iter().map(|repository| {
        let tags: Vec<String> = repository.tags.iter().map(|tag| harmless(tag)).collect();
        let name = harmless(&repository.name);
        Item {
            cells: vec![name.clone(), tags.join(" ")],
            thing: Thing::Repository(name),
        }
    });
    Ok(items.collect())
}

fn harmless(text: &str) -> String {
    crate::domain::log::sanitize(text.as_bytes())
}

async fn all_lasting(backends: &Backends) -> Result<Vec<Item>, Problem> {
    let (volumes, networks) = tokio::try_join!(
        lasting::volumes(backends, false),
        lasting::networks(backends, false)
    )?;
    let volumes = volumes.into_iter().map(|volume| Item {
        cells: vec![
            volume.name.clone(),
            "volume".to_owned(),
            volume.seen.bytes.map(bytes).unwrap_or_default(),
            volume.used_by.join(" "),
        ],
        thing: Thing::Volume(volume.name),
    });
    let networks = networks.into_iter().map(|network| {
        let name = harmless(&network.info.name);
        let subnets = network.info.subnets.iter().map(ToString::to_string);
        Item {
            cells: vec![
                name.clone(),
                "network".to_owned(),
                subnets.collect::<Vec<_>>().join(" "),
                network.used_by.join(" "),
            ],
            thing: Thing::Network(name),
        }
    });
    Ok(volumes.chain(networks).collect())
}
