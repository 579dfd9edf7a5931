//! Which engine: the one that is named, else the one of the docker CLI's context, else the usual sockets.
//!
//! bollard reads only `DOCKER_HOST`; contexts are files of the docker CLI
//! (<https://docs.docker.com/engine/manage-resources/contexts/>). An endpoint that a person named is the only
//! candidate: falling through to another engine would show them the wrong clusters.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::address::complete;

/// The variables that the choice depends on. No other is kept: the rest of an environment is full of secrets.
const VARIABLES: [&str; 8] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS",
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
    /// How, where TLS is asked for.
    pub tls: Option<Tls>,
}

/// How an engine is spoken to with TLS. Unless something else is said, the system's authorities are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The directory that may hold `ca.pem`, and `cert.pem` with `key.pem`.
    pub directory: Option<PathBuf>,
    /// Whether the engine's certificate is taken whoever it is from.
    pub unverified: bool,
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
    let verified = environment.get("DOCKER_TLS_VERIFY").is_some();
    let tls = (verified || environment.get("DOCKER_TLS").is_some()).then(|| Tls {
        directory: Some(cert_path.unwrap_or_else(|| environment.docker_config())),
        unverified: !verified,
    });
    let named = |endpoint: &str, source: &str| {
        vec![Candidate {
            endpoint: complete(endpoint, tls.as_ref()),
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
        let unverified =
            meta.pointer("/Endpoints/docker/SkipTLSVerify") == Some(&Value::Bool(true));
        let files = directory
            .join("contexts/tls")
            .join(entry.file_name())
            .join("docker");
        let files = files.is_dir().then_some(files);
        let tls = (unverified || files.is_some()).then_some(Tls {
            directory: files,
            unverified,
        });
        return Some(Candidate {
            // A context without an address is not the default one.
            endpoint: if endpoint.is_empty() {
                String::new()
            } else {
                complete(endpoint, tls.as_ref())
            },
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
    let own = rustix::process::getuid().as_raw();
    let runtime = environment
        .get("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|directory| is_of(directory, own));
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

/// Whether a directory is that person's, or is not there at all. What listens in the directory of somebody else (it is
/// still in the environment after `su` and `sudo -E`) would be given all that an engine is told.
fn is_of(directory: &Path, user: u32) -> bool {
    directory
        .metadata()
        .map_or(true, |found| found.uid() == user)
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
                .and_then(|tls| tls.directory.as_ref())
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
    fn sockets_in_the_directory_of_somebody_else_are_not_tried() {
        let runtime = tempfile::tempdir().unwrap();
        let own = rustix::process::getuid().as_raw();
        assert!(is_of(runtime.path(), own));
        assert!(!is_of(runtime.path(), own + 1));
        assert!(is_of(&runtime.path().join("nowhere"), own + 1));
    }

    #[test]
    fn a_context_that_says_so_is_taken_without_a_look_at_the_certificate() {
        let home = tempfile::tempdir().unwrap();
        let meta = home.path().join(".docker/contexts/meta/abc");
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far","SkipTLSVerify":true}}}"#,
        )
        .unwrap();
        let env = environment(&[("DOCKER_CONTEXT", "far")], home.path());
        let found = candidates(&env, None);
        assert_eq!(found[0].endpoint, "tcp://far:2376");
        let tls = Tls {
            directory: None,
            unverified: true,
        };
        assert_eq!(found[0].tls, Some(tls));
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
        let tls = |directory: &str, unverified| {
            Some(Tls {
                directory: Some(PathBuf::from(directory)),
                unverified,
            })
        };
        assert_eq!(usual[0].tls, tls("/h/.docker", false));
        let named = candidates(&env(&[host, verify, ("DOCKER_CERT_PATH", "/c")]), None);
        assert_eq!(named[0].tls, tls("/c", false));
        let unverified = candidates(&env(&[host, ("DOCKER_TLS", "1")]), None);
        assert_eq!(unverified[0].tls, tls("/h/.docker", true));
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
