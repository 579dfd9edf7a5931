//! Images: whether one is there, and pulling one with the bytes of all its layers counted together.

use std::{collections::HashMap, time::Duration};

use bollard::{
    errors::Error as Source, models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder,
};
use futures::{FutureExt, StreamExt, stream, stream::BoxStream};

use super::{ANSWER, Engine, errors, login, within};
use crate::{
    backend::{Error, ErrorKind},
    domain::container::PullProgress,
};

/// Engines begin to answer when the registry has, and try a slow registry several times.
const REGISTRY: Duration = Duration::from_secs(120);
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

/// The progress of a pull, up to its end or its first error.
fn progress(
    reports: BoxStream<'static, Result<CreateImageInfo, Source>>,
    what: String,
) -> BoxStream<'static, Result<PullProgress, Error>> {
    let state = (reports, Layers::default(), what);
    stream::unfold(Some(state), |state| async {
        let (mut reports, mut layers, what) = state?;
        match tokio::time::timeout(SILENCE, reports.next()).await {
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
