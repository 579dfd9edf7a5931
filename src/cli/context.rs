//! What every subcommand needs: the flags, the settings, and the way to the world.

use super::{args::Global, output::note, progress::Style, terminal};
use crate::{
    backend::Backends,
    config::Config,
    domain::Problem,
    ops::{
        Request, Wish,
        kubeconfig_file::KubeconfigFiles,
        open::{self, Opened, Where},
    },
};

/// The surroundings of one run.
#[derive(Debug)]
pub struct Context {
    /// The flags that all commands take.
    pub global: Global,
    /// The settings, with the flags over them.
    pub config: Config,
}

impl Context {
    /// Where the world is to be found.
    #[must_use]
    pub fn place(&self) -> Where {
        let flag = self.global.docker_host.clone();
        let setting = Some(self.config.engine.host.clone()).filter(|host| !host.is_empty());
        Where {
            simulate: self.global.simulate.clone(),
            engine: flag.or(setting),
        }
    }

    /// The world, with an engine that answers.
    ///
    /// # Errors
    /// Which endpoints were tried, and what each answered.
    pub async fn backends(&self) -> Result<Backends, Problem> {
        let opened: Opened = open::open(&self.place()).await?;
        if opened.simulated {
            note("SIMULATED: this is not a real engine, and nothing of it stays");
        }
        opened.backends()
    }

    /// The person's kubeconfig files; the simulated world has none unless one is named.
    #[must_use]
    pub fn kubeconfig_files(&self) -> KubeconfigFiles {
        match &self.global.kubeconfig {
            // The files beside it belong to clusters of the real world.
            Some(path) if self.global.simulate.is_some() => {
                KubeconfigFiles::new(vec![path.clone()])
            }
            Some(path) => KubeconfigFiles::new(vec![path.clone()]).with_own_directory(),
            None if self.global.simulate.is_some() => KubeconfigFiles::none(),
            None => KubeconfigFiles::from_environment(),
        }
    }

    /// A request with the usual options.
    #[must_use]
    pub fn request(&self, backends: &Backends, wish: Wish) -> Request {
        Request {
            files: self.kubeconfig_files(),
            contexts: self.config.contexts.clone(),
            ..Request::new(backends, wish)
        }
    }

    /// How progress is told.
    #[must_use]
    pub fn style(&self) -> Style {
        terminal::style(&self.global, self.config.theme.ascii)
    }
}
