//! What the docker CLI would log in with at a registry: a credential helper's answer, else the CLI's own file, else
//! nothing.

use std::{process::Stdio, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bollard::auth::DockerCredentials;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{Environment, endpoint::read_json};

/// A credential helper asks a keychain, which may ask the person; longer than this nobody waits for a pull to begin.
const HELPER: Duration = Duration::from_secs(10);
/// The key of Docker's own registry in the CLI's files, for historical reasons.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The login for the registry of an image.
pub(super) async fn of_image(environment: &Environment, image: &str) -> Option<DockerCredentials> {
    let registry = registry_of(image);
    let config = read_json(&environment.docker_config().join("config.json"))?;
    let helper = config["credHelpers"][registry]
        .as_str()
        .or_else(|| config["credsStore"].as_str())
        .filter(|helper| !helper.is_empty());
    if let Some(helper) = helper {
        let program = format!("docker-credential-{helper}");
        match ask(Command::new(&program), registry).await {
            Ok(found) => return Some(found),
            Err(why) => tracing::info!("{program} has no login for {registry} ({why})"),
        }
    }
    let auths = config["auths"].as_object()?;
    let entry = auths.get(registry).or_else(|| {
        auths
            .iter()
            .find(|(key, _)| host_of(key) == host_of(registry))
            .map(|(_, entry)| entry)
    })?;
    from_entry(entry, registry)
}

/// The registry that an image name means, as the CLI's files call it.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some(("docker.io" | "index.docker.io", _)) => DOCKER_HUB,
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DOCKER_HUB,
    }
}

/// The host of a key of `auths`, which some tools write as a URL.
fn host_of(key: &str) -> &str {
    let key = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

fn from_entry(entry: &Value, registry: &str) -> Option<DockerCredentials> {
    let text = |name: &str| entry[name].as_str().filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Some(with_token(registry, token));
    }
    if let (Some(username), Some(password)) = (text("username"), text("password")) {
        return Some(with_password(registry, username, password));
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(text("auth")?).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(with_password(
        registry,
        username,
        // Old versions of the CLI filled up with zero bytes.
        password.trim_end_matches('\0'),
    ))
}

/// Runs a credential helper (<https://github.com/docker/docker-credential-helpers>).
async fn ask(mut helper: Command, registry: &str) -> Result<DockerCredentials, String> {
    let run = async {
        let mut child = helper
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
        .map_err(|_| format!("no answer within {} s", HELPER.as_secs()))?
        .map_err(|error| error.to_string())?;
    // What it printed is not repeated: it may be half a secret.
    let answer: Value =
        serde_json::from_slice(&output.stdout).map_err(|_| output.status.to_string())?;
    match (answer["Username"].as_str(), answer["Secret"].as_str()) {
        (Some("<token>"), Some(secret)) => Ok(with_token(registry, secret)),
        (Some(username), Some(secret)) => Ok(with_password(registry, username, secret)),
        _ => Err("it answered without one".to_owned()),
    }
}

fn with_token(registry: &str, token: &str) -> DockerCredentials {
    DockerCredentials {
        identitytoken: Some(token.to_owned()),
        serveraddress: Some(registry.to_owned()),
        ..Default::default()
    }
}

fn with_password(registry: &str, username: &str, password: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some(username.to_owned()),
        password: Some(password.to_owned()),
        serveraddress: Some(registry.to_owned()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// User name and secret, as far as there are any.
    async fn found(config: &str, image: &str) -> Option<[Option<String>; 2]> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".docker")).unwrap();
        fs::write(home.path().join(".docker/config.json"), config).unwrap();
        let environment = Environment {
            home: home.path().to_owned(),
            ..Default::default()
        };
        let login = of_image(&environment, image).await?;
        Some([login.username, login.password.or(login.identitytoken)])
    }

    #[test]
    fn registries_are_called_as_in_the_docker_cli_s_files() {
        for (image, want) in [
            ("rancher/k3s", DOCKER_HUB),
            ("busybox", DOCKER_HUB),
            ("docker.io/library/busybox", DOCKER_HUB),
            ("ghcr.io/k3d-io/k3d-proxy:5", "ghcr.io"),
            ("localhost/a", "localhost"),
            ("reg:5000/a", "reg:5000"),
        ] {
            assert_eq!(registry_of(image), want);
        }
    }

    #[tokio::test]
    async fn the_docker_cli_s_own_file_is_read() {
        let auth = BASE64_STANDARD.encode("me:pa:ss");
        let config = format!(
            r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}},"https://quay.io/v2/":{{"identitytoken":"t"}},"bad.io":{{"auth":"%"}}}}}}"#
        );
        assert_eq!(
            found(&config, "ghcr.io/a").await,
            Some([Some("me".to_owned()), Some("pa:ss".to_owned())])
        );
        assert_eq!(
            found(&config, "quay.io/a").await,
            Some([None, Some("t".to_owned())])
        );
        assert_eq!(found(&config, "bad.io/a").await, None);
        assert_eq!(found(&config, "busybox").await, None);
        assert_eq!(found("nonsense", "busybox").await, None);
    }

    #[tokio::test]
    async fn a_helper_that_is_missing_leaves_the_file_s_own_login() {
        let auth = BASE64_STANDARD.encode("me:pw");
        let config = format!(
            r#"{{"credsStore":"that-nobody-has","auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#
        );
        assert_eq!(
            found(&config, "ghcr.io/a").await,
            Some([Some("me".to_owned()), Some("pw".to_owned())])
        );
        assert_eq!(found(&config, "quay.io/a").await, None);
    }

    #[tokio::test]
    async fn a_helper_is_asked_as_its_protocol_wants() {
        let helper = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script, "helper"]);
            command
        };
        let good = helper(r#"[ "$1" = get ] && printf '{"Username":"u","Secret":"%s"}' "$(cat)""#);
        let answer = ask(good, "ghcr.io").await.unwrap();
        assert_eq!(
            (answer.username.as_deref(), answer.password.as_deref()),
            (Some("u"), Some("ghcr.io"))
        );
        let none = helper("echo 'credentials not found'; exit 1");
        assert!(ask(none, "ghcr.io").await.is_err());
    }
}
