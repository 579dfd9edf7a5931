//! Images: which are there, pulling one with the bytes of all its layers counted together, and saving some as an archive.

use std::{collections::HashMap, pin::Pin, time::Duration};

use bollard::{
    Docker,
    errors::Error as Source,
    models::{CreateImageInfo, ImageSummary},
    query_parameters::{CreateImageOptionsBuilder, ListImagesOptionsBuilder},
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream, stream::BoxStream};
use tokio::time::timeout;

use super::{ANSWER, Engine, errors, login, within};
use crate::{
    backend::{ByteStream, Error, ErrorKind},
    domain::{container::PullProgress, image::EngineImage},
};

/// Engines begin to answer when the registry has, and try a slow registry several times.
const REGISTRY: Duration = Duration::from_secs(120);
/// What an engine says of itself that keeps images in a containerd, and not in a graph driver.
const CONTAINERD_STORE: &str = "io.containerd.snapshotter.v1";
/// While layers come or are unpacked the engine reports several times a second; a pause this long means that the
/// registry's connection is dead and the engine has not noticed.
const SILENCE: Duration = Duration::from_secs(300);

impl Engine {
    pub(super) async fn image_is_there(&self, image: &str) -> Result<bool, Error> {
        let what = || format!("look for image {image}");
        match within(ANSWER, what, self.docker.inspect_image(image)).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn list_images(&self) -> Result<Vec<EngineImage>, Error> {
        let options = ListImagesOptionsBuilder::default().manifests(true).build();
        let request = self.docker.list_images(Some(options));
        let listed = within(ANSWER, || "list the images".to_owned(), request).await?;
        let named = listed.into_iter().map(from_summary);
        Ok(named.filter(|image| !image.names.is_empty()).collect())
    }

    pub(super) fn export_images(&self, images: &[String]) -> ByteStream {
        let docker = self.docker.clone().with_timeout(SILENCE);
        let images = images.to_vec();
        let what = format!("save {}", images.join(", "));
        async move {
            let names: Vec<&str> = images.iter().map(String::as_str).collect();
            let Some(platform) = platform(&docker).await else {
                return chunks(docker.export_images(&names).boxed(), what);
            };
            let one = docker
                .clone()
                .with_request_modifier(move |request| of_platform(request, &platform));
            let mut chosen = one.export_images(&names).boxed().peekable();
            let mut chosen_first = Pin::new(&mut chosen);
            // An image for other machines alone is not there for this one; then all that is there is asked for.
            match timeout(SILENCE, chosen_first.as_mut().peek()).await {
                Ok(Some(Err(_))) => chunks(docker.export_images(&names).boxed(), what),
                _ => chunks(chosen.boxed(), what),
            }
        }
        .flatten_stream()
        .boxed()
    }

    pub(super) fn pull_image(
        &self,
        image: &str,
    ) -> BoxStream<'static, Result<PullProgress, Error>> {
        let docker = self.docker.clone().with_timeout(REGISTRY);
        let environment = self.environment.clone();
        let image = image.to_owned();
        async move {
            let login = login::of_image(&environment, &image).await;
            let (name, tag) = name_and_tag(&image);
            let options = CreateImageOptionsBuilder::default()
                .from_image(name)
                .tag(tag)
                .build();
            let reports = docker.create_image(Some(options), None, login).boxed();
            progress(reports, format!("pull {image}"))
        }
        .flatten_stream()
        .boxed()
    }
}

/// The platform that has to be named when images are saved, as JSON. An engine that keeps images in a containerd has
/// lists of platforms of which it mostly has only its own, and saves the whole list unless it is told otherwise: nobody
/// can read that (k3d #1538).
async fn platform(docker: &Docker) -> Option<String> {
    let info = timeout(ANSWER, docker.info()).await.ok()?.ok()?;
    let status = info.driver_status.unwrap_or_default();
    if !status.iter().flatten().any(|word| word == CONTAINERD_STORE) {
        return None;
    }
    let version = timeout(ANSWER, docker.version()).await.ok()?.ok()?;
    let (os, architecture) = (version.os?, version.arch?);
    Some(serde_json::json!({ "os": os, "architecture": architecture }).to_string())
}

