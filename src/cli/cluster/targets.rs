//! Which clusters a verb is about, and how it is carried out for each of them in turn.

use std::time::Duration;

use crate::{
    backend::Backends,
    cli::{
        context::Context,
        drive,
        flags::{self, WaitWord},
        output::{self, Format, note},
        problem_text,
        signals::Signals,
    },
    domain::{ClusterName, Problem, ProblemKind, spec::WaitFor},
    ops::{self, Request, Wish, observe::address},
    plan::{Plan, Subject},
};

/// The name of the cluster that is meant where none is named, k3d's.
pub const DEFAULT_NAME: &str = "k3s-default";

/// The clusters.
#[derive(Debug, clap::Args)]
pub struct Targets {
    /// The clusters
    #[arg(value_name = "NAME", default_value = DEFAULT_NAME)]
    pub names: Vec<String>,
    /// All clusters
    #[arg(short, long, conflicts_with = "names")]
    pub all: bool,
}

/// How a change is carried out.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Carrying out")]
pub struct Manner {
    /// Print the plan and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to write the plan of --dry-run, or a new cluster
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// Give up, and take back what was done, after this long (90s, 5m; 0 is no limit; default: 10m)
    #[arg(long, value_name = "DURATION", value_parser = flags::timeout)]
    pub timeout: Option<Duration>,
    /// Keep what was done when something fails
    #[arg(long)]
    pub no_rollback: bool,
}

/// What is waited for at the end.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Waiting")]
pub struct Wait {
    /// How much has to work before it counts as done
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "usable"
    )]
    pub wait: Option<WaitWord>,
    /// Return as soon as the containers run
    #[arg(long, conflicts_with = "wait")]
    pub no_wait: bool,
}

impl Wait {
    /// What "done" means.
    #[must_use]
    pub fn wanted(&self) -> WaitFor {
        self.said().unwrap_or_default()
    }

    /// What the flags say that it means, if they say anything.
    #[must_use]
    pub fn said(&self) -> Option<WaitFor> {
        if self.no_wait {
            Some(WaitFor::Nothing)
        } else {
            self.wait.map(WaitFor::from)
        }
    }
}

impl Targets {
    /// The clusters that are to be changed: of all of them, the protected ones are left out, which is said.
    ///
    /// # Errors
    /// Where all are meant and the engine does not answer.
    pub async fn to_change(
        &self,
        cx: &Context,
        backends: &Backends,
    ) -> Result<Vec<ClusterName>, Problem> {
        if !self.all {
            return self.resolve(backends).await;
        }
        let contexts = &cx.config.contexts;
        let world = ops::observe(backends).await?;
        let (kept, changed): (Vec<_>, Vec<_>) = world
            .clusters
            .iter()
            .partition(|cluster| contexts.is_read_only(&cluster.context()));
        for cluster in kept {
            note(&format!(
                "cluster \"{}\" is left out: contexts.read_only protects it",
                cluster.name
            ));
        }
        let changed = changed.into_iter();
        Ok(changed.map(|it| address(&world.clusters, it)).collect())
    }

    /// The clusters that are meant.
    ///
    /// # Errors
    /// Where all are meant and the engine does not answer.
    pub async fn resolve(&self, backends: &Backends) -> Result<Vec<ClusterName>, Problem> {
        if self.all {
            let world = ops::observe(backends).await?;
            let all = world.clusters.iter();
            return Ok(all.map(|it| address(&world.clusters, it)).collect());
        }
        let mut names: Vec<ClusterName> = Vec::new();
        for name in self.names.iter().map(ClusterName::existing) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }
}

impl Manner {
    /// The request for a wish.
    pub fn request(&self, cx: &Context, backends: &Backends, wish: Wish, wait: WaitFor) -> Request {
        let mut request = cx.request(backends, wish);
        request.options.wait = wait;
        request.options.rollback = !self.no_rollback;
        if let Some(timeout) = self.timeout {
            request.options.timeout = timeout;
        }
        request
    }
}

/// Prints the plans of the requests: as texts one after the other, or as data in one list.
async fn print_plans(
    backends: &Backends,
    requests: &[Request],
    format: Format,
) -> Result<(), Problem> {
    let mut plans = Vec::new();
    for request in requests {
        plans.push(ops::prepare(backends, request).await?);
    }
    if matches!(format, Format::Json | Format::Yaml) {
        let list = plans.iter().map(Plan::to_json).collect();
        return output::print(&output::data(&list, format)?);
    }
    let texts: Vec<String> = plans.iter().map(Plan::to_text).collect();
    output::print(&texts.join("\n"))
}

/// Fulfils one wish.
///
/// # Errors
/// What did not work.
pub async fn one(
    cx: &Context,
    backends: &Backends,
    manner: &Manner,
    request: Request,
    done: impl Fn(&Subject) -> String,
) -> Result<(), Problem> {
    if manner.dry_run {
        return drive::print_plan(backends, &request, manner.output).await;
    }
    each(cx, backends, manner, vec![request], done).await
}

/// Fulfils wishes, one after the other, and says how each ended. One that fails does not keep the
/// others from their turn.
///
/// # Errors
/// The failure, or how many there were.
pub async fn each(
    cx: &Context,
    backends: &Backends,
    manner: &Manner,
    requests: Vec<Request>,
    done: impl Fn(&Subject) -> String,
) -> Result<(), Problem> {
    if manner.dry_run {
        return print_plans(backends, &requests, manner.output).await;
    }
    for request in &requests {
        ops::allowed(backends, request).await?;
    }
    let mut signals = Signals::take()?;
    let count = requests.len();
    let mut failed: Vec<(Subject, Problem)> = Vec::new();
    for request in requests {
        let about = request.wish.about();
        match drive::fulfil(backends, &request, cx.style(), &mut signals).await {
            Ok(report) => {
                let seconds = report.took.as_secs_f64();
                note(&format!("{} ({seconds:.1} s)", done(&about)));
            }
            // A person who cancels means all of it.
            Err(problem) if count == 1 || problem.kind == ProblemKind::Refused => {
                return Err(problem);
            }
            Err(problem) => {
                note(&problem_text(&problem));
                failed.push((about, problem));
            }
        }
    }
    let Some((_, first)) = failed.first() else {
        return Ok(());
    };
    let names: Vec<String> = failed.iter().map(|(about, _)| about.to_string()).collect();
    Err(Problem::new(
        first.kind,
        format!("{} of {count} failed", failed.len()),
        names.join(", "),
    ))
}
