//! Carries out a plan: independent steps at the same time, and backwards when one fails.
//!
//! All steps run in the caller's own task, so dropping the future stops everything at once and nothing runs on behind
//! anybody's back. Stopping in good order is different: waits end at once, but a request that changes something is
//! waited for a little, because an engine may well carry out what nobody waits for any more; only then is known what has
//! to be taken back.

use std::{collections::BTreeMap, fmt, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Cancel, Request,
    steps::{self, Effect, Run},
    undo,
};
use crate::{
    backend::Backends,
    domain::{Problem, ProblemKind},
    plan::{Event, Outcome, Plan, Step, StepId},
};

/// How long a request that changes something is waited for after the work was stopped.
const SETTLE: Duration = Duration::from_secs(15);

/// How long steps that do not depend on a failed one may go on in a plan that is not taken back.
const GO_ON: Duration = Duration::from_secs(30);

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The plan as it was carried out, which may name another free port or network than the one shown before.
    pub plan: Plan,
    /// How many steps changed something.
    pub changed: usize,
    /// How long it took.
    pub took: Duration,
    /// What did not work although all else did, and what to do about it.
    pub warnings: Vec<Problem>,
}

/// What went wrong, and what is left of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub problem: Problem,
    /// Whether everything that was done was taken back.
    pub undone: bool,
    /// What is left, one thing each: `container k3d-demo-server-0`.
    pub left: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        if !self.left.is_empty() {
            write!(f, "; left: {}", self.left.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// How a step that was begun came to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// It changed something.
    Changed,
    /// There was nothing to do.
    AlreadySo,
    /// It failed; what it changed, if anything, is not known where the answer was lost.
    Failed { problem: Problem, in_doubt: bool },
    /// It was stopped; a request may have been on its way.
    Stopped { in_doubt: bool },
}

/// The steps that were begun, and how each ended.
pub(super) type Begun = BTreeMap<StepId, Ended>;

/// Why the work was stopped before its end.
enum Halt {
    Failed(Problem),
    Cancelled,
    TimedOut,
}

pub(super) async fn execute(
    backends: &Backends,
    request: &Request,
    plan: Plan,
    events: &mpsc::Sender<Event>,
    cancel: &Cancel,
) -> Result<Report, Failure> {
    let begun_at = Instant::now();
    let run = Run::new(backends, &request.files, &plan, events);
    let (begun, halt) = go(&run, request.options.timeout, cancel).await;
    // Asked to stop when everything was done already: then it is done.
    let complete = begun.len() == plan.steps.len() && begun.values().all(is_done);
    // What takes the place of another has done so before that one is discarded, which cannot be taken back.
    let discarded = plan.steps.iter().zip(0..).any(|(planned, id)| {
        matches!(planned.step, Step::Discard { .. }) && begun.contains_key(&id)
    });
    let complete = complete || discarded;
    let Some(halt) = halt.filter(|_| !complete) else {
        let warnings = run
            .warnings()
            .into_iter()
            .chain(run.cut_off().cloned())
            .collect();
        let changed = begun.values().filter(|end| **end == Ended::Changed).count();
        return Ok(Report {
            plan,
            changed,
            took: begun_at.elapsed(),
            warnings,
        });
    };
    let problem = explain(&run, &plan, halt, &begun, request.options.timeout);
    if plan.undoable && request.options.rollback {
        let left = undo::undo(&run, &begun, cancel).await;
        return Err(Failure {
            problem,
            undone: left.is_empty(),
            left,
        });
    }
    let left = if plan.undoable {
        undo::made(&plan, &begun)
    } else {
        undo::not_gone(&plan, &begun)
    };
    Err(Failure {
        problem,
        undone: false,
        left,
    })
}

/// Runs the graph until everything is done or something stops it, and until nothing is on its way any more.
async fn go(run: &Run<'_>, timeout: Duration, cancel: &Cancel) -> (Begun, Option<Halt>) {
    let plan = run.plan;
    let stop = CancellationToken::new();
    let mut open: Vec<usize> = plan.steps.iter().map(|step| step.after.len()).collect();
    let mut next: Vec<Vec<StepId>> = vec![Vec::new(); plan.steps.len()];
    for (id, step) in plan.steps.iter().enumerate() {
        for earlier in &step.after {
            next[*earlier].push(id);
        }
    }
    let mut begun = Begun::new();
    let mut halt: Option<Halt> = None;
    let mut running = FuturesUnordered::new();
    for (id, _) in open.iter().enumerate().filter(|(_, open)| **open == 0) {
        running.push(one(run, id, &stop, cancel));
    }
    let deadline = tokio::time::sleep(timeout);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            biased;
            () = cancel.stopped(), if !stop.is_cancelled() => {
                halt.get_or_insert(Halt::Cancelled);
                stop.cancel();
            }
            () = &mut deadline, if !stop.is_cancelled() => {
                halt.get_or_insert(Halt::TimedOut);
                stop.cancel();
            }
            ended = running.next() => {
                let Some((id, end)) = ended else { break };
                let done = is_done(&end);
                if let Ended::Failed { problem, .. } = &end
                    && halt.is_none()
                {
                    halt = Some(Halt::Failed(problem.clone()));
                    if plan.undoable {
                        stop.cancel();
                    } else if !steps::is_for_itself(&plan.steps[id].step) {
                        let grace = Instant::now() + GO_ON;
                        let sooner = grace.min(deadline.deadline());
                        deadline.as_mut().reset(sooner);
                    }
                }
                begun.insert(id, end);
                if done && !stop.is_cancelled() {
                    for later in &next[id] {
                        open[*later] -= 1;
                        if open[*later] == 0 {
                            running.push(one(run, *later, &stop, cancel));
                        }
                    }
                }
            }
        }
    }
    drop(running);
    (begun, halt)
}

