//! Planning and carrying out what a person wants.

use tokio::sync::mpsc;

use super::{Context, Job};
use crate::{
    backend::Backends,
    config::Contexts,
    domain::Problem,
    ops::{
        self, Cancel, Failure, Request, Wish, draft::LocalFiles, kubeconfig_file::KubeconfigFiles,
    },
    plan::Plan,
    tui::msg::News,
};

/// Events of one operation: a plan of a hundred steps with progress each fits, so the work never waits for the screen.
const EVENTS: usize = 512;

fn no_engine(wish: &Wish) -> Problem {
    Problem::unreachable(
        format!("nothing was done to {}", wish.about()),
        "no engine answers",
    )
}

/// A wish with all that it names, and its plan.
async fn planned(
    backends: &Backends,
    files: KubeconfigFiles,
    contexts: Contexts,
    wish: Wish,
) -> Result<(Wish, Plan), Problem> {
    let request = Request {
        files,
        contexts,
        ..Request::new(backends, wish.complete().await?)
    };
    let plan = ops::prepare(backends, &request).await?;
    Ok((request.wish, plan))
}

/// Makes the plan of a wish.
pub(in crate::tui) fn plan(context: &Context, wish: Wish) -> Job {
    let (backends, files) = (context.world.backends(), context.files.clone());
    let contexts = context.protected.clone();
    Box::new(move |sink| {
        Box::pin(async move {
            let planned = match &backends {
                Some(backends) => planned(backends, files, contexts, wish).await,
                None => Err(no_engine(&wish)),
            };
            sink.send(News::Planned(planned)).await;
        })
    })
}

/// Looks for the files that a form names.
pub(in crate::tui) fn check(files: LocalFiles) -> Job {
    Box::new(move |sink| {
        Box::pin(async move {
            let looking = tokio::task::spawn_blocking(move || {
                let problem = files.look().err();
                (files, problem)
            });
            // A look that broke says nothing; the plan will.
            if let Ok((files, problem)) = looking.await {
                sink.send(News::Checked(files, problem)).await;
            }
        })
    })
}

/// Carries a plan out.
pub(in crate::tui) fn execute(context: &Context, wish: Wish, plan: Plan, cancel: Cancel) -> Job {
    let (backends, files) = (context.world.backends(), context.files.clone());
    let contexts = context.protected.clone();
    Box::new(move |sink| {
        Box::pin(async move {
            let Some(backends) = backends else {
                let failure = Failure {
                    problem: no_engine(&wish),
                    undone: true,
                    left: Vec::new(),
                };
                sink.send(News::Over(Err(Box::new(failure)))).await;
                return;
            };
            let (events, mut heard) = mpsc::channel(EVENTS);
            let request = Request {
                files,
                contexts,
                ..Request::new(&backends, wish)
            };
            let work = ops::carry_out(&backends, &request, plan, events, &cancel);
            tokio::pin!(work);
            let result = loop {
                tokio::select! {
                    biased;
                    Some(event) = heard.recv() => {
                        sink.send(News::Step(event)).await;
                    }
                    result = &mut work => break result,
                }
            };
            while let Ok(event) = heard.try_recv() {
                sink.send(News::Step(event)).await;
            }
            sink.send(News::Over(result.map(Box::new).map_err(Box::new)))
                .await;
        })
    })
}
