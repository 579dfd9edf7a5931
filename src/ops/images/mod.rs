//! Images: which the engine and the nodes have, what a person means by a name or a file, and the plans that send images
//! to nodes and remove them there.

mod sources;

use std::time::Duration;

use futures::future::join_all;

use super::kubeconfig::in_background;
use crate::{
    backend::Backends,
    domain::{
        Cluster, Problem,
        image::{self, EngineImage, NodeImage, WantedImage, full_name},
    },
    plan::{
        Plan,
        images::{self, ImageSource, Import, OnNode},
    },
};

pub use sources::{Opened, Wanted, open};

/// How long a node may take to list or remove images: containerd reads each one's manifest.
pub(super) const ON_NODE: Duration = Duration::from_secs(60);

/// A node of a cluster and its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeImages {
    /// The node's container.
    pub node: String,
    /// What it has, or why it does not tell.
    pub images: Result<Vec<NodeImage>, Problem>,
}

/// The images at the engine, for a person to choose from.
///
/// # Errors
/// When the engine does not answer.
pub async fn at_engine(backends: &Backends) -> Result<Vec<EngineImage>, Problem> {
    Ok(backends.runtime.images().await?)
}

/// The images on each node of a cluster that runs, all nodes asked at the same time.
pub async fn of_cluster(backends: &Backends, cluster: &Cluster) -> Vec<NodeImages> {
    let (running, _) = images::nodes(cluster);
    let asked = running.into_iter().map(|node| async move {
        NodeImages {
            node: node.to_owned(),
            images: on_node(backends, node).await,
        }
    });
    join_all(asked).await
}

/// The images on one node.
///
/// # Errors
/// When it does not run, or its containerd does not answer.
pub async fn on_node(backends: &Backends, node: &str) -> Result<Vec<NodeImage>, Problem> {
    let command = ["ctr", "-n", "k8s.io", "images", "ls"];
    let said = backends.runtime.exec(node, &command, ON_NODE).await?;
    let text = String::from_utf8_lossy(&said.output);
    if said.code != 0 {
        let why = crate::domain::log::sanitize(text.trim().as_bytes());
        return Err(Problem::failed(
            format!("{node} does not list its images"),
            why,
        ));
    }
    Ok(image::of_node(&text))
}

/// Has the import of images into a cluster planned.
pub(super) async fn prepare_import(
    backends: &Backends,
    cluster: &Cluster,
    wanted: &[Wanted],
) -> Result<Plan, Problem> {
    let (found, missing) = find(backends, wanted).await?;
    images::import(&Import {
        cluster,
        images: &found,
        missing: &missing,
        nodes: &told(backends, cluster).await,
    })
}

/// Has the removal of images from a cluster planned.
pub(super) async fn prepare_removal(
    backends: &Backends,
    cluster: &Cluster,
    wanted: &[String],
) -> Result<Plan, Problem> {
    let names: Vec<String> = wanted.iter().map(|name| full_name(name)).collect();
    images::remove(cluster, &names, &told(backends, cluster).await)
}

async fn told(backends: &Backends, cluster: &Cluster) -> Vec<OnNode> {
    let all = of_cluster(backends, cluster).await;
    all.into_iter()
        .map(|on_node| (on_node.node, on_node.images.ok()))
        .collect()
}

type Found = Vec<(ImageSource, Vec<WantedImage>)>;

/// What is meant, by where it comes from, and what is nowhere.
async fn find(backends: &Backends, wanted: &[Wanted]) -> Result<(Found, Vec<String>), Problem> {
    let (mut found, mut missing) = (Found::new(), Vec::new());
    let mut by_name: Vec<&str> = Vec::new();
    for wanted in wanted {
        match wanted {
            Wanted::Named(name) => by_name.push(name),
            Wanted::Archive(path) => {
                let file = path.clone();
                let images = in_background(move || sources::images_in(&file)).await?;
                found.push((ImageSource::Archive(path.clone()), images));
            }
        }
    }
    if by_name.is_empty() {
        return Ok((found, missing));
    }
    let listed = at_engine(backends).await?;
    let mut of_engine: Vec<WantedImage> = Vec::new();
    for name in by_name {
        let Some(image) = listed.iter().find(|image| image.is_called(name)) else {
            missing.push(name.to_owned());
            continue;
        };
        let full = full_name(name);
        // Asked for by its ID it goes with all its names.
        let is_name = image.names.iter().any(|name| full_name(name) == full);
        let names = if is_name {
            vec![full]
        } else {
            image.names.iter().map(|name| full_name(name)).collect()
        };
        match of_engine
            .iter_mut()
            .find(|one| one.digests == image.digests)
        {
            Some(one) => {
                let new = names.into_iter().filter(|name| !one.names.contains(name));
                let new: Vec<String> = new.collect();
                one.names.extend(new);
            }
            None => of_engine.push(WantedImage {
                names,
                digests: image.digests.clone(),
                size: image.size,
            }),
        }
    }
    if !of_engine.is_empty() {
        found.insert(0, (ImageSource::Engine, of_engine));
    }
    Ok((found, missing))
}
