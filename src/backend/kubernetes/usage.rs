//! What the metrics API says of a pod: quantities as texts, one for each container.

use serde::Deserialize;

use crate::{domain::container::Usage, resources::quantity};

/// A pod of the metrics API.
#[derive(Deserialize)]
pub(super) struct PodMetrics {
    pub(super) metadata: Name,
    #[serde(default)]
    containers: Vec<ContainerMetrics>,
}

#[derive(Deserialize)]
pub(super) struct Name {
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
}

#[derive(Deserialize)]
struct ContainerMetrics {
    #[serde(default)]
    usage: Amounts,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Amounts {
    cpu: String,
    memory: String,
}

impl PodMetrics {
    /// The sum over the containers. An amount that cannot be read counts as none. There is no limit in here.
    pub(super) fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        for container in &self.containers {
            sum.cpu_cores += quantity::parse(&container.usage.cpu).unwrap_or_default();
            let memory = quantity::bytes(&container.usage.memory).unwrap_or_default();
            sum.memory = sum.memory.saturating_add(memory);
        }
        sum
    }
}
