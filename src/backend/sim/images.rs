//! Images in the world: at the engine names alone, on nodes what k3s brings and what was imported.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Cursor,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::json;

use super::{World, id_of, not_found};
use crate::{
    backend::{ByteStream, Error, ErrorKind},
    domain::{
        image::{EngineImage, full_name},
        image_archive,
    },
};

/// The layers of every image: so many chunks, one as often.
const CHUNKS: usize = 24;
const CHUNK: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(40);

/// What a node has from the beginning: k3s brings its own.
pub(super) fn at_first() -> BTreeMap<String, String> {
    [
        "rancher/mirrored-pause:3.6",
        "rancher/mirrored-coredns-coredns:1.12.3",
        "rancher/local-path-provisioner:v0.0.32",
        "rancher/mirrored-metrics-server:v0.8.0",
        "rancher/klipper-lb:v0.4.13",
    ]
    .into_iter()
    .map(|name| (full_name(name), id(name)))
    .collect()
}

/// The ID of an image, which a node and the engine agree about.
fn id(name: &str) -> String {
    format!("sha256:{}", id_of(&full_name(name)))
}

pub(super) fn of_engine(names: &BTreeSet<String>) -> Vec<EngineImage> {
    let image = |name: &String| EngineImage {
        id: id(name),
        names: vec![name.clone()],
        digests: BTreeSet::from([id(name)]),
        size: (CHUNKS * CHUNK) as u64,
    };
    names.iter().map(image).collect()
}

/// What `ctr images ls` prints.
pub(super) fn printed(images: &BTreeMap<String, String>) -> String {
    let mut text = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n".to_owned();
    for (name, id) in images {
        let manifest = format!("sha256:{}", id_of(id));
        for name in [name, id] {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{name} application/vnd.docker.distribution.manifest.v2+json {manifest} 24.0 MiB linux/amd64 -"
            );
        }
    }
    text
}

/// What `ctr images import -` does with the beginning of an archive.
pub(super) fn import(
    images: &mut BTreeMap<String, String>,
    archive: &[u8],
) -> Result<String, String> {
    let mut said = String::new();
    for image in image_archive::images(Cursor::new(archive))? {
        for name in image.names {
            let _ = writeln!(said, "{name} saved");
            let id = image.digests.first().cloned().unwrap_or_default();
            images.insert(name, id);
        }
    }
    Ok(said)
}

/// What `crictl rmi` does: an image goes with all its names.
pub(super) fn remove(
    images: &mut BTreeMap<String, String>,
    names: &[&str],
) -> Result<String, String> {
    for name in names {
        let id = images
            .get(&full_name(name))
            .cloned()
            .ok_or_else(|| format!("no such image {name:?}"))?;
        images.retain(|_, other| *other != id);
    }
    Ok(String::new())
}

impl World {
    /// An archive as `docker save` writes it, with layers of zeros.
    pub(super) fn archive(&self, images: &[String]) -> ByteStream {
        let (world, images) = (self.clone(), images.to_vec());
        let what = format!("save {}", images.join(", "));
        let zeros = Bytes::from(vec![0; CHUNK]);
        let chunks = stream::iter(0..=CHUNKS).then(move |number| {
            let (world, images) = (world.clone(), images.clone());
            let (what, zeros) = (what.clone(), zeros.clone());
            async move {
                if number > 0 {
                    tokio::time::sleep(PAUSE).await;
                }
                world
                    .call(what, move |state| {
                        let has = |name: &String| {
                            let full = full_name(name);
                            state.images.iter().any(|held| full_name(held) == full)
                        };
                        match images.iter().find(|name| !has(name)) {
                            Some(missing) => Err(not_found("save", missing)),
                            None if number > 0 => Ok(zeros),
                            None => beginning(&images),
                        }
                    })
                    .await
            }
        });
        let mut failed = false;
        chunks
            .take_while(move |item| {
                std::future::ready(!std::mem::replace(&mut failed, item.is_err()))
            })
            .boxed()
    }
}

/// The manifest, and the header of a layer.
fn beginning(images: &[String]) -> Result<Bytes, Error> {
    let manifest: Vec<_> = images
        .iter()
        .map(|name| {
            let config = format!("{}.json", id_of(&full_name(name)));
            json!({ "Config": config, "RepoTags": [name], "Layers": ["layer.tar"] })
        })
        .collect();
    let text = json!(manifest).to_string();
    let wrong = |error: std::io::Error| Error::new(ErrorKind::Failed, "save", error.to_string());
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    archive
        .append_data(&mut header, "manifest.json", text.as_bytes())
        .map_err(wrong)?;
    let mut bytes = archive.into_inner().map_err(wrong)?;
    // The builder has written the end of the archive; the layer comes in its place.
    bytes.truncate(bytes.len() - 1024);
    let mut layer = tar::Header::new_gnu();
    layer.set_path("layer.tar").map_err(wrong)?;
    layer.set_size((CHUNKS * CHUNK) as u64);
    layer.set_cksum();
    bytes.extend_from_slice(layer.as_bytes());
    Ok(bytes.into())
}