const fn is_done(end: &Ended) -> bool {
    matches!(end, Ended::Changed | Ended::AlreadySo)
}

/// Runs one step to its end, whichever that is.
async fn one(
    run: &Run<'_>,
    id: StepId,
    stop: &CancellationToken,
    cancel: &Cancel,
) -> (StepId, Ended) {
    let work = &run.plan.steps[id].step;
    run.tell(Event::Started(id)).await;
    let begun = Instant::now();
    let changes = steps::changes_something(work);
    let limit = steps::deadline(work);
    let stopped = async {
        stop.cancelled().await;
        if changes {
            tokio::select! {
                () = tokio::time::sleep(SETTLE) => {}
                () = cancel.abandoned() => {}
            }
        }
    };
    let ended = tokio::select! {
        biased;
        result = tokio::time::timeout(limit, steps::run(run, id, work)) => match result {
            Ok(Ok(Effect::Changed)) => Ended::Changed,
            Ok(Ok(Effect::Nothing)) => Ended::AlreadySo,
            Ok(Err(problem)) => {
                let in_doubt = changes && problem.kind == ProblemKind::Unreachable;
                Ended::Failed { problem, in_doubt }
            }
            Err(_) => Ended::Failed { problem: run.too_late(id, limit), in_doubt: changes },
        },
        () = stopped => Ended::Stopped { in_doubt: changes },
    };
    match &ended {
        Ended::Changed => {
            run.tell(Event::Finished(id, Outcome::Done(begun.elapsed())))
                .await;
        }
        Ended::AlreadySo => run.tell(Event::Finished(id, Outcome::AlreadySo)).await,
        Ended::Failed { problem, .. } => run.tell(Event::Failed(id, problem.clone())).await,
        Ended::Stopped { .. } => {}
    }
    (id, ended)
}

/// The first failure, and what else failed of a plan that went on.
fn with_others(first: &Problem, begun: &Begun) -> Problem {
    let mut problem = first.clone();
    let failures = begun.values().filter_map(|end| match end {
        Ended::Failed { problem, .. } if problem != first => Some(problem),
        _ => None,
    });
    for other in failures {
        problem.why.push_str("\nalso: ");
        problem.why.push_str(&other.to_string());
    }
    problem
}

/// Puts into words why the work ended early.
fn explain(run: &Run<'_>, plan: &Plan, halt: Halt, begun: &Begun, timeout: Duration) -> Problem {
    let what = format!("could not {}", plan.title);
    match halt {
        Halt::Failed(problem) => with_others(&problem, begun),
        Halt::Cancelled => Problem::refused(what, "it was cancelled"),
        Halt::TimedOut => {
            let mut why = format!("it was not done within {}", steps::seconds(timeout));
            let stopped = begun
                .iter()
                .filter(|(_, end)| matches!(end, Ended::Stopped { .. }));
            for (id, _) in stopped {
                let step: &Step = &plan.steps[*id].step;
                why.push_str("\nstill going on: ");
                why.push_str(&step.describe());
                run.add_last_words(*id, &mut why);
            }
            Problem::failed(what, why).with_hint("give it longer with --timeout")
        }
    }
}