/// Adds the platform to a request; the library does not. Engines before Docker 28 pay no heed to it.
fn of_platform(mut request: bollard::BollardRequest, platform: &str) -> bollard::BollardRequest {
    let escaped = platform.bytes().map(|byte| format!("%{byte:02X}"));
    let query = format!("platform={}", escaped.collect::<String>());
    let uri = request.uri();
    let sign = if uri.query().is_some() { '&' } else { '?' };
    if let Ok(uri) = format!("{uri}{sign}{query}").parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// The chunks of an archive, up to its end, its first error, or a silence.
fn chunks(archive: BoxStream<'static, Result<Bytes, Source>>, what: String) -> ByteStream {
    stream::unfold(Some((archive, what)), |state| async {
        let (mut archive, what) = state?;
        match timeout(SILENCE, archive.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some((archive, what)))),
            Ok(Some(Err(error))) => Some((Err(errors::explain(&what, &error)), None)),
            Err(_) => Some((Err(errors::too_late(&what, SILENCE)), None)),
        }
    })
    .boxed()
}

/// An engine with a graph driver tells the digest of the configuration alone. One with a containerd tells that of the list
/// of platforms, or of the manifest where there is no list, and with it every manifest in the list; of its sizes the one of
/// what is sent is meant, and not that together with what is unpacked.
fn from_summary(listed: ImageSummary) -> EngineImage {
    let sent = listed.manifests.iter().flatten();
    let sent = sent
        .filter(|manifest| manifest.available)
        .map(|manifest| manifest.size.content)
        .max();
    let size = sent.filter(|bytes| *bytes > 0).unwrap_or(listed.size);
    let manifests = listed.manifests.into_iter().flatten();
    let digests = manifests
        .map(|manifest| manifest.id)
        .chain(listed.descriptor.and_then(|target| target.digest))
        .chain([listed.id.clone()])
        .collect();
    EngineImage {
        id: listed.id,
        names: listed
            .repo_tags
            .into_iter()
            .filter(|name| !name.contains("<none>"))
            .collect(),
        digests,
        size: u64::try_from(size).unwrap_or_default(),
    }
}

/// The progress of a pull, up to its end or its first error.
fn progress(
    reports: BoxStream<'static, Result<CreateImageInfo, Source>>,
    what: String,
) -> BoxStream<'static, Result<PullProgress, Error>> {
    let state = (reports, Layers::default(), what);
    stream::unfold(Some(state), |state| async {
        let (mut reports, mut layers, what) = state?;
        match timeout(SILENCE, reports.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(report))) => Some((Ok(layers.count(report)), Some((reports, layers, what)))),
            Ok(Some(Err(error))) => Some((Err(errors::explain(&what, &error)), None)),
            Err(_) => Some((Err(errors::too_late(&what, SILENCE)), None)),
        }
    })
    .boxed()
}

/// The bytes of each layer, as far as they are known.
#[derive(Default)]
struct Layers(HashMap<String, PullProgress>);

impl Layers {
    fn count(&mut self, report: CreateImageInfo) -> PullProgress {
        let layer = self.0.entry(report.id.unwrap_or_default()).or_default();
        match (report.status.as_deref(), report.progress_detail) {
            (Some("Downloading"), Some(detail)) => {
                let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
                layer.done = bytes(detail.current).unwrap_or(layer.done);
                layer.total = bytes(detail.total).unwrap_or(layer.total);
            }
            (Some("Download complete" | "Pull complete"), _) => layer.done = layer.total,
            _ => {}
        }
        self.0
            .values()
            .fold(PullProgress::default(), |sum, layer| PullProgress {
                done: sum.done + layer.done,
                total: sum.total + layer.total.max(layer.done),
            })
    }
}

