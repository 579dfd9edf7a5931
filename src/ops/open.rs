//! The way to the world, real or simulated, for both faces.
//!
//! That no engine answers is no error here but something found out: the screen opens without one and shows what was
//! tried, and the contexts of the kubeconfig work all the same.

use std::{fmt::Write as _, sync::Arc};

pub use crate::backend::docker::Tried;
use crate::{
    backend::{Backends, ContainerRuntime, KubeConnect, docker, kubernetes, sim::World},
    domain::{Problem, kube::ContextInfo},
};

/// Which world is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Where {
    /// The simulated world of this name; an empty name is the usual one. `None` is the real world.
    pub simulate: Option<String>,
    /// The one engine to try; `None` looks where the docker CLI looks, and then at the usual sockets.
    pub engine: Option<String>,
}

/// What was found.
#[derive(Clone)]
pub struct Opened {
    /// The engine, or the endpoints that were tried and what each answered.
    pub engine: Result<Arc<dyn ContainerRuntime>, Vec<Tried>>,
    /// The way to Kubernetes APIs, which needs no engine.
    pub kube: Arc<dyn KubeConnect>,
    /// The contexts of the simulated world; the real ones are in kubeconfig files.
    pub contexts: Vec<ContextInfo>,
    /// Whether this is the simulated world.
    pub simulated: bool,
}

impl Opened {
    /// Both doors, for work that needs an engine.
    ///
    /// # Errors
    /// What was tried where no engine answered.
    pub fn backends(&self) -> Result<Backends, Problem> {
        match &self.engine {
            Ok(runtime) => Ok(Backends {
                runtime: runtime.clone(),
                kube: self.kube.clone(),
                simulated: self.simulated,
            }),
            Err(tried) => Err(no_engine(tried)),
        }
    }
}

/// Looks for the world.
///
/// # Errors
/// Where there is no simulated world of that name.
pub async fn open(place: &Where) -> Result<Opened, Problem> {
    if let Some(name) = &place.simulate {
        return simulated(name);
    }
    let environment = docker::Environment::of_process();
    Ok(Opened {
        engine: docker::connect(&environment, place.engine.as_deref()).await,
        kube: Arc::new(kubernetes::Connector),
        contexts: Vec::new(),
        simulated: false,
    })
}

/// Every endpoint and its answer in one problem.
#[must_use]
pub fn no_engine(tried: &[Tried]) -> Problem {
    let mut why = String::new();
    for Tried {
        endpoint,
        source,
        answer,
    } in tried
    {
        // Writing to a String cannot fail.
        let _ = write!(why, "\n  {endpoint} ({source}): {answer}");
    }
    Problem::unreachable("no container engine answers", why).with_hint(
        "start Docker (or Podman, Colima, OrbStack), or name its endpoint with --docker-host or DOCKER_HOST;\n\
         --simulate shows a simulated world",
    )
}

fn simulated(name: &str) -> Result<Opened, Problem> {
    let world = World::named(name)?;
    let backends = world.backends();
    Ok(Opened {
        engine: Ok(backends.runtime),
        kube: backends.kube,
        contexts: world.contexts(),
        simulated: true,
    })
}
