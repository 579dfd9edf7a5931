//! The screen as a command: the world, the settings and the terminal's abilities put together.

use std::{path::PathBuf, sync::Arc};

use super::{context::Context, terminal};
use crate::{
    backend::{Backends, kubernetes},
    domain::Problem,
    ops::{
        forward,
        kubeconfig_file::KubeconfigFiles,
        open::{self, Opened, Where},
    },
    tui::{self, Options, World},
};

/// Opens the screen. `problems` are what was wrong with the settings.
///
/// # Errors
/// When there is no terminal, or a dumb one, or no simulated world of the name.
pub async fn run(cx: &Context, problems: Vec<Problem>) -> Result<(), Problem> {
    if terminal::is_dumb() {
        return Err(Problem::usage(
            "the screen cannot be opened",
            "TERM is \"dumb\": this terminal cannot place a cursor",
        )
        .with_hint("`coracle --help` lists the subcommands, which work here"));
    }
    let style = terminal::style(&cx.global, cx.config.theme.ascii);
    let mut config = cx.config.clone();
    config.theme.ascii |= cx.global.ascii;
    let world = match &cx.global.simulate {
        Some(name) => simulated(name).await?,
        None => real(cx),
    };
    tui::run(Options {
        world,
        simulate: Arc::new(|| Box::pin(simulated(""))),
        config,
        problems,
        context: cx.global.context.clone(),
        color: terminal::has_color(&cx.global),
        unicode: !style.ascii,
    })
    .await
}

/// The real world. Nothing is asked of it before the first frame is drawn.
fn real(cx: &Context) -> World {
    let files = cx.kubeconfig_files();
    let mut read: Vec<PathBuf> = files.paths().to_vec();
    read.extend(cx.config.contexts.kubeconfig.iter().map(PathBuf::from));
    let place = cx.place();
    let named = read.clone();
    World {
        open: Arc::new(move || {
            let place = place.clone();
            Box::pin(async move {
                let opened = open::open(&place).await.map_err(|_| Vec::new())?;
                let (kube, simulated) = (opened.kube, opened.simulated);
                opened.engine.map(|runtime| Backends {
                    runtime,
                    kube,
                    simulated,
                })
            })
        }),
        contexts: Arc::new(move || kubernetes::contexts(&named)),
        kube: Arc::new(kubernetes::Connector),
        read,
        files,
        kept: forward::kept::file(),
        simulated: false,
    }
}

/// A simulated world, which is there at once.
async fn simulated(name: &str) -> Result<World, Problem> {
    let place = Where {
        simulate: Some(name.to_owned()),
        ..Where::default()
    };
    let Opened {
        engine,
        kube,
        contexts,
        ..
    } = open::open(&place).await?;
    let runtime = engine.map_err(|tried| open::no_engine(&tried))?;
    let backends = Backends {
        runtime,
        kube: Arc::clone(&kube),
        simulated: true,
    };
    Ok(World {
        open: Arc::new(move || {
            let backends = backends.clone();
            Box::pin(async move { Ok(backends) })
        }),
        contexts: Arc::new(move || (contexts.clone(), Vec::new())),
        kube,
        read: Vec::new(),
        files: KubeconfigFiles::none(),
        kept: None,
        simulated: true,
    })
}