/// The image without its tag, and the tag; a digest stays where it is.
fn name_and_tag(image: &str) -> (&str, &str) {
    if image.contains('@') {
        return (image, "");
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::image::{WantedImage, of_node};

    #[test]
    fn names_are_taken_apart_as_docker_does() {
        for (image, want) in [
            ("rancher/k3s:v1.34.2-k3s1", ("rancher/k3s", "v1.34.2-k3s1")),
            ("localhost:5000/a", ("localhost:5000/a", "latest")),
            ("a@sha256:00", ("a@sha256:00", "")),
        ] {
            assert_eq!(name_and_tag(image), want);
        }
    }

    /// What Docker 28 and 29 answer that keep images in a containerd: one of which another platform's part is missing, as
    /// built here with what the builder says about it, and one without a name.
    const OF_A_CONTAINERD: &str = r#"[
        {"Id":"sha256:list","RepoTags":["busybox:latest"],"RepoDigests":["busybox@sha256:list"],"ParentId":"",
         "Created":1,"Size":7000,"SharedSize":-1,"Containers":-1,"Labels":null,
         "Descriptor":{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:list","size":1},
         "Manifests":[
            {"ID":"sha256:here","Descriptor":{"mediaType":"m","digest":"sha256:here","size":1},"Available":true,
             "Size":{"Content":2000,"Total":7000},"Kind":"image",
             "ImageData":{"Platform":{"architecture":"amd64","os":"linux"},"Containers":[],"Size":{"Unpacked":5000}}},
            {"ID":"sha256:away","Descriptor":{"mediaType":"m","digest":"sha256:away","size":1},"Available":false,
             "Size":{"Content":0,"Total":0},"Kind":"image",
             "ImageData":{"Platform":{"architecture":"s390x","os":"linux"},"Containers":null,"Size":{"Unpacked":0}}},
            {"ID":"sha256:said","Descriptor":{"mediaType":"m","digest":"sha256:said","size":1},"Available":true,
             "Size":{"Content":9,"Total":9},"Kind":"attestation","AttestationData":{"For":"sha256:here"}}]},
        {"Id":"sha256:alone","RepoTags":null,"RepoDigests":[],"ParentId":"","Created":1,"Size":5,"SharedSize":-1,
         "Containers":-1,"Labels":null}]"#;

    #[test]
    fn an_image_of_a_containerd_is_known_by_its_list_and_by_each_manifest() {
        let listed: Vec<ImageSummary> = serde_json::from_str(OF_A_CONTAINERD).unwrap();
        let images: Vec<EngineImage> = listed.into_iter().map(from_summary).collect();
        let busybox = &images[0];
        assert_eq!((busybox.id.as_str(), busybox.size), ("sha256:list", 2_000));
        assert_eq!(busybox.names, ["busybox:latest"]);
        assert_eq!((images[1].size, images[1].names.len()), (5, 0));

        // A node lists it by the list, from a registry, or by the manifest that was sent; the CRI by the configuration,
        // which this engine never tells.
        for digest in ["sha256:list", "sha256:here"] {
            let printed = format!(
                "docker.io/library/busybox:latest type {digest} 2.0 KiB linux/amd64 -\n\
                 sha256:conf type {digest} 2.0 KiB linux/amd64 -\n"
            );
            let wanted = WantedImage {
                names: vec!["docker.io/library/busybox:latest".to_owned()],
                digests: busybox.digests.clone(),
                size: 0,
            };
            assert_eq!(wanted.is_on(&of_node(&printed)), Some(true), "{digest}");
        }
    }

    #[tokio::test]
    async fn the_bytes_of_all_layers_are_counted_together_and_an_error_ends_it() {
        let report = |json: &str| Ok(serde_json::from_str::<CreateImageInfo>(json).unwrap());
        let reports = vec![
            report(r#"{"status":"Pulling from library/a","id":"latest"}"#),
            report(
                r#"{"status":"Downloading","id":"l1","progressDetail":{"current":10,"total":100}}"#,
            ),
            report(
                r#"{"status":"Downloading","id":"l2","progressDetail":{"current":5,"total":50}}"#,
            ),
            report(r#"{"status":"Download complete","id":"l1","progressDetail":{}}"#),
            report(
                r#"{"status":"Extracting","id":"l1","progressDetail":{"current":1,"total":100}}"#,
            ),
            Err(Source::DockerStreamError {
                error: "disk full".to_owned(),
            }),
            report(r#"{"status":"never seen"}"#),
        ];
        let seen: Vec<_> = progress(stream::iter(reports).boxed(), "pull a".to_owned())
            .map(|item| item.map(|at| (at.done, at.total)).map_err(|e| e.why))
            .collect()
            .await;
        assert_eq!(
            seen,
            [
                Ok((0, 0)),
                Ok((10, 100)),
                Ok((15, 150)),
                Ok((105, 150)),
                Ok((105, 150)),
                Err("disk full".to_owned()),
            ]
        );
    }
}
