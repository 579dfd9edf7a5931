//! Images: whether one is there, and pulling one with the bytes of all its layers counted together.

use std::{collections::HashMap, path::PathBuf, process::Stdio, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bollard::{
    auth::DockerCredentials, models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder,
};
use futures::{StreamExt, stream::BoxStream};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{ANSWER, Engine, Environment, errors, within};
use crate::{
    backend::{Error, ErrorKind},
    domain::container::PullProgress,
};

/// A credential helper asks a keychain, which may ask the person; longer than this nobody waits for a pull to begin.
const HELPER: Duration = Duration::from_secs(10);

impl Engine {
    pub(super) async fn image_is_there(&self, image: &str) -> Result<bool, Error> {
        match within(
            ANSWER,
            || format!("look for image {image}"),
            self.docker.inspect_image(image),
        )
        .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn pull_image(
        &self,
        image: &str,
    ) -> BoxStream<'static, Result<PullProgress, Error>> {
        let docker = self.docker.clone();
        let image = image.to_owned();
        let stream = async move {
            let credentials = credentials(&Environment::of_process(), registry_of(&image)).await;
            let (name, tag) = name_and_tag(&image);
            let options = CreateImageOptionsBuilder::default()
                .from_image(name)
                .tag(tag)
                .build();
            let mut layers = Layers::default();
            docker
                .create_image(Some(options), None, credentials)
                .map(move |item| match item {
                    Ok(info) => Ok(layers.count(info)),
                    Err(error) => Err(errors::explain(&format!("pull {image}"), &error)),
                })
        };
        Box::pin(futures::FutureExt::flatten_stream(stream))
    }
}

/// The bytes of each layer, as far as they are known.
#[derive(Default)]
struct Layers(HashMap<String, PullProgress>);

impl Layers {
    fn count(&mut self, info: CreateImageInfo) -> PullProgress {
        let layer = self.0.entry(info.id.unwrap_or_default()).or_default();
        match (info.status.as_deref(), info.progress_detail) {
            (Some("Downloading"), Some(detail)) => {
                layer.done = detail
                    .current
                    .and_then(|n| n.try_into().ok())
                    .unwrap_or(layer.done);
                layer.total = detail
                    .total
                    .and_then(|n| n.try_into().ok())
                    .unwrap_or(layer.total);
            }
            (Some("Download complete" | "Pull complete"), _) => layer.done = layer.total,
            _ => {}
        }
        self.0
            .values()
            .fold(PullProgress::default(), |sum, layer| PullProgress {
                done: sum.done + layer.done,
                total: sum.total + layer.total,
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

/// The registry that an image name means; Docker's own has a historical address as its key in the CLI's files.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "docker.io" | "index.docker.io" => "https://index.docker.io/v1/",
            other => other,
        },
        _ => "https://index.docker.io/v1/",
    }
}

/// What the docker CLI would log in with: a credential helper's answer, else the CLI's own file, else nothing.
async fn credentials(environment: &Environment, registry: &str) -> Option<DockerCredentials> {
    let directory = environment
        .variables
        .get("DOCKER_CONFIG")
        .map_or_else(|| environment.home.join(".docker"), PathBuf::from);
    let file = tokio::fs::read(directory.join("config.json")).await.ok()?;
    let config: Value = serde_json::from_slice(&file).ok()?;
    let helper = config["credHelpers"][registry]
        .as_str()
        .or_else(|| config["credsStore"].as_str());
    if let Some(helper) = helper {
        match ask_helper(helper, registry).await {
            Ok(found) => return Some(found),
            Err(why) => tracing::info!(
                helper,
                registry,
                why,
                "the credential helper has nothing; pulling anonymously"
            ),
        }
    }
    let auth = config["auths"][registry]["auth"].as_str()?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(auth).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(login(registry, username, password))
}

async fn ask_helper(helper: &str, registry: &str) -> Result<DockerCredentials, String> {
    let run = async {
        let mut child = tokio::process::Command::new(format!("docker-credential-{helper}"))
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(registry.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(HELPER, run)
        .await
        .map_err(|_| "no answer".to_owned())?
        .map_err(|e| e.to_string())?;
    let answer: Value =
        serde_json::from_slice(&output.stdout).map_err(|_| "no credentials".to_owned())?;
    match (answer["Username"].as_str(), answer["Secret"].as_str()) {
        (Some("<token>"), Some(secret)) => Ok(DockerCredentials {
            identitytoken: Some(secret.to_owned()),
            serveraddress: Some(registry.to_owned()),
            ..Default::default()
        }),
        (Some(username), Some(secret)) => Ok(login(registry, username, secret)),
        _ => Err("no credentials".to_owned()),
    }
}

fn login(registry: &str, username: &str, password: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some(username.to_owned()),
        password: Some(password.to_owned()),
        serveraddress: Some(registry.to_owned()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_docker_does() {
        assert_eq!(
            name_and_tag("rancher/k3s:v1.34.2-k3s1"),
            ("rancher/k3s", "v1.34.2-k3s1")
        );
        assert_eq!(
            name_and_tag("localhost:5000/a"),
            ("localhost:5000/a", "latest")
        );
        assert_eq!(name_and_tag("a@sha256:00"), ("a@sha256:00", ""));
        assert_eq!(registry_of("rancher/k3s"), "https://index.docker.io/v1/");
        assert_eq!(registry_of("ghcr.io/k3d-io/k3d-proxy:5"), "ghcr.io");
        assert_eq!(registry_of("localhost/a"), "localhost");
    }

    #[tokio::test]
    async fn the_docker_cli_s_own_file_is_read() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".docker")).unwrap();
        let auth = BASE64_STANDARD.encode("me:pa:ss");
        std::fs::write(
            home.path().join(".docker/config.json"),
            format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#),
        )
        .unwrap();
        let environment = Environment {
            home: home.path().to_owned(),
            ..Default::default()
        };
        let found = credentials(&environment, "ghcr.io").await.unwrap();
        assert_eq!(
            (found.username.as_deref(), found.password.as_deref()),
            (Some("me"), Some("pa:ss"))
        );
        assert!(credentials(&environment, "quay.io").await.is_none());
    }
}
