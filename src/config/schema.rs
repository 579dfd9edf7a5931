//! Every key of `.tui.toml`, with its default. `.tui.example.toml` documents them, and a test keeps the two equal.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU16};

use serde::{Deserialize, Serialize};

use super::{Colour, KeyList};
use crate::domain::{ApiEndpoint, ClusterName, ClusterSpec, PortMapping};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The engine that containers run on.
    pub engine: Engine,
    /// Kubernetes contexts beside the local clusters.
    pub contexts: Contexts,
    /// What a new cluster is made of unless a form or a flag says otherwise.
    pub cluster: ClusterDefaults,
    /// How the screen looks.
    pub theme: Theme,
    /// How the screen works.
    pub screen: Screen,
    /// Which keys do what.
    pub keymap: Keymap,
    /// How logs are kept.
    pub logs: Logs,
}

/// Where the engine is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// The endpoint, as `DOCKER_HOST` has it. Empty: `DOCKER_HOST`, the docker CLI's context, the usual sockets.
    pub host: String,
}

/// Which Kubernetes contexts are shown, and what may be done in them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contexts {
    /// Kubeconfig files beside those of `KUBECONFIG` or `~/.kube/config`.
    pub kubeconfig: Vec<String>,
    /// Names of contexts in which nothing may be changed; `*` stands for any text. The lists of all files are joined,
    /// so that no nearer file takes a protection away.
    pub read_only: Vec<String>,
}

impl Contexts {
    /// Whether nothing may be changed in the context.
    #[must_use]
    pub fn is_read_only(&self, context: &str) -> bool {
        self.protecting(context).is_some()
    }

    /// The first pattern because of which nothing may be changed in the context.
    #[must_use]
    pub fn protecting(&self, context: &str) -> Option<&str> {
        self.read_only
            .iter()
            .find(|pattern| matches(pattern, context))
            .map(String::as_str)
    }
}

/// Whether the text is the pattern, in which `*` stands for any text. Each part between two stars is taken where it is
/// found first, which leaves the most for the parts behind it: nothing is ever tried a second time.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let Some(mut text) = text.strip_suffix(tail) else {
        return false;
    };
    for part in middle.split('*') {
        match text.split_once(part) {
            Some((_, behind)) => text = behind,
            None => return false,
        }
    }
    true
}

/// What a new cluster is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterDefaults {
    /// The node image.
    pub image: String,
    /// The load balancer's image.
    pub proxy_image: String,
    /// How many servers, at least one.
    pub servers: NonZeroU16,
    /// How many agents.
    pub agents: u16,
    /// The address that the API is bound to.
    pub api_address: IpAddr,
    /// Ports published on the load balancer, as `--port` takes them.
    pub ports: Vec<PortText>,
}

impl Default for ClusterDefaults {
    fn default() -> Self {
        Self {
            image: "rancher/k3s:v1.34.2-k3s1".to_owned(),
            proxy_image: "ghcr.io/k3d-io/k3d-proxy:5.9.0".to_owned(),
            servers: NonZeroU16::MIN,
            agents: 0,
            api_address: IpAddr::from([127, 0, 0, 1]),
            ports: Vec::new(),
        }
    }
}

impl ClusterDefaults {
    /// A cluster of that name of which nothing else is said. Its ports are left open: [`ClusterDefaults::published`] are for
    /// one that names none.
    #[must_use]
    pub fn spec(&self, name: ClusterName) -> ClusterSpec {
        ClusterSpec {
            servers: self.servers.get(),
            agents: self.agents,
            api: ApiEndpoint::bound_to(self.api_address, None),
            ..ClusterSpec::new(name, &self.image, &self.proxy_image)
        }
    }

    /// The ports of all entries.
    pub fn published(&self) -> impl Iterator<Item = PortMapping> {
        self.ports.iter().flat_map(|port| port.ports.clone())
    }
}

/// Ports in the words of the file, checked when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortText {
    text: String,
    ports: Vec<PortMapping>,
}

impl TryFrom<String> for PortText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let ports =
            PortMapping::parse(&text).map_err(|problem| format!("{problem}; {}", problem.hint))?;
        Ok(Self { text, ports })
    }
}

impl From<PortText> for String {
    fn from(port: PortText) -> Self {
        port.text
    }
}

/// How the screen looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Theme {
    /// The set of colours.
    pub name: ThemeName,
    /// Only ASCII characters. Without it, a terminal whose locale is not UTF-8 gets ASCII anyway.
    pub ascii: bool,
    /// Colours of single roles, over those of the theme.
    pub colors: BTreeMap<String, Colour>,
}

/// A set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeName {
    /// What suits the terminal: `mono` with `NO_COLOR`, else `ansi`.
    #[default]
    Auto,
    /// The 16 colours of the terminal's own palette, on light and on dark.
    Ansi,
    /// For dark backgrounds, with colours of its own.
    Dark,
    /// For light backgrounds, with colours of its own.
    Light,
    /// No colour: bold, underlined and reversed text.
    Mono,
}

/// How the screen works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Screen {
    /// Whether the mouse moves the selection; without it, the terminal selects text with it.
    pub mouse: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self { mouse: true }
    }
}

/// Which keys do what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keymap {
    /// For an action's name, the keys that replace its default ones; an empty list takes all of them away.
    pub keys: BTreeMap<String, KeyList>,
}

/// How logs are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// How many MiB of one followed log are kept in memory; older lines go.
    pub buffer_mib: u16,
    /// How many MiB of older lines go to the disk instead, into files without a name in the temporary directory.
    pub disk_mib: u16,
    /// How many of the lines that are there already are fetched when a log is opened.
    pub tail: u32,
}

impl Default for Logs {
    /// 16 MiB are some 150,000 lines, more than a person reads and less than a machine feels.
    fn default() -> Self {
        Self {
            buffer_mib: 16,
            disk_mib: 0,
            tail: 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_protect_the_contexts_they_name() {
        for (pattern, context, want) in [
            ("prod", "prod", true),
            ("prod", "prod-eu", false),
            ("prod*", "prod-eu", true),
            ("*prod*", "eu-prod-1", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("*ü", "grün", false),
            ("*ü*", "grün", true),
            ("a*a", "a", false),
            ("a**a", "aa", true),
            ("**", "x", true),
            ("*b*b", "ab", false),
        ] {
            assert_eq!(matches(pattern, context), want, "{pattern} {context}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_decided_at_once() {
        let (pattern, text) = ("a*".repeat(2_000) + "b", "a".repeat(200_000));
        assert!(!matches(&pattern, &text));
        assert!(matches(&pattern, &(text + "b")));
    }
}
