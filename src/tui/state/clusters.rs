//! Clusters at the engine and contexts of the kubeconfig, as one list.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::scroll::Scroll;
use crate::{
    domain::{
        Cluster, ClusterName, ClusterState, Distribution, Problem,
        container::Usage,
        kube::{ApiHealth, ContextInfo, NodeStatus},
    },
    ops::observe,
    tui::msg::ClusterId,
};

/// As many measurements are kept, one a second.
const HISTORY: usize = 60;

/// How a cluster's API answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiState {
    /// It is being asked for the first time.
    Asking,
    /// It answers.
    Up(ApiHealth),
    /// It does not; when it is asked again.
    Down(Problem, Timestamp),
}

/// What a container used lately, the newest last.
#[derive(Debug, Clone, Default)]
pub struct History(VecDeque<Usage>);

impl History {
    fn push(&mut self, usage: Usage) {
        if self.0.len() == HISTORY {
            self.0.pop_front();
        }
        self.0.push_back(usage);
    }

    /// The newest measurement.
    #[must_use]
    pub fn last(&self) -> Option<&Usage> {
        self.0.back()
    }

    /// The measurements, the newest last.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Usage> {
        self.0.iter()
    }
}

/// The list of clusters and what is known of each.
#[derive(Default)]
pub struct Clusters {
    /// Those at the engine.
    pub world: Vec<Cluster>,
    /// All contexts of the kubeconfig files.
    pub contexts: Vec<ContextInfo>,
    /// What is wrong with those files.
    pub wrong: Vec<Problem>,
    /// Whether the engine was heard of at all, so that an empty list is one.
    pub known: bool,
    /// The cluster or context that is selected as soon as it is in the list.
    pub prefer: Option<String>,
    /// What was selected because something has to be, until the engine was heard of or did not answer.
    guessed: Option<ClusterId>,
    /// The list as it is shown: clusters, then the contexts that are none of them.
    pub list: Vec<ClusterId>,
    /// The selection.
    pub scroll: Scroll<ClusterId>,
    /// How each API answers.
    pub api: HashMap<ClusterId, ApiState>,
    /// Kubernetes' own view of the nodes, by cluster and name.
    pub statuses: HashMap<ClusterId, HashMap<String, NodeStatus>>,
    /// Why that is not known, or not any more.
    pub nodes_unknown: HashMap<ClusterId, Problem>,
    /// What node containers use, by name.
    pub usage: HashMap<String, History>,
}

impl Clusters {
    /// Takes over what the engine holds.
    pub fn set_world(&mut self, world: Vec<Cluster>, height: usize) {
        let is_guess = self.is_guess();
        let running = world
            .iter()
            .any(|cluster| cluster.state == ClusterState::Running);
        if is_guess && running {
            // Files are read sooner than engines answer: that shall not decide what is looked at.
            self.scroll.selected = None;
        }
        self.known = true;
        self.world = world;
        self.usage.retain(|name, _| {
            self.world.iter().any(|cluster| {
                cluster
                    .nodes
                    .iter()
                    .any(|node| node.name == *name && node.is_running())
            })
        });
        self.rebuild(height);
    }

    /// Takes what is selected for chosen: by a person, or because no engine answers that could have a better one.
    pub fn keep_selection(&mut self) {
        self.guessed = None;
    }

