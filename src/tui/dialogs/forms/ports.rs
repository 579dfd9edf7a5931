//! The published ports of a cluster: some more, some fewer, in one go.

use super::{Answers, Row, Wrong};
use crate::{
    domain::{Cluster, ClusterName, PortMapping, Problem},
    ops::Wish,
};

const ADD: &str = "publish";
const DELETE: &str = "remove";

/// What the form begins from.
#[derive(Debug, Clone)]
pub struct Ports {
    cluster: ClusterName,
    /// What is published now.
    pub(super) now: Vec<String>,
}

impl Ports {
    /// The ports of a cluster.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let now = cluster
            .nodes
            .iter()
            .flat_map(|node| node.ports.iter().map(move |port| (node, port)))
            .map(|(node, port)| format!("{port} on {}", node.name))
            .collect();
        Self {
            cluster: cluster.name.clone(),
            now,
        }
    }

    pub(super) fn title(&self) -> String {
        format!("ports of cluster \"{}\"", self.cluster)
    }

    pub(super) fn wish(&self, answers: Answers<'_>) -> Result<Wish, Wrong> {
        let (add, delete) = (mappings(answers, ADD)?, mappings(answers, DELETE)?);
        if add.is_empty() && delete.is_empty() {
            let problem = Problem::usage("nothing to change", "name a port to publish or remove");
            return Err(Wrong(ADD, problem));
        }
        Ok(Wish::Ports {
            cluster: self.cluster.clone(),
            add,
            delete,
        })
    }
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::text(ADD, "", "8080:80 or 8080:80@agent:0"),
        Row::text(DELETE, "", "as it was published"),
    ]
}

/// Ports, with commas or spaces between them. A filter may have commas itself, as in `agent:0,2`, so that only one with a
/// space behind it separates.
pub(super) fn mappings(
    answers: Answers<'_>,
    label: &'static str,
) -> Result<Vec<PortMapping>, Wrong> {
    let texts = answers.words(label).map(|text| text.trim_end_matches(','));
    PortMapping::parse_all(texts).map_err(|problem| Wrong(label, problem))
}
