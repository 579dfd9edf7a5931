//! Which engine: the one that is named, else the one of the docker CLI's context, else the usual sockets.
//!
//! bollard reads only `DOCKER_HOST`; contexts are files of the docker CLI
//! (<https://docs.docker.com/engine/manage-resources/contexts/>). An endpoint that a person named is the only
//! candidate: falling through to another engine would show them the wrong clusters.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, Docker};
use serde_json::Value;

use super::errors;

/// bollard's own limit for the headers of an answer, in seconds. Ours are shorter; this one must not cut a long upload.
const HEADERS: u64 = 600;
/// How long an endpoint may take to say hello before the next one is tried.
const HELLO: Duration = Duration::from_secs(4);

/// What the choice depends on, so that it can be tested with values.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The home directory.
    pub home: PathBuf,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = variables.get("HOME").map(PathBuf::from).unwrap_or_default();
        Self { variables, home }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn docker_config(&self) -> PathBuf {
        self.get("DOCKER_CONFIG")
            .map_or_else(|| self.home.join(".docker"), PathBuf::from)
    }
}

/// An endpoint that may be an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// `unix:///var/run/docker.sock`, `tcp://host:2376`.
    pub endpoint: String,
    /// Who says so: `DOCKER_HOST`, `docker context "x"`, `usual socket`.
    pub source: String,
    /// The directory with `ca.pem`, `cert.pem` and `key.pem`, where TLS is asked for.
    pub tls: Option<PathBuf>,
}

/// An endpoint that did not work, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The endpoint.
    pub endpoint: String,
    /// Who named it.
    pub source: String,
    /// What it answered.
    pub answer: String,
}

/// The endpoints to try, in order. `wanted` is that of the command line or of the configuration.
#[must_use]
pub fn candidates(environment: &Environment, wanted: Option<&str>) -> Vec<Candidate> {
    let cert_path = environment.get("DOCKER_CERT_PATH").map(PathBuf::from);
    let tls = environment
        .get("DOCKER_TLS_VERIFY")
        .map(|_| cert_path.unwrap_or_else(|| environment.docker_config()));
    let named = |endpoint: &str, source: &str| {
        vec![Candidate {
            endpoint: with_scheme(endpoint),
            source: source.to_owned(),
            tls: tls.clone(),
        }]
    };
    if let Some(endpoint) = wanted {
        return named(endpoint, "named by you");
    }
    if let Some(endpoint) = environment.get("DOCKER_HOST") {
        return named(endpoint, "DOCKER_HOST");
    }
    if let Some(candidate) = current_context(environment) {
        return vec![candidate];
    }
    usual_sockets(environment)
        .into_iter()
        .map(|path| Candidate {
            endpoint: format!("unix://{}", path.display()),
            source: "usual socket".to_owned(),
            tls: None,
        })
        .collect()
}

fn with_scheme(endpoint: &str) -> String {
    if endpoint.starts_with('/') {
        format!("unix://{endpoint}")
    } else {
        endpoint.to_owned()
    }
}