    /// Whether nobody chose what is selected, and the engine may still have something better.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        !self.known && self.guessed.is_some() && self.guessed == self.scroll.selected
    }

    /// Takes over what the kubeconfig files name, and what is wrong with them. Returns what no longer is wrong.
    pub fn set_contexts(
        &mut self,
        mut contexts: Vec<ContextInfo>,
        wrong: Vec<Problem>,
        height: usize,
    ) -> Vec<Problem> {
        if !wrong.is_empty() {
            // Other programs write these files too, and not all at once. What one named before it broke stays.
            let names: Vec<String> = contexts.iter().map(|now| now.name.clone()).collect();
            let lost = self.contexts.drain(..);
            contexts.extend(lost.filter(|before| !names.contains(&before.name)));
        }
        self.contexts = contexts;
        self.rebuild(height);
        let mut over = std::mem::replace(&mut self.wrong, wrong);
        over.retain(|problem| !self.wrong.contains(problem));
        over
    }

    fn rebuild(&mut self, height: usize) {
        let own: Vec<String> = self.world.iter().map(Cluster::context).collect();
        let locals = self.world.iter().map(ClusterId::of);
        let others = self
            .contexts
            .iter()
            .filter(|context| !own.contains(&context.name))
            .map(|context| ClusterId::Context(context.name.clone()));
        self.list = locals.chain(others).collect();
        // A context that was selected before the engine was heard of may be one of its clusters.
        if let Some(ClusterId::Context(name)) = &self.scroll.selected
            && let Some(cluster) = self.world.iter().find(|cluster| cluster.context() == *name)
        {
            self.scroll.selected = Some(ClusterId::of(cluster));
        }
        let preferred = self.list.iter().find(|id| match id {
            ClusterId::Local(distribution, name) => self.prefer.as_ref().is_some_and(|wanted| {
                let prefix = match distribution {
                    Distribution::K3s => "k3d",
                    Distribution::Kind => "kind",
                };
                wanted == name
                    || *wanted == format!("{distribution}/{name}")
                    || *wanted == format!("{prefix}-{name}")
            }),
            ClusterId::Context(name) => self.prefer.as_ref() == Some(name),
        });
        let guess = !self.known && self.scroll.selected.is_none() && preferred.is_none();
        if let Some(id) = preferred.cloned() {
            self.prefer = None;
            self.scroll.selected = Some(id);
        } else if self.scroll.selected.is_none() {
            // Of all that could be looked at first, one that works; best the one that kubectl works with.
            let works = |cluster: &&Cluster| cluster.state == ClusterState::Running;
            let current = self.contexts.iter().find(|context| context.current);
            let is_current = |cluster: &&Cluster| {
                current.is_some_and(|current| current.name == cluster.context())
            };
            let mut world = self.world.iter().filter(works);
            let running = world.clone().find(is_current).or_else(|| world.next());
            self.scroll.selected = running.map(ClusterId::of);
        }
        let list = &self.list;
        self.api.retain(|id, _| list.contains(id));
        self.statuses.retain(|id, _| list.contains(id));
        self.scroll.settle(
            list.len(),
            height,
            |id| list.iter().position(|other| other == id),
            |i| list[i].clone(),
        );
        if guess {
            self.guessed.clone_from(&self.scroll.selected);
        }
    }

    /// The cluster of k3s of a name at the engine.
    #[must_use]
    pub fn local(&self, name: &str) -> Option<&Cluster> {
        self.at(&ClusterId::k3s(name))
    }

    /// The cluster at the engine; none for a context.
    #[must_use]
    pub fn at(&self, id: &ClusterId) -> Option<&Cluster> {
        self.world
            .iter()
            .find(|cluster| ClusterId::of(cluster) == *id)
    }

    /// What a cluster is called where a name may be two clusters': `kind/demo` if there is another `demo`.
    #[must_use]
    pub fn address(&self, cluster: &Cluster) -> ClusterName {
        observe::address(&self.world, cluster)
    }

    /// The context of a name.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<&ContextInfo> {
        self.contexts.iter().find(|context| context.name == name)
    }

    /// Takes in a measurement.
    pub fn measure(&mut self, container: &str, usage: Usage) {
        self.usage
            .entry(container.to_owned())
            .or_default()
            .push(usage);
    }

    /// What all containers of a cluster use together, now.
    #[must_use]
    pub fn total(&self, cluster: &Cluster) -> Option<Usage> {
        let mut seen = cluster
            .nodes
            .iter()
            .filter_map(|node| self.usage.get(&node.name)?.last())
            .peekable();
        seen.peek()?;
        Some(seen.fold(Usage::default(), |sum, usage| Usage {
            cpu_cores: sum.cpu_cores + usage.cpu_cores,
            memory: sum.memory + usage.memory,
            memory_limit: sum.memory_limit.max(usage.memory_limit),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ApiEndpoint;

    fn contexts() -> Vec<ContextInfo> {
        ["far", "other"]
            .map(|name| ContextInfo {
                name: name.to_owned(),
                server: String::new(),
                namespace: String::new(),
                current: false,
            })
            .into()
    }

    fn world() -> Vec<Cluster> {
        vec![Cluster {
            name: ClusterName::existing("dev"),
            distribution: Distribution::K3s,
            state: ClusterState::Running,
            nodes: Vec::new(),
            network: String::new(),
            network_external: false,
            host_aliases: Vec::new(),
            image_volume: None,
            token: None,
            api: ApiEndpoint::default(),
            load_balancer: None,
            created: Timestamp::UNIX_EPOCH,
            unfinished: None,
        }]
    }

    #[test]
    fn a_running_cluster_is_selected_first_whether_the_engine_or_the_files_are_read_sooner() {
        let dev = Some(ClusterId::k3s("dev"));
        let far = Some(ClusterId::Context("far".to_owned()));
        let mut sooner = Clusters::default();
        sooner.set_world(world(), 9);
        sooner.set_contexts(contexts(), Vec::new(), 9);
        assert_eq!(sooner.scroll.selected, dev);

        let begin = || {
            let mut clusters = Clusters::default();
            clusters.set_contexts(contexts(), Vec::new(), 9);
            assert_eq!(clusters.scroll.selected, far);
            clusters
        };
        let mut later = begin();
        later.set_world(world(), 9);
        assert_eq!(later.scroll.selected, dev);

        // Unless somebody chose, or has been looking at it since there was no engine.
        let mut chosen = begin();
        let list = chosen.list.clone();
        chosen.scroll.step(1, list.len(), 9, |i| list[i].clone());
        chosen.set_world(world(), 9);
        assert_eq!(chosen.scroll.selected, list.get(1).cloned());
        let mut without = begin();
        without.keep_selection();
        without.set_world(world(), 9);
        assert_eq!(without.scroll.selected, far);
        let mut named = Clusters {
            prefer: Some("far".to_owned()),
            ..Clusters::default()
        };
        named.set_contexts(contexts(), Vec::new(), 9);
        named.set_world(world(), 9);
        assert_eq!(named.scroll.selected, far);
        let mut own = contexts();
        own[1].name = "k3d-dev".to_owned();
        let mut named = Clusters {
            prefer: Some("k3d-dev".to_owned()),
            ..Clusters::default()
        };
        named.set_contexts(own, Vec::new(), 9);
        let mut two = world();
        two.insert(0, two[0].clone());
        two[0].name = ClusterName::existing("another");
        named.set_world(two, 9);
        assert_eq!(named.scroll.selected, dev);
    }

    #[test]
    fn of_those_that_run_the_current_one_is_selected_first() {
        let mut two = world();
        let mut current = two[0].clone();
        current.name = ClusterName::existing("current");
        two.push(current);
        let mut named = contexts();
        named[0].name = "k3d-current".to_owned();
        named[0].current = true;
        let mut clusters = Clusters::default();
        clusters.set_contexts(named, Vec::new(), 9);
        clusters.set_world(two, 9);
        let wanted = Some(ClusterId::k3s("current"));
        assert_eq!(clusters.scroll.selected, wanted);
    }

    #[test]
    fn contexts_of_a_file_that_breaks_stay_until_it_is_mended() {
        let broken = || vec![Problem::failed("a file was left out", "half written")];
        let names = |clusters: &Clusters| -> Vec<String> {
            let names = clusters.contexts.iter().map(|context| context.name.clone());
            names.collect()
        };
        let mut clusters = Clusters::default();
        clusters.set_contexts(contexts(), Vec::new(), 9);
        let rest = vec![contexts().remove(1)];
        assert_eq!(clusters.set_contexts(rest.clone(), broken(), 9), []);
        assert_eq!(names(&clusters), ["other", "far"]);
        assert_eq!(clusters.set_contexts(rest, Vec::new(), 9), broken());
        assert_eq!(names(&clusters), ["other"]);
    }
}
