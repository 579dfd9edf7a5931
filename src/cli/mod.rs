//! The command line: the screen's other face. It reads flags, calls `ops` and prints; one file a subcommand.
//!
//! Results go to stdout, everything else to stderr. The exit code is [`ProblemKind::exit_code`].
//!
//! [`ProblemKind::exit_code`]: crate::domain::ProblemKind::exit_code

mod access;
mod args;
mod cluster;
mod complete;
mod completion;
mod config;
mod context;
mod debug;
mod drive;
mod flags;
mod forward;
mod image;
mod kubeconfig;
mod lasting;
mod logging;
mod logs;
mod network;
mod node;
mod output;
mod plugin;
mod progress;
mod prune;
mod registry;
mod runtime_info;
mod screen;
mod settings;
mod short;
mod signals;
mod terminal;
mod version;
mod volume;

use std::{ffi::OsString, fmt::Write as _, process::ExitCode};

use clap::{Parser, error::ErrorKind};

use self::{
    args::{Command, CommandLine},
    context::Context,
    logging::Reader,
    output::note,
};
use crate::{
    config::Names,
    domain::{Problem, log::sanitize},
    tui,
};

/// The whole program: reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    if complete::answered() {
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let result = match CommandLine::try_parse_from(short::written_out(arguments.clone())) {
        Ok(line) => start(line),
        Err(error) => {
            let plugin = match error.kind() {
                ErrorKind::InvalidSubcommand => plugin::become_one(&arguments),
                _ => Ok(()),
            };
            match plugin {
                Ok(()) => error.exit(),
                Err(problem) => Err(problem),
            }
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            note(&problem_text(&problem));
            ExitCode::from(problem.kind.exit_code())
        }
    }
}

fn start(line: CommandLine) -> Result<(), Problem> {
    let reader = if line.command.is_some() {
        Reader::Stderr
    } else {
        Reader::Pane
    };
    logging::start(&line.global, reader)?;
    let actions: Vec<&str> = tui::actions::ACTIONS
        .iter()
        .map(|action| action.name)
        .collect();
    let names = Names {
        actions: &actions,
        roles: &tui::theme::roles(),
    };
    let (config, problems) = settings::read(line.config.as_deref(), names);
    // Two workers: the work is waiting for answers, and the machine belongs to the clusters.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Problem::failed("the program cannot start", error.to_string()))?;
    let cx = Context {
        global: line.global,
        config,
    };
    let result = match line.command {
        None => runtime.block_on(screen::run(&cx, problems)),
        Some(command) => {
            for problem in &problems {
                note(&problem_text(problem));
            }
            runtime.block_on(run(&cx, command))
        }
    };
    // A name lookup or a file of a dead mount that nobody waits for any more must not hold the process back.
    runtime.shutdown_background();
    crate::backend::kubernetes::end_plugins();
    result
}

async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    match command {
        Command::Cluster(command) => cluster::run(cx, command).await,
        Command::Config(command) => config::run(cx, &command),
        Command::Image(command) => image::run(cx, command).await,
        Command::Registry(command) => registry::run(cx, command).await,
        Command::Kubeconfig(command) => kubeconfig::run(cx, command).await,
        Command::Logs(args) => logs::run(cx, &args).await,
        Command::Forward(args) => forward::run(cx, args).await,
        Command::Volume(command) => volume::run(cx, command).await,
        Command::Network(command) => network::run(cx, command).await,
        Command::Prune(args) => prune::run(cx, &args).await,
        Command::Node(command) => node::run(cx, command).await,
        Command::Debug(command) => debug::run(cx, command).await,
        Command::RuntimeInfo(args) => runtime_info::run(cx, &args).await,
        Command::Completion(args) => completion::run(&args),
        Command::Version(args) => version::run(&args, &cx.config.cluster).await,
    }
}

/// The problem as it is printed: what, why and the hint, each on lines of its own and harmless for a terminal.
fn problem_text(problem: &Problem) -> String {
    let mut text = String::new();
    for (label, part) in [
        ("error", &problem.what),
        ("  why", &problem.why),
        (" hint", &problem.hint),
    ] {
        for (number, line) in part.trim().lines().enumerate() {
            let label = if number == 0 {
                format!("{label}:")
            } else {
                " ".repeat(6)
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label} {}", sanitize(line.as_bytes()));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_problem_is_printed_in_aligned_lines_without_control_characters() {
        let problem = Problem::failed("it broke", "\nfirst\u{1b}[2J\nsecond").with_hint("mend it");
        assert_eq!(
            problem_text(&problem),
            "error: it broke\n  why: first\n       second\n hint: mend it"
        );
    }
}