/// The endpoint of the docker CLI's current context, unless that is the default one.
fn current_context(environment: &Environment) -> Option<Candidate> {
    let directory = environment.docker_config();
    let name = match environment.get("DOCKER_CONTEXT") {
        Some(name) => name.to_owned(),
        None => read_json(&directory.join("config.json"))?
            .get("currentContext")?
            .as_str()?
            .to_owned(),
    };
    if name.is_empty() || name == "default" {
        return None;
    }
    let source = format!("docker context {name:?}");
    // The directories are named after a hash; the files inside say the name.
    for entry in std::fs::read_dir(directory.join("contexts/meta"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let Some(meta) = read_json(&entry.path().join("meta.json")) else {
            continue;
        };
        if meta.get("Name").and_then(Value::as_str) != Some(name.as_str()) {
            continue;
        }
        let endpoint = meta
            .pointer("/Endpoints/docker/Host")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let tls = directory
            .join("contexts/tls")
            .join(entry.file_name())
            .join("docker");
        return Some(Candidate {
            endpoint: endpoint.to_owned(),
            source,
            tls: tls.is_dir().then_some(tls),
        });
    }
    Some(Candidate {
        endpoint: String::new(),
        source,
        tls: None,
    })
}

fn read_json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Where engines put their sockets: Docker, rootless Docker, Docker Desktop, Colima, `OrbStack`, Rancher Desktop, Podman.
fn usual_sockets(environment: &Environment) -> Vec<PathBuf> {
    let home = &environment.home;
    let runtime = environment.get("XDG_RUNTIME_DIR").map(PathBuf::from);
    let colima = environment
        .get("COLIMA_HOME")
        .map_or_else(|| home.join(".colima"), PathBuf::from);
    let in_runtime = |path: &str| runtime.as_ref().map(|directory| directory.join(path));
    [
        Some(PathBuf::from("/var/run/docker.sock")),
        in_runtime("docker.sock"),
        Some(home.join(".docker/run/docker.sock")),
        Some(home.join(".docker/desktop/docker.sock")),
        Some(colima.join("default/docker.sock")),
        Some(home.join(".orbstack/run/docker.sock")),
        Some(home.join(".rd/docker.sock")),
        in_runtime("podman/podman.sock"),
        Some(PathBuf::from("/run/podman/podman.sock")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Opens an endpoint and exchanges a first word with it.
pub(super) async fn open(candidate: &Candidate) -> Result<Docker, String> {
    let endpoint = candidate.endpoint.as_str();
    let docker = if endpoint.is_empty() {
        return Err(
            "the docker CLI has no such context; `docker context ls` lists them".to_owned(),
        );
    } else if let Some(host) = endpoint.strip_prefix("ssh://") {
        return Err(format!(
            "ssh is not spoken; forward the socket with \
             `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock {host}` and name unix:///tmp/docker.sock"
        ));
    } else if let Some(directory) = candidate
        .tls
        .as_ref()
        .filter(|_| !endpoint.starts_with("unix://"))
    {
        let file = |name: &str| directory.join(name);
        Docker::connect_with_ssl(
            endpoint,
            &file("key.pem"),
            &file("cert.pem"),
            &file("ca.pem"),
            HEADERS,
            API_DEFAULT_VERSION,
        )
    } else if endpoint.starts_with("tcp://") || endpoint.starts_with("http://") {
        Docker::connect_with_http(endpoint, HEADERS, API_DEFAULT_VERSION)
    } else if let Some(path) = endpoint.strip_prefix("unix://") {
        if !Path::new(path).exists() {
            return Err("there is no such socket".to_owned());
        }
        Docker::connect_with_unix(endpoint, HEADERS, API_DEFAULT_VERSION)
    } else {
        return Err("not an endpoint: expected unix://, tcp:// or http://".to_owned());
    };
    let docker = docker.map_err(|error| errors::explain("connect", &error).why)?;
    match tokio::time::timeout(HELLO, docker.version()).await {
        Ok(Ok(_)) => Ok(docker),
        Ok(Err(error)) => Err(errors::explain("connect", &error).why),
        Err(_) => Err(format!(
            "connected, but no answer within {} s",
            HELLO.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)], home: &Path) -> Environment {
        Environment {
            variables: variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            home: home.to_owned(),
        }
    }

    #[test]
    fn a_named_endpoint_is_the_only_candidate() {
        let home = tempfile::tempdir().unwrap();
        let env = environment(&[("DOCKER_HOST", "tcp://10.0.0.1:2375")], home.path());
        let found = candidates(&env, None);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].endpoint.as_str(), found[0].source.as_str()),
            ("tcp://10.0.0.1:2375", "DOCKER_HOST")
        );
        assert_eq!(
            candidates(&env, Some("/run/x.sock"))[0].endpoint,
            "unix:///run/x.sock"
        );
    }

    #[test]
    fn the_docker_context_is_followed_with_its_tls_files() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        std::fs::create_dir_all(docker.join("contexts/meta/abc")).unwrap();
        std::fs::create_dir_all(docker.join("contexts/tls/abc/docker")).unwrap();
        std::fs::write(docker.join("config.json"), r#"{"currentContext":"far"}"#).unwrap();
        std::fs::write(
            docker.join("contexts/meta/abc/meta.json"),
            r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376"}}}"#,
        )
        .unwrap();
        let found = candidates(&environment(&[], home.path()), None);
        assert_eq!(found[0].endpoint, "tcp://far:2376");
        assert!(
            found[0]
                .tls
                .as_ref()
                .is_some_and(|dir| dir.ends_with("abc/docker"))
        );
        let default = candidates(
            &environment(&[("DOCKER_CONTEXT", "default")], home.path()),
            None,
        );
        assert_eq!(default[0].endpoint, "unix:///var/run/docker.sock");
    }

    #[test]
    fn a_context_that_is_gone_is_said_and_not_skipped() {
        let home = tempfile::tempdir().unwrap();
        let found = candidates(
            &environment(&[("DOCKER_CONTEXT", "nope")], home.path()),
            None,
        );
        assert_eq!((found.len(), found[0].endpoint.as_str()), (1, ""));
    }
}
