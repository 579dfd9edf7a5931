//! Which engine: the one that is named, else the one of the docker CLI's context, else the usual sockets.
//!
//! bollard reads only `DOCKER_HOST`; contexts are files of the docker CLI
//! (<https://docs.docker.com/engine/manage-resources/contexts/>). An endpoint that a person named is the only
//! candidate: falling through to another engine would show them the wrong clusters.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The variables that the choice depends on. No other is kept: the rest of an environment is full of secrets.
const VARIABLES: [&str; 7] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "XDG_RUNTIME_DIR",
    "COLIMA_HOME",
];

/// What the choice depends on besides the docker CLI's files, as a value, so that it can be tested.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Environment variables; an empty one counts as not set.
    pub variables: BTreeMap<String, String>,
    /// The home directory.
    pub home: PathBuf,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let mut variables: BTreeMap<String, String> = VARIABLES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
            .collect();
        // Shells that were not opened by a login (su, cron, ssh with a command) do not have it.
        variables
            .entry("XDG_RUNTIME_DIR".to_owned())
            .or_insert_with(|| format!("/run/user/{}", rustix::process::getuid().as_raw()));
        let home = std::env::var_os("HOME")
            .map(PathBuf::from)
            .unwrap_or_default();
        Self { variables, home }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Where the docker CLI keeps its files.
    pub(super) fn docker_config(&self) -> PathBuf {
        self.get("DOCKER_CONFIG")
            .map_or_else(|| self.home.join(".docker"), PathBuf::from)
    }
}

/// An endpoint that may be an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// `unix:///var/run/docker.sock`, `tcp://host:2376`; empty where a context was named that does not exist.
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
            endpoint: complete(endpoint, tls.is_some()),
            source: source.to_owned(),
            tls: tls.clone(),
        }]
    };
    if let Some(endpoint) = wanted.filter(|endpoint| !endpoint.is_empty()) {
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

/// The endpoint as bollard needs it: with a scheme, and with the port that the docker CLI would take.
fn complete(endpoint: &str, tls: bool) -> String {
    if endpoint.starts_with('/') {
        return format!("unix://{endpoint}");
    }
    match endpoint.strip_prefix("tcp://") {
        Some(address) => {
            let address = address.trim_end_matches('/');
            // The colons inside the brackets of an IPv6 address are not the one before a port.
            let after_host = &address[address.rfind(']').map_or(0, |end| end + 1)..];
            if after_host.contains(':') {
                format!("tcp://{address}")
            } else {
                format!("tcp://{address}:{}", if tls { 2376 } else { 2375 })
            }
        }
        None => endpoint.to_owned(),
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
    // The directories are named after the SHA-256 of the name; the files inside say the name itself.
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
        let tls = tls.is_dir().then_some(tls);
        return Some(Candidate {
            endpoint: complete(endpoint, tls.is_some()),
            source,
            tls,
        });
    }
    Some(Candidate {
        endpoint: String::new(),
        source,
        tls: None,
    })
}

/// A JSON file of the docker CLI. One that is there but broken is as good as none, but not in silence.
pub(super) fn read_json(path: &Path) -> Option<Value> {
    let text = std::fs::read(path).ok()?;
    serde_json::from_slice(&text)
        .inspect_err(|error| tracing::warn!("{} is not JSON: {error}", path.display()))
        .ok()
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

    #[test]
    fn endpoints_are_completed_as_the_docker_cli_does() {
        for (given, tls, want) in [
            ("/run/x.sock", false, "unix:///run/x.sock"),
            ("tcp://box", false, "tcp://box:2375"),
            ("tcp://box/", true, "tcp://box:2376"),
            ("tcp://box:99", true, "tcp://box:99"),
            ("tcp://[::1]", false, "tcp://[::1]:2375"),
            ("tcp://[::1]:9", false, "tcp://[::1]:9"),
            ("ssh://me@box", false, "ssh://me@box"),
        ] {
            assert_eq!(complete(given, tls), want);
        }
    }

    #[test]
    fn a_named_endpoint_is_asked_with_tls_where_the_environment_says_so() {
        let env = |variables: &[(&str, &str)]| environment(variables, Path::new("/h"));
        let host = ("DOCKER_HOST", "tcp://box");
        let verify = ("DOCKER_TLS_VERIFY", "1");
        let plain = candidates(&env(&[host]), None);
        assert_eq!(plain[0].tls, None);
        let usual = candidates(&env(&[host, verify]), None);
        assert_eq!(usual[0].endpoint, "tcp://box:2376");
        assert_eq!(usual[0].tls, Some(PathBuf::from("/h/.docker")));
        let named = candidates(&env(&[host, verify, ("DOCKER_CERT_PATH", "/c")]), None);
        assert_eq!(named[0].tls, Some(PathBuf::from("/c")));
    }

    #[test]
    fn without_a_word_from_anyone_the_usual_sockets_are_tried_in_order() {
        let env = environment(
            &[
                ("XDG_RUNTIME_DIR", "/run/user/7"),
                ("COLIMA_HOME", "/colima"),
                ("DOCKER_HOST", ""),
            ],
            Path::new("/h"),
        );
        let found: Vec<String> = candidates(&env, Some(""))
            .into_iter()
            .map(|candidate| candidate.endpoint)
            .collect();
        assert_eq!(
            found,
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///h/.docker/run/docker.sock",
                "unix:///h/.docker/desktop/docker.sock",
                "unix:///colima/default/docker.sock",
                "unix:///h/.orbstack/run/docker.sock",
                "unix:///h/.rd/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock",
            ]
        );
    }

    #[test]
    fn broken_files_of_the_docker_cli_are_as_good_as_none() {
        let home = tempfile::tempdir().unwrap();
        let meta = home.path().join("elsewhere/contexts/meta/abc");
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(meta.join("meta.json"), "}{").unwrap();
        std::fs::write(home.path().join("elsewhere/config.json"), "{").unwrap();
        let config = home.path().join("elsewhere").display().to_string();
        let env = environment(&[("DOCKER_CONFIG", &config)], home.path());
        assert_eq!(
            candidates(&env, None)[0].endpoint,
            "unix:///var/run/docker.sock"
        );
    }
}
