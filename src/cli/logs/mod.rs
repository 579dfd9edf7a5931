//! `coracle logs`: the logs of many pods as one, with kubectl's and stern's words.

mod colour;
mod form;
pub mod print;
mod stern_template;
mod stern_tokens;
mod stern_words;
mod template;

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use clap::ValueEnum;
use jiff::Timestamp;

use self::{form::Form, template::Template};
use super::{access::Access, context::Context, flags, terminal};
use crate::{
    domain::{Problem, Workload, WorkloadKind},
    ops::{
        follow::{MOST_LOGS, Query, State, Target},
        logs::Pattern,
    },
};

/// The flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  coracle logs                           all pods of the namespace
  coracle logs deploy/web -f             a Deployment's pods, and those that come
  coracle logs web db -f --tail 10       pods whose name has web or db in it
  coracle logs -l app=web -c proxy -p    the run before of the containers named so
  coracle logs -A -f -i error -e health  lines with error and without health

What there is is printed; -f goes on. Marks, such as restarts and places where lines may be missing, go to stderr.")]
pub struct Args {
    /// KIND/NAME (deploy/web, svc/web, sts/db, ds/x, rs/x, job/x, pod/x) or a pattern for pod names; none is all pods
    #[arg(value_name = "QUERY")]
    queries: Vec<String>,
    /// The namespaces, in place of the context's own
    #[arg(
        short,
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "all_namespaces"
    )]
    namespace: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub look: Look,
}

/// Which part of the logs.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is read")]
pub struct Part {
    /// Go on as lines and pods come, until ctrl-c
    #[arg(short, long)]
    follow: bool,
    /// Only pods with these labels
    #[arg(
        short = 'l',
        long,
        value_name = "LABELS",
        default_value = "",
        hide_default_value = true
    )]
    selector: String,
    /// Only containers whose name has this pattern in it
    #[arg(short, long, value_name = "PATTERN", value_parser = pattern)]
    container: Vec<Pattern>,
    /// No containers whose name has this pattern in it
    #[arg(short = 'E', long, value_name = "PATTERN", value_parser = pattern)]
    exclude_container: Vec<Pattern>,
    /// No pods whose name has this pattern in it
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude_pod: Vec<Pattern>,
    /// Only containers in these states
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    container_state: Vec<StateWord>,
    /// Whether containers that prepare a pod are read
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    init_containers: bool,
    /// Whether containers that were added to a pod are read
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    ephemeral_containers: bool,
    /// All containers, which is so unless -c is given
    #[arg(long, hide = true, conflicts_with = "container")]
    all_containers: bool,
    /// The run before the present one
    #[arg(short, long)]
    previous: bool,
    /// Only lines that are not older (90s, 5m, 1.5h, 2160h), by the clock of the cluster
    #[arg(short, long, value_name = "DURATION", value_parser = flags::duration)]
    since: Option<Duration>,
    /// Only lines since then (2026-11-21T03:00:00Z)
    #[arg(long, value_name = "TIME", conflicts_with = "since")]
    since_time: Option<Timestamp>,
    /// At most so many lines of each container that is there at the beginning; -1 is all
    #[arg(long, value_name = "LINES", default_value_t = -1, allow_negative_numbers = true)]
    tail: i64,
    /// At most so many containers at once
    #[arg(long, value_name = "NUMBER", default_value_t = MOST_LOGS)]
    max_log_requests: usize,
}

/// How lines are printed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How it is printed")]
pub struct Look {
    /// Only lines with this pattern in them
    #[arg(short, long, value_name = "PATTERN", value_parser = pattern)]
    include: Vec<Pattern>,
    /// No lines with this pattern in them
    #[arg(short, long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<Pattern>,
    /// Show this pattern in the lines
    #[arg(short = 'H', long, value_name = "PATTERN", value_parser = pattern)]
    highlight: Vec<Pattern>,
    /// With the time before each line
    #[arg(short, long)]
    timestamps: bool,
    /// How a line is written
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Each line so: {namespace} {pod} {container} {time} {message}, \t, \n; or a template of stern, {{.Message}}
    #[arg(long, value_name = "TEXT", value_parser = Template::parse, conflicts_with = "output")]
    template: Option<Template>,
    /// Whether with colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: When,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Output {
    /// Who wrote it, and the line
    #[default]
    Default,
    /// The line alone, byte by byte (on a terminal what it would obey is left out)
    Raw,
    /// A JSON object; marks are objects with "mark"
    Json,
    /// The same, with a line that is JSON itself as an object
    Extjson,
}

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StateWord {
    /// It runs
    Running,
    /// It does not run, or not yet
    Waiting,
    /// It has ended
    Terminated,
    /// Any of them
    All,
}

