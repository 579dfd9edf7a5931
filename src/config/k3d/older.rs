//! What older versions of k3d's config file say in other words, and how it is said today.
//!
//! `v1alpha2` chose nodes with brackets, had container labels at the top and arguments per role, and `create: true` for a
//! registry; up to `v1alpha3` the name stood at the top. Everything else was only added to.

use serde::{Deserialize, Deserializer, de};

use super::{
    VERSION,
    simple::{ExtraArg, RegistryCreate, Simple},
};
use crate::domain::Problem;

/// The versions that can be read, the newest last.
pub const VERSIONS: [&str; 4] = [
    "k3d.io/v1alpha2",
    "k3d.io/v1alpha3",
    "k3d.io/v1alpha4",
    VERSION,
];

impl Simple {
    /// The same in the words of the newest version.
    ///
    /// # Errors
    /// Where a version is newer than a key that it uses.
    pub(super) fn modernised(mut self, file: &str) -> Result<Self, Problem> {
        let version = std::mem::replace(&mut self.api_version, VERSION.to_owned());
        let age = VERSIONS.iter().position(|known| *known == version);
        let gone = |key: &str, instead: &str| {
            Problem::usage(
                format!("{file} is not understood"),
                format!("there is no key {key:?} in {version}"),
            )
            .with_hint(format!("write {instead}"))
        };
        let name = self.name.take();
        if name.is_some() {
            if age > Some(1) {
                return Err(gone("name", "metadata.name"));
            }
            self.metadata.name = name;
        }
        let labels = std::mem::take(&mut self.labels);
        let server_args = std::mem::take(&mut self.options.k3s.extra_server_args);
        let agent_args = std::mem::take(&mut self.options.k3s.extra_agent_args);
        if age != Some(0) {
            return if !labels.is_empty() {
                Err(gone("labels", "options.runtime.labels"))
            } else if !server_args.is_empty() || !agent_args.is_empty() {
                Err(gone("extraServerArgs", "extraArgs with nodeFilters"))
            } else if self.options.k3d.disable_host_ip_injection.is_some() {
                Err(gone("disableHostIPInjection", "nothing in its place"))
            } else {
                Ok(self)
            };
        }
        self.options.k3d.disable_host_ip_injection = None;
        self.options.runtime.labels.extend(labels);
        for (args, nodes) in [(server_args, "server:*"), (agent_args, "agent:*")] {
            self.options
                .k3s
                .extra_args
                .extend(args.into_iter().map(|value| ExtraArg {
                    value,
                    nodes: vec![nodes.to_owned()],
                }));
        }
        if let Some(registry) = &mut self.registries.create {
            let cluster = self.metadata.name.as_deref().unwrap_or("k3s-default");
            registry
                .name
                .get_or_insert_with(|| format!("k3d-{cluster}-registry"));
        }
        let filters = (self.volumes.iter_mut().map(|item| &mut item.nodes))
            .chain(self.ports.iter_mut().map(|item| &mut item.nodes))
            .chain(self.env.iter_mut().map(|item| &mut item.nodes))
            .chain((self.options.runtime.labels.iter_mut()).map(|item| &mut item.nodes));
        for filter in filters.flatten() {
            *filter = filter.replace('[', ":").replace(']', "");
        }
        Ok(self)
    }
}

/// `registries.create`: an object, and before `v1alpha3` a plain yes or no. An object that says nothing counts as none.
pub(super) fn registry_or_bool<'de, D>(from: D) -> Result<Option<RegistryCreate>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Either;

    impl<'de> de::Visitor<'de> for Either {
        type Value = Option<RegistryCreate>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the settings of a registry")
        }

        fn visit_bool<E>(self, wanted: bool) -> Result<Self::Value, E> {
            Ok(wanted.then(|| RegistryCreate {
                host: Some("0.0.0.0".to_owned()),
                host_port: Some("random".to_owned()),
                ..RegistryCreate::default()
            }))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let create = RegistryCreate::deserialize(de::value::MapAccessDeserializer::new(map))?;
            Ok(Some(create).filter(|create| *create != RegistryCreate::default()))
        }
    }

    from.deserialize_any(Either)
}
