//! A new registry.

use super::{Answers, Row, Wrong};
use crate::{
    distro::k3s::registries,
    domain::{
        ClusterName, Problem,
        registry::{RegistryProxy, RegistrySpec},
    },
    ops::Wish,
    plan::registry::Wanted,
};

const NAME: &str = "name";
const PORT: &str = "port";
const PROXY: &str = "copies of";
const TOLD: &str = "clusters";

/// What the form begins from.
#[derive(Debug, Clone)]
pub struct NewRegistry {
    /// The clusters that could use it.
    pub clusters: Vec<ClusterName>,
    /// The one that is looked at.
    pub selected: Option<ClusterName>,
}

impl NewRegistry {
    pub(super) fn rows(&self) -> Vec<Row> {
        let selected = self.selected.as_ref().map_or("", ClusterName::as_str);
        vec![
            Row::text(NAME, "registry", "k3d- stands before it"),
            Row::text(PORT, "", "empty: a free one"),
            Row::text(PROXY, "", "https://registry-1.docker.io"),
            Row::text(TOLD, selected, "that get images from it"),
        ]
    }

    pub(super) fn wish(&self, answers: Answers<'_>) -> Result<Wish, Wrong> {
        let name = answers.read(NAME, |text| {
            RegistrySpec::check_name(text).map(|()| registries::container_name(text))
        })?;
        let port = match answers.text(PORT) {
            "" => None,
            _ => Some(answers.number(PORT)?),
        };
        let proxy = match answers.text(PROXY) {
            "" => None,
            url => Some(RegistryProxy {
                url: url.to_owned(),
                ..RegistryProxy::default()
            }),
        };
        let clusters = answers.each(TOLD, |text| {
            let found = self.clusters.iter().find(|name| name.as_str() == text);
            let none = || Problem::usage(format!("no cluster {text:?}"), "it has to be there");
            found.cloned().ok_or_else(none)
        })?;
        let spec = RegistrySpec {
            name,
            image: registries::IMAGE.to_owned(),
            port,
            proxy,
            ..RegistrySpec::default()
        };
        Ok(Wish::Registry(Wanted::Create {
            spec: Box::new(spec),
            network: registries::NETWORK.to_owned(),
            clusters,
        }))
    }
}
