//! The screen.
//!
//! One loop ([`app_loop`]) owns the [`state`]. A message ([`msg`]) changes it through a pure function ([`mod@update`])
//! that returns effects ([`effect`]); a pure function ([`mod@view`]) draws it. Work is done by tasks ([`runner`],
//! [`jobs`]): those that have to run follow from the state, so opening a pane starts its watch and leaving it ends it.
//! What a person can do is one table ([`actions`]).

pub mod actions;
mod app_loop;
pub mod dialogs;
pub mod effect;
pub mod format;
mod input;
mod jobs;
pub mod keymap;
mod leaving;
pub mod msg;
pub mod offscreen;
pub mod picture;
mod runner;
mod signals;
pub mod state;
mod terminal;
pub mod theme;
pub mod update;
pub mod view;

use std::{path::PathBuf, sync::Arc};

use futures::future::BoxFuture;
use jiff::{Timestamp, tz::TimeZone};

use self::{keymap::Keymap, state::State, theme::Theme};
use crate::{
    backend::KubeConnect,
    config::Config,
    domain::Problem,
    ops::{draft::Here, kubeconfig_file::KubeconfigFiles},
};

pub use jobs::{ContextReader, Opener};

/// What the screen works on, real or simulated.
pub struct World {
    /// Opens the engine, again and again while there is none.
    pub open: Opener,
    /// Reads the contexts of the kubeconfig files.
    pub contexts: ContextReader,
    /// The files that contexts are read from.
    pub read: Vec<PathBuf>,
    /// The files that a cluster's access is written to.
    pub files: KubeconfigFiles,
    /// The file of the port-forwards that are kept.
    pub kept: Option<PathBuf>,
    /// The way to Kubernetes APIs.
    pub kube: Arc<dyn KubeConnect>,
    /// Whether it is simulated, which every frame says.
    pub simulated: bool,
}

/// Makes the simulated world.
pub type Simulate = Arc<dyn Fn() -> BoxFuture<'static, Result<World, Problem>> + Send + Sync>;

/// How the screen is opened.
pub struct Options {
    /// The world that it begins with.
    pub world: World,
    /// Makes the simulated world, for those who have no engine.
    pub simulate: Simulate,
    /// The settings.
    pub config: Config,
    /// What was wrong with the settings; shown, never a reason not to open.
    pub problems: Vec<Problem>,
    /// The context or cluster that is selected first.
    pub context: Option<String>,
    /// Whether the terminal shows colour.
    pub color: bool,
    /// Whether the terminal shows UTF-8.
    pub unicode: bool,
}

/// Opens the screen and runs it until it is left.
///
/// # Errors
/// When standard output is not a terminal, or the terminal fails.
pub async fn run(mut options: Options) -> Result<(), Problem> {
    if !terminal::is_terminal() {
        return Err(Problem::usage(
            "the screen cannot be opened",
            "standard output is not a terminal",
        )
        .with_hint("`coracle --help` lists the subcommands, which work without one"));
    }
    let theme = Theme::new(&options.config.theme, options.color, options.unicode);
    let (keymap, conflicts) = Keymap::new(&options.config.keymap);
    let mut state = State::new(
        options.config.clone(),
        theme,
        keymap,
        options.world.simulated,
        Timestamp::now(),
    );
    state.zone = TimeZone::system();
    state.around.here = Here::now();
    for problem in options.problems.drain(..).chain(conflicts) {
        state.toasts.fail(problem);
    }
    if options.context.is_some() {
        // Who names a context wants to see what is in it.
        state.focus = state::Pane::Pods;
    }
    state.clusters.prefer = options.context.take();
    let context = options.world.context(&state);
    app_loop::run(options, state, context).await
}

impl World {
    fn context(&self, state: &State) -> jobs::Context {
        jobs::Context {
            open: Arc::clone(&self.open),
            contexts: Arc::clone(&self.contexts),
            read: self.read.clone(),
            files: self.files.clone(),
            protected: state.config.contexts.clone(),
            kept: self.kept.clone(),
            kube: Arc::clone(&self.kube),
            world: jobs::Observed::default(),
            connections: jobs::Connections::default(),
            tail: state.config.logs.tail,
        }
    }

    /// A fresh state with the looks of the one before, on this world.
    fn begin(&self, before: &State) -> (State, jobs::Context) {
        let mut state = State::new(
            before.config.clone(),
            before.theme.clone(),
            before.keymap.clone(),
            self.simulated,
            before.now,
        );
        state.zone.clone_from(&before.zone);
        state.around.here.clone_from(&before.around.here);
        state.mouse = before.mouse;
        let context = self.context(&state);
        (state, context)
    }
}