/// Prints the logs.
///
/// # Errors
/// What is wrong with the query, or what could not be read.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let given: Vec<Named> = args
        .queries
        .iter()
        .map(|query| Named::parse(query))
        .collect::<Result<_, _>>()?;
    let access = Access::of(cx).await?;
    let namespaces = if args.all_namespaces {
        Vec::new()
    } else if args.namespace.is_empty() {
        vec![access.namespace.clone()]
    } else {
        args.namespace.clone()
    };
    let targets = targets(given, &namespaces, &args.part.selector)?;
    let query = args.part.query(targets);
    let form = args.look.form(cx, &query, namespaces.len() != 1);
    print::all(access.connect().await?, query, form).await
}

/// What a person names.
pub enum Named {
    /// An object that stands for pods.
    Object(Workload),
    /// A pattern for pod names.
    Pods(Pattern),
}

impl Named {
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.contains('/') {
            text.parse().map(Self::Object)
        } else {
            Pattern::new(text).map(Self::Pods)
        }
    }
}

/// Whose logs are meant: what is named, or all pods, within the namespaces.
///
/// # Errors
/// When objects are named without saying in which namespace, or together with labels.
pub fn targets(
    named: Vec<Named>,
    namespaces: &[String],
    selector: &str,
) -> Result<Vec<Target>, Problem> {
    let pods = |name: Option<Pattern>| Target::Pods {
        namespaces: namespaces.to_vec(),
        selector: selector.to_owned(),
        name,
    };
    if named.is_empty() {
        return Ok(vec![pods(None)]);
    }
    let mut targets = Vec::new();
    for one in named {
        match one {
            Named::Pods(name) => targets.push(pods(Some(name))),
            Named::Object(_) if !selector.is_empty() => {
                let why = "an object says itself which pods are its";
                return Err(Problem::usage(
                    "-l goes with patterns for pod names only",
                    why,
                ));
            }
            Named::Object(object) if namespaces.is_empty() => {
                return Err(Problem::usage(
                    format!("{object} may be in several namespaces"),
                    "one object is in one namespace",
                )
                .with_hint("name it with -n"));
            }
            Named::Object(object) => {
                let within = namespaces.iter().map(|name| object.clone().within(name));
                targets.extend(within.map(Target::Of));
            }
        }
    }
    Ok(targets)
}

fn pattern(text: &str) -> Result<Pattern, Problem> {
    Pattern::new(text)
}

impl Part {
    /// The labels that are asked for.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// What is asked for.
    pub fn query(&self, targets: Vec<Target>) -> Query {
        let states = self.container_state.iter().filter_map(|word| match word {
            StateWord::Running => Some(State::Running),
            StateWord::Waiting => Some(State::Waiting),
            StateWord::Terminated => Some(State::Terminated),
            StateWord::All => None,
        });
        let any = self.container_state.contains(&StateWord::All);
        Query {
            targets,
            exclude_pods: self.exclude_pod.clone(),
            containers: self.container.clone(),
            exclude_containers: self.exclude_container.clone(),
            init: self.init_containers,
            ephemeral: self.ephemeral_containers,
            states: states.filter(|_| !any).collect(),
            since: self.since_time,
            // Zero is no limit, as with kubectl.
            ago: self.since.filter(|since| !since.is_zero()),
            whole: true,
            tail: u32::try_from(self.tail).ok(),
            previous: self.previous,
            follow: self.follow,
            most: self.max_log_requests,
        }
    }
}

impl Look {
    /// How lines are written; `several` says whether they may be of several namespaces.
    pub fn form(&self, cx: &Context, query: &Query, several: bool) -> Form {
        let pod =
            |target: &Target| matches!(target, Target::Of(of) if of.kind == WorkloadKind::Pod);
        let single = query.targets.len() == 1 && query.targets.iter().all(pod);
        Form {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            highlight: self.highlight.clone(),
            times: self.timestamps,
            style: match (&self.template, self.output) {
                (Some(template), _) => form::Style::Template(template.clone()),
                (None, Output::Raw) => form::Style::Raw {
                    bytes: !io::stdout().is_terminal(),
                },
                (None, Output::Json) => form::Style::Json { nested: false },
                (None, Output::Extjson) => form::Style::Json { nested: true },
                (None, Output::Default) if single => form::Style::Container,
                (None, Output::Default) if several => form::Style::Whole,
                (None, Output::Default) => form::Style::Pod,
            },
            colour: match self.color {
                When::Auto => terminal::has_color_on_stdout(&cx.global),
                When::Always => true,
                When::Never => false,
            },
        }
    }
}
