//! Everything the screen knows. It is owned by the loop, changed by `update` alone and only read by the views.

pub mod around;
pub mod clusters;
pub mod forwards;
pub mod log;
pub mod operations;
pub mod pods;
pub mod scroll;
pub mod toasts;

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use ratatui::layout::Rect;

use super::{
    dialogs::Dialog,
    keymap::Keymap,
    msg::{ClusterId, LogTarget},
    theme::Theme,
};
use crate::{
    backend::{Backends, docker::Tried},
    config::Config,
    domain::{Cluster, Node, ObjectKey, container::EngineInfo},
};
use around::Around;
use clusters::Clusters;
use forwards::Forwards;
use log::LogPane;
use operations::Operations;
use pods::Pods;
use scroll::Scroll;
use toasts::Toasts;

/// A part of the home screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    /// Clusters and contexts.
    Clusters,
    /// The nodes of the selected cluster.
    Nodes,
    /// Its pods.
    Pods,
    /// The log of what is selected.
    Log,
}

impl Pane {
    /// In the order in which the focus goes round.
    pub const ALL: [Self; 4] = [Self::Clusters, Self::Nodes, Self::Pods, Self::Log];
}

/// What is known of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// Nothing yet.
    Connecting,
    /// It answers.
    Up(EngineInfo),
    /// It does not, or no longer. What was known of it stays.
    Down {
        /// Every endpoint that was tried, with its answer.
        tried: Vec<Tried>,
        /// Since when.
        since: Timestamp,
        /// When the next try is made.
        retry_at: Timestamp,
        /// What it was while it answered.
        before: Option<EngineInfo>,
    },
}

/// Where things were drawn last, for keys that move by pages and for the mouse.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Laid {
    /// The panes on the screen; of each the area and the first line with data.
    pub panes: Vec<(Pane, Rect)>,
}

impl Laid {
    /// The lines that a pane has for its data.
    #[must_use]
    pub fn rows(&self, pane: Pane) -> usize {
        self.panes
            .iter()
            .find(|(other, _)| *other == pane)
            .map_or(1, |(_, area)| usize::from(area.height).max(1))
    }
}

/// The state of the screen.
pub struct State {
    /// The time of the message that is being handled.
    pub now: Timestamp,
    /// The settings.
    pub config: Config,
    /// How everything looks.
    pub theme: Theme,
    /// Which key does what.
    pub keymap: Keymap,
    /// Whether this is the simulated world.
    pub simulated: bool,
    /// The time zone of the user, for times of day; UTC until the terminal's is known.
    pub zone: TimeZone,
    /// The engine.
    pub engine: EngineState,
    /// The world that operations work on, once it is there.
    pub backends: Option<Backends>,
    /// What a new cluster can be put beside.
    pub around: Around,
    /// Clusters and contexts.
    pub clusters: Clusters,
    /// Which node is selected.
    pub node: Scroll<String>,
    /// Pods by cluster.
    pub pods: HashMap<ClusterId, Pods>,
    /// The filter of the pods pane, and whether it is being typed.
    pub filter: pods::FilterField,
    /// The log.
    pub log: LogPane,
    /// Whether the mouse is ours; else it is the terminal's.
    pub mouse: bool,
    /// Which pane has the focus.
    pub focus: Pane,
    /// Whether that pane has the whole screen.
    pub zoom: bool,
    /// What is open above the panes, the uppermost last.
    pub dialogs: Vec<Dialog>,
    /// Operations, running and over.
    pub operations: Operations,
    /// Port-forwards.
    pub forwards: Forwards,
    /// Short messages.
    pub toasts: Toasts,
    /// Where things were drawn last.
    pub laid: Laid,
}

impl State {
    /// The state before anything is known.
    #[must_use]
    pub fn new(
        config: Config,
        theme: Theme,
        keymap: Keymap,
        simulated: bool,
        now: Timestamp,
    ) -> Self {
        let log = LogPane::new(config.logs.clone());
        let mouse = config.screen.mouse;
        Self {
            now,
            config,
            theme,
            keymap,
            simulated,
            zone: TimeZone::UTC,
            engine: EngineState::Connecting,
            backends: None,
            around: Around::default(),
            clusters: Clusters::default(),
            node: Scroll::default(),
            pods: HashMap::new(),
            filter: pods::FilterField::default(),
            log,
            mouse,
            focus: Pane::Clusters,
            zoom: false,
            dialogs: Vec::new(),
            operations: Operations::default(),
            forwards: Forwards::default(),
            toasts: Toasts::default(),
            laid: Laid::default(),
        }
    }

    /// Brings what is derived from the rest up to date. It is called before anything looks at it: a frame, a key.
    pub fn settle(&mut self) {
        let clusters = self.clusters.list.len();
        let height = self.laid.rows(Pane::Clusters);
        self.clusters.scroll.keep_visible(clusters, height);
        let nodes = self.nodes().len();
        let height = self.laid.rows(Pane::Nodes);
        self.node.keep_visible(nodes, height);
        let height = self.laid.rows(Pane::Log);
        self.log.settle(height);
        let height = self.laid.rows(Pane::Pods);
        if let Some(id) = self.clusters.scroll.selected.as_ref()
            && let Some(pods) = self.pods.get_mut(id)
        {
            pods.set_filter(self.filter.field.text());
            pods.refresh(height);
        }
    }

    /// The selected cluster or context.
    #[must_use]
    pub fn selected(&self) -> Option<&ClusterId> {
        self.clusters.scroll.selected.as_ref()
    }

    /// The selected cluster, where the engine holds it.
    #[must_use]
    pub fn selected_cluster(&self) -> Option<&Cluster> {
        self.clusters.at(self.selected()?)
    }

    /// The containers of the selected cluster.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        self.selected_cluster()
            .map_or(&[], |cluster| &cluster.nodes)
    }

    /// The pods of the selected cluster.
    #[must_use]
    pub fn selected_pods(&self) -> Option<&Pods> {
        self.pods.get(self.selected()?)
    }

    /// The selected pod, with its cluster.
    #[must_use]
    pub fn selected_pod(&self) -> Option<(&ClusterId, &ObjectKey)> {
        let key = self.selected_pods()?.scroll.selected.as_ref()?;
        Some((self.selected()?, key))
    }

    /// Whose log the selection means.
    #[must_use]
    pub fn log_target(&self) -> Option<LogTarget> {
        let cluster = self.selected()?;
        let pod = || {
            let key = self.selected_pods()?.scroll.selected.clone()?;
            Some(LogTarget::Pod(cluster.clone(), key))
        };
        let node = || self.node.selected.clone().map(LogTarget::Container);
        let server = || {
            self.nodes()
                .iter()
                .find(|node| node.role.is_kubernetes())
                .map(|node| LogTarget::Container(node.name.clone()))
        };
        match self.focus {
            Pane::Pods => pod().or_else(server),
            Pane::Nodes => node().or_else(server),
            Pane::Clusters => server(),
            // The log pane keeps what it shows.
            Pane::Log => self.log.target.clone().or_else(server),
        }
    }
}
