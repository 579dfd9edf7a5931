//! What a new cluster can be put beside: names that a form offers.

use crate::{
    distro::k3s::registries,
    domain::log::sanitize,
    ops::{World, draft::Here},
};

/// What is there, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Around {
    /// Where paths begin that a person writes.
    pub here: Here,
    /// The networks that a cluster can be in, the engine's own last.
    pub networks: Vec<String>,
    /// The registries that it can get images from.
    pub registries: Vec<String>,
}

impl Around {
    /// Takes in what the engine has now.
    pub fn take(&mut self, world: &World) {
        let name = |name: &str| sanitize(name.as_bytes());
        let own = ["bridge", "host", "none"];
        let networks = world.networks.iter().map(|network| name(&network.name));
        self.networks = networks
            .filter(|name| !own.contains(&name.as_str()))
            .collect();
        self.networks.sort();
        self.networks.push("host".to_owned());
        let registries = registries::registries(&world.containers);
        self.registries = registries.iter().map(|one| name(&one.name)).collect();
    }
}
