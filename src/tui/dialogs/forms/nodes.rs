//! More nodes for a cluster, which may differ from those that it has.

use super::{Answers, Row, Wrong};
use crate::{
    domain::{Cluster, ClusterName, Problem, Role, container::Resources, limits},
    ops::Wish,
    plan::node::NewNodes,
};

const NAME: &str = "name";
const ROLE: &str = "role";
const COUNT: &str = "how many";
const IMAGE: &str = "image";
const MEMORY: &str = "memory";
const CPUS: &str = "CPUs";
const LABELS: &str = "node labels";
const ARGS: &str = "k3s arguments";

/// What the form begins from.
#[derive(Debug, Clone)]
pub struct Nodes {
    cluster: ClusterName,
    /// A name that no node has.
    name: String,
}

impl Nodes {
    /// Nodes for a cluster.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let taken = |name: &String| {
            let beginning = format!("k3d-{name}-");
            let mut nodes = cluster.nodes.iter();
            nodes.any(|node| node.name.starts_with(&beginning))
        };
        let plain = format!("{}-extra", cluster.name);
        let mut names =
            std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}{number}")));
        Self {
            cluster: cluster.name.clone(),
            name: names.find(|name| !taken(name)).unwrap_or_default(),
        }
    }

    pub(super) fn title(&self) -> String {
        format!("more nodes for cluster \"{}\"", self.cluster)
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        vec![
            Row::text(NAME, self.name.clone(), "k3d-NAME-0, k3d-NAME-1"),
            Row::choice(ROLE, &["agent", "server"]),
            Row::text(COUNT, "1", ""),
            Row::text(IMAGE, "", "empty: as the others"),
            Row::text(MEMORY, "", "2g"),
            Row::text(CPUS, "", "1.5"),
            Row::text(LABELS, "", "tier=web"),
            Row::text(ARGS, "", "--node-taint=a=b:NoSchedule"),
        ]
    }

    pub(super) fn wish(&self, answers: Answers<'_>) -> Result<Wish, Wrong> {
        let name = answers.read(NAME, ClusterName::parse)?.to_string();
        let count = answers.number(COUNT)?;
        if count == 0 {
            let problem = Problem::usage("no node", "at least one is expected");
            return Err(Wrong(COUNT, problem));
        }
        let nodes = NewNodes {
            name,
            role: if answers.choice(ROLE) == 0 {
                Role::Agent
            } else {
                Role::Server
            },
            count,
            image: Some(answers.text(IMAGE).to_owned()).filter(|image| !image.is_empty()),
            resources: Resources {
                memory: answers.optional(MEMORY, limits::memory)?,
                nano_cpus: answers.optional(CPUS, limits::cpus)?,
                ..Resources::default()
            },
            node_labels: answers.words(LABELS).map(str::to_owned).collect(),
            labels: std::collections::BTreeMap::new(),
            networks: Vec::new(),
            k3s_args: answers.words(ARGS).map(str::to_owned).collect(),
            token: None,
        };
        Ok(Wish::AddNodes {
            cluster: self.cluster.clone(),
            nodes: Box::new(nodes),
        })
    }
}
