//! Registries that the nodes of clusters get images from: as a person wants them, and as they are there.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{ClusterName, Problem, Secret, container::ContainerState};

/// The registries of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registries {
    /// One that is made with the cluster and goes with it.
    pub create: Option<RegistrySpec>,
    /// Those that are there, by the names of their containers, with or without `k3d-`.
    pub used: Vec<String>,
    /// A `registries.yaml` of the person's own, which has the last word.
    pub config: Option<String>,
}

/// A registry that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistrySpec {
    /// The name of its container; empty chooses one.
    pub name: String,
    /// The image; empty is the usual one.
    pub image: String,
    /// The host's address that its port is bound to; `None` is the usual one.
    pub host: Option<IpAddr>,
    /// The host's port; `None` lets one be chosen.
    pub port: Option<u16>,
    /// The registry that it keeps copies of.
    pub proxy: Option<RegistryProxy>,
    /// Mounts, `[SOURCE:]TARGET[:OPTIONS]`.
    pub volumes: Vec<String>,
    /// Environment variables of its container, `NAME=VALUE`: the registry's own way to be configured. They have the last
    /// word.
    pub env: Vec<String>,
    /// Whether images can be removed from it.
    pub delete_enabled: bool,
    /// Whether it has the same port inside of its container as on the host.
    pub same_port: bool,
}

/// The longest name of a registry: a host name, with room for the `k3d-` before it.
const LONGEST_NAME: usize = 59;

impl RegistrySpec {
    /// Checks a name that a person chose: nodes find the registry by it, so it is a host name, as `registry.localhost`.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn check_name(name: &str) -> Result<(), Problem> {
        let refuse = |why: String| {
            Err(Problem::usage(
                format!("{name:?} cannot be the name of a registry"),
                why,
            ))
        };
        if name.len() > LONGEST_NAME {
            return refuse(format!("it is longer than {LONGEST_NAME} characters"));
        }
        let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        if let Some(odd) = name.chars().find(odd) {
            return refuse(format!(
                "{odd:?} is not a letter, a digit, a hyphen or a dot"
            ));
        }
        let wrong = |part: &str| part.is_empty() || part.starts_with('-') || part.ends_with('-');
        if name.split('.').any(wrong) {
            return refuse("a part of it is empty, or starts or ends with a hyphen".to_owned());
        }
        Ok(())
    }

    /// Where its port is: `[HOST:]PORT`, in which `random` or nothing lets a port be chosen.
    ///
    /// # Errors
    /// When it is neither an address nor a port.
    pub fn parse_port(text: &str) -> Result<(Option<IpAddr>, Option<u16>), Problem> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let wrong = |why: &str| {
            Problem::usage(format!("{text:?} is no place for a registry's port"), why)
                .with_hint("write [HOST:]PORT, as in 127.0.0.1:5000, or random")
        };
        let host = match host.trim_matches(['[', ']']) {
            "" => None,
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            host => Some(host.parse().map_err(|_| wrong("the host is no address"))?),
        };
        let port = match port {
            "" | "random" => None,
            port => match port.parse() {
                Ok(0) | Err(_) => return Err(wrong("the port is no number from 1 to 65535")),
                Ok(port) => Some(port),
            },
        };
        Ok((host, port))
    }

    /// One that is made with a cluster: `NAME[:HOST][:PORT]`.
    ///
    /// # Errors
    /// When the host or the port is none.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let (host, port) = match rest.parse::<IpAddr>() {
            // A host alone: a port comes after the last colon.
            Ok(host) => (Some(host), None),
            Err(_) => Self::parse_port(rest)?,
        };
        Ok(Self {
            name: name.to_owned(),
            host,
            port,
            ..Self::default()
        })
    }
}

/// A registry that another one keeps copies of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryProxy {
    /// Its URL.
    pub url: String,
    /// The account there; empty is none.
    pub username: String,
    /// The account's password.
    pub password: Secret,
}

/// A registry that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The name of its container, by which nodes find it.
    pub name: String,
    /// What its container is doing.
    pub state: ContainerState,
    /// The engine's own sentence about it.
    pub status: String,
    /// The image that it runs.
    pub image: String,
    /// The cluster that it was made with and goes with.
    pub cluster: Option<ClusterName>,
    /// The host's address that its port is bound to.
    pub host_ip: IpAddr,
    /// The host's port; `None` where none is published, or it is not known while it does not run.
    pub host_port: Option<u16>,
    /// The port that it listens on inside.
    pub port: u16,
    /// The networks that it is in.
    pub networks: Vec<String>,
    /// The URL of the registry that it keeps copies of, if that is known.
    pub proxy: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

impl Registry {
    /// Where nodes and pods of its networks find it: `k3d-registry:5000`.
    #[must_use]
    pub fn inside(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }

    /// Where this machine finds it: `localhost:5000`; `None` where its port is not published.
    #[must_use]
    pub fn outside(&self) -> Option<String> {
        let host = if self.host_ip.is_unspecified() || self.host_ip.is_loopback() {
            "localhost".to_owned()
        } else {
            self.host_ip.to_string()
        };
        self.host_port.map(|port| format!("{host}:{port}"))
    }

    /// Whether a person means this one: its name with or without `k3d-`, as a URL or with ports as k3d takes it.
    #[must_use]
    pub fn is_called(&self, wanted: &str) -> bool {
        let wanted = wanted
            .strip_prefix("http://")
            .or_else(|| wanted.strip_prefix("https://"))
            .unwrap_or(wanted);
        let name = wanted.split([':', '/']).next().unwrap_or(wanted);
        self.name == name || self.name.strip_prefix("k3d-") == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_for_k3d() {
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for (text, want) in [
            ("random", (None, None)),
            ("5000", (None, Some(5000))),
            ("0.0.0.0:5000", (ip("0.0.0.0"), Some(5000))),
            ("127.0.0.1:random", (ip("127.0.0.1"), None)),
            ("[::1]:5000", (ip("::1"), Some(5000))),
            ("localhost:5000", (ip("127.0.0.1"), Some(5000))),
        ] {
            assert_eq!(RegistrySpec::parse_port(text), Ok(want), "{text}");
        }
        for wrong in ["0", "nonsense", "here:5000"] {
            assert!(RegistrySpec::parse_port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_a_host_s() {
        for name in ["reg", "registry.localhost", "k3d-Reg1"] {
            assert_eq!(RegistrySpec::check_name(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a_b", "-a", "a.", "a..b", &"a".repeat(60)] {
            assert!(RegistrySpec::check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn one_with_a_cluster_is_written_as_for_k3d() {
        let parse = |text| RegistrySpec::parse(text).map(|spec| (spec.name, spec.host, spec.port));
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for (text, want) in [
            ("reg", ("reg", None, None)),
            ("reg:5000", ("reg", None, Some(5000))),
            ("reg:0.0.0.0", ("reg", ip("0.0.0.0"), None)),
            ("reg:0.0.0.0:5000", ("reg", ip("0.0.0.0"), Some(5000))),
            ("", ("", None, None)),
        ] {
            let (name, host, port) = want;
            assert_eq!(parse(text), Ok((name.to_owned(), host, port)), "{text}");
        }
        assert!(RegistrySpec::parse("reg:nonsense").is_err());
    }
}
