//! What forms ask for, and what the answers mean: one file a purpose.

pub mod lasting;
pub mod new_cluster;
pub mod nodes;
pub mod ports;
pub mod registry;

use super::form::{Answers, Row, Wrong};
use crate::ops::Wish;

/// What a form is for.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// A new cluster.
    NewCluster(new_cluster::NewCluster),
    /// The published ports of a cluster.
    Ports(ports::Ports),
    /// More nodes for a cluster.
    Nodes(nodes::Nodes),
    /// A new registry.
    Registry(registry::NewRegistry),
    /// A volume or network that outlives clusters.
    Lasting,
}

impl Purpose {
    /// The form's title.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::NewCluster(_) => "new cluster".to_owned(),
            Self::Ports(ports) => ports.title(),
            Self::Nodes(nodes) => nodes.title(),
            Self::Registry(_) => "new registry".to_owned(),
            Self::Lasting => "new volume or network".to_owned(),
        }
    }

    /// What a person wants to know while answering, one line each.
    #[must_use]
    pub fn facts(&self) -> &[String] {
        match self {
            Self::NewCluster(_) | Self::Nodes(_) | Self::Registry(_) | Self::Lasting => &[],
            Self::Ports(ports) => &ports.now,
        }
    }

    /// The questions.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        match self {
            Self::NewCluster(cluster) => cluster.rows(),
            Self::Ports(_) => ports::rows(),
            Self::Nodes(nodes) => nodes.rows(),
            Self::Registry(registry) => registry.rows(),
            Self::Lasting => lasting::rows(),
        }
    }

    /// What the answers mean.
    ///
    /// # Errors
    /// The first answer that is wrong.
    pub fn wish(&self, answers: Answers<'_>) -> Result<Wish, Wrong> {
        match self {
            Self::NewCluster(cluster) => cluster.wish(answers),
            Self::Ports(ports) => ports.wish(answers),
            Self::Nodes(nodes) => nodes.wish(answers),
            Self::Registry(registry) => registry.wish(answers),
            Self::Lasting => lasting::wish(answers),
        }
    }

    /// What speaks against a wish although it can be fulfilled.
    #[must_use]
    pub fn advice(&self, wish: &Wish) -> &'static str {
        match wish {
            Wish::Draft(draft) if draft.spec.servers == 2 => {
                "two servers are less safe than one: take 1 or 3"
            }
            _ => "",
        }
    }
}
