//! Which Kubernetes API a command works on: the context that is named, or the current one.

use std::{path::PathBuf, sync::Arc};

use super::{context::Context, output::note};
use crate::{
    backend::{KubeApi, KubeConnect, KubeTarget, kubernetes},
    config::nearest,
    domain::{ClusterState, Problem, kube::ContextInfo},
    ops::{
        self,
        open::{self, Opened},
    },
};

/// The way to one Kubernetes API.
#[derive(Clone)]
pub struct Access {
    /// The context's name.
    pub context: String,
    /// The namespace that it begins in.
    pub namespace: String,
    kube: Arc<dyn KubeConnect>,
    files: Vec<PathBuf>,
}

impl Access {
    /// The way to the API of the context that the flags name.
    ///
    /// # Errors
    /// When there is no such context, or none is current.
    pub async fn of(cx: &Context) -> Result<Self, Problem> {
        let place = cx.place();
        let wanted = cx.global.context.as_deref();
        if place.simulate.is_some() {
            note("SIMULATED: this is not a real cluster, and nothing of it stays");
            let opened = open::open(&place).await?;
            let contexts = simulated(&opened).await?;
            return Self::choose(&contexts, wanted, opened.kube, Vec::new());
        }
        let mut files = cx.kubeconfig_files().paths().to_vec();
        files.extend(cx.config.contexts.kubeconfig.iter().map(PathBuf::from));
        let (contexts, problems) = kubernetes::contexts(&files);
        let kube = Arc::new(kubernetes::CommandConnector);
        Self::choose(&contexts, wanted, kube, files)
            // A file that could not be read may be the one that names it.
            .map_err(|problem| problems.into_iter().next().unwrap_or(problem))
    }

    /// The way to a context of these files, which is known to be there.
    #[must_use]
    pub fn to(context: String, files: Vec<PathBuf>) -> Self {
        Self {
            context,
            namespace: String::new(),
            kube: Arc::new(kubernetes::CommandConnector),
            files,
        }
    }

    /// The kubeconfig files that name the context.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn choose(
        contexts: &[ContextInfo],
        wanted: Option<&str>,
        kube: Arc<dyn KubeConnect>,
        files: Vec<PathBuf>,
    ) -> Result<Self, Problem> {
        let found = match wanted {
            Some(name) => contexts.iter().find(|context| context.name == name),
            None => contexts.iter().find(|context| context.current),
        };
        let found = found.ok_or_else(|| missing(contexts, wanted))?;
        let namespace = if found.namespace.is_empty() {
            "default".to_owned()
        } else {
            found.namespace.clone()
        };
        Ok(Self {
            context: found.name.clone(),
            namespace,
            kube,
            files,
        })
    }

    /// A client, by what the kubeconfig says now.
    ///
    /// # Errors
    /// When the context is not to be used, or its credential plugin fails.
    pub async fn connect(&self) -> Result<Arc<dyn KubeApi>, Problem> {
        let target = KubeTarget::Context {
            files: self.files.clone(),
            name: self.context.clone(),
        };
        Ok(self.kube.connect(&target).await?)
    }
}

/// The simulated world has no kubeconfig: its running clusters are contexts, and the first is the current one.
async fn simulated(opened: &Opened) -> Result<Vec<ContextInfo>, Problem> {
    let world = ops::observe(&opened.backends()?).await?;
    let running = world
        .clusters
        .iter()
        .filter(|cluster| cluster.state == ClusterState::Running);
    let mut contexts: Vec<ContextInfo> = running
        .enumerate()
        .map(|(number, cluster)| ContextInfo {
            name: cluster.context(),
            server: String::new(),
            namespace: String::new(),
            current: number == 0,
        })
        .collect();
    contexts.extend(opened.contexts.iter().cloned());
    Ok(contexts)
}

fn missing(contexts: &[ContextInfo], wanted: Option<&str>) -> Problem {
    let names: Vec<&str> = contexts.iter().map(|context| &*context.name).collect();
    let there = if names.is_empty() {
        "the kubeconfig names none".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    };
    match wanted {
        None => Problem::usage("no Kubernetes context is current", there)
            .with_hint("name one with --context"),
        Some(name) => {
            let problem = Problem::not_found(format!("there is no context {name:?}"), there);
            match nearest(name, names) {
                Some(meant) => problem.with_hint(format!("did you mean {meant:?}?")),
                None => problem,
            }
        }
    }
}
