//! What the product does, for both faces: the screen and the command line call the same functions.
//!
//! Every change goes one way: [`prepare`] observes the world and has a plan made of what is wanted; the plan is shown,
//! or printed; [`carry_out`] executes it, tells how it goes, and takes back what it did when it fails or is cancelled.

pub mod cancel;
mod carry_out;
pub mod draft;
pub mod execute;
pub mod expose;
pub mod follow;
pub mod forward;
pub mod images;
pub mod kubeconfig;
pub mod kubeconfig_file;
mod kubeconfig_lock;
mod kubeconfig_write;
pub mod lasting;
mod leftovers;
pub mod logs;
mod manifests;
mod node_image;
pub mod nodes;
pub mod observe;
pub mod open;
pub mod ports;
mod prepare;
mod protection;
pub mod reach;
pub mod recover;
pub mod registries;
mod seam;
mod steps;
mod surroundings;
mod undo;
pub mod versions;
pub mod workload;

pub use cancel::Cancel;
pub use carry_out::carry_out;
pub use draft::Draft;
pub use execute::{Failure, Report};
pub use leftovers::leftovers;
pub use manifests::manifests;
pub use node_image::node_image;
pub use nodes::NodeVerb;
pub use observe::{World, details, observe};
pub use prepare::{allowed, prepare};

use crate::{
    backend::Backends,
    config::Contexts,
    domain::{ClusterName, ClusterSpec, PortMapping, Problem, spec::RunOptions},
    ops::kubeconfig_file::KubeconfigFiles,
    plan::{Kubeconfig, Subject, lasting::Lasting, node::NewNodes, registry},
};

/// A change that a person wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// A new cluster.
    Create {
        /// What it is to be like.
        spec: Box<ClusterSpec>,
        /// What happens to the default kubeconfig.
        kubeconfig: Kubeconfig,
    },
    /// A new cluster for which something is still to be fetched.
    Draft(Box<Draft>),
    /// The cluster and everything that belongs to it gone, whatever state it is in.
    Delete(ClusterName),
    /// All of it running.
    Start(ClusterName),
    /// None of it running, all of it kept.
    Stop(ClusterName),
    /// Stopped and started again.
    Restart(ClusterName),
    /// Another number of nodes; `None` leaves that role as it is.
    Scale {
        /// Which cluster.
        cluster: ClusterName,
        /// How many servers.
        servers: Option<u16>,
        /// How many agents.
        agents: Option<u16>,
    },
    /// More nodes that are named, and can differ from those that are there. A URL in the place of the cluster's name
    /// joins them to a cluster elsewhere.
    AddNodes {
        /// Which cluster, or its URL.
        cluster: ClusterName,
        /// The nodes.
        nodes: Box<NewNodes>,
    },
    /// Something done with nodes that are there; [`nodes::wishes`] makes such wishes.
    Nodes {
        /// The cluster that they belong to, or the registry that it is.
        about: Subject,
        /// What is done with them.
        verb: NodeVerb,
        /// Their names.
        names: Vec<String>,
    },
    /// Ports of its load balancer, added and removed in one go.
    Ports {
        /// Which cluster.
        cluster: ClusterName,
        /// What is published in addition.
        add: Vec<PortMapping>,
        /// What is not published any more; one that names some of a port's nodes only takes these out.
        delete: Vec<PortMapping>,
    },
    /// Images on all nodes of a cluster that run.
    ImportImages {
        /// Which cluster.
        cluster: ClusterName,
        /// Which images.
        images: Vec<images::Wanted>,
    },
    /// Images gone from all nodes of a cluster that run.
    RemoveImages {
        /// Which cluster.
        cluster: ClusterName,
        /// Their names.
        images: Vec<String>,
    },
    /// An interrupted operation brought to its end.
    Finish(ClusterName),
    /// What an interrupted operation left, removed.
    Remove(ClusterName),
    /// A volume or network that outlives clusters, made or removed.
    Lasting(Lasting),
    /// A registry made or removed, or made known to a cluster.
    Registry(registry::Wanted),
    /// What crashes and other tools left behind, removed.
    Prune {
        /// Whether clusters whose making was interrupted go although a server of theirs runs.
        interrupted: bool,
        /// Only the ones of these names and paths; all where none is named.
        only: Vec<String>,
    },
}

impl Wish {
    /// What it is about.
    #[must_use]
    pub fn about(&self) -> Subject {
        match self {
            Self::Lasting(lasting) => lasting.about(),
            Self::Registry(wanted) => wanted.about(),
            Self::Prune { .. } => Subject::Leftovers,
            Self::Create { spec, .. } => spec.name.clone().into(),
            Self::Draft(draft) => draft.spec.name.clone().into(),
            Self::Nodes { about, .. } => about.clone(),
            Self::Scale { cluster, .. }
            | Self::AddNodes { cluster, .. }
            | Self::Ports { cluster, .. }
            | Self::ImportImages { cluster, .. }
            | Self::RemoveImages { cluster, .. }
            | Self::Delete(cluster)
            | Self::Start(cluster)
            | Self::Stop(cluster)
            | Self::Restart(cluster)
            | Self::Finish(cluster)
            | Self::Remove(cluster) => cluster.clone().into(),
        }
    }
}

impl Wish {
    /// The same with all that is still to be fetched for it.
    ///
    /// # Errors
    /// What is not to be had.
    pub async fn complete(self) -> Result<Self, Problem> {
        match self {
            Self::Draft(draft) => draft.complete().await,
            complete => Ok(complete),
        }
    }
}

/// A wish, and how it is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is wanted.
    pub wish: Wish,
    /// When it counts as done, how long it may take, and whether a failure is taken back.
    pub options: RunOptions,
    /// The kubeconfig files that are read and changed.
    pub files: KubeconfigFiles,
    /// Which contexts are protected: a cluster of one of these is not changed.
    pub contexts: Contexts,
}

impl Request {
    /// A request with the usual options and the person's own kubeconfig; the simulated world never touches that. It
    /// protects nothing: what the settings protect is added by whoever has read them.
    #[must_use]
    pub fn new(backends: &Backends, wish: Wish) -> Self {
        Self {
            wish,
            options: RunOptions::default(),
            files: if backends.simulated {
                KubeconfigFiles::none()
            } else {
                KubeconfigFiles::from_environment()
            },
            contexts: Contexts::default(),
        }
    }
}
