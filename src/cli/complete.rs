//! What a shell is offered when somebody presses tab: commands and flags from the command line itself, and names from the
//! world: clusters, nodes, contexts, namespaces. The shell calls the program again with what was typed so far; whoever
//! does not answer within a moment has no names.
//!
//! Which argument is a name of what is told by its long flag or, for arguments without one, by the command that it belongs
//! to, so that a new command need not say it.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Arg, Command, CommandFactory};
use clap_complete::{
    engine::{ArgValueCompleter, CompletionCandidate},
    env::{CompleteEnv, Shells},
};

use serde_json::Value;

use super::args::CommandLine;
use crate::{
    backend::{KubeConnect as _, KubeTarget, kubernetes},
    domain::{Problem, log::sanitize},
    ops::{
        World,
        kubeconfig_file::KubeconfigFiles,
        observe,
        open::{self, Where},
    },
    resources::unlisted,
};

/// The variable by which a script asks for completions; its value is the shell.
const VARIABLE: &str = "CORACLE_COMPLETE";

/// How long somebody who pressed tab is let wait for an engine or an API.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an argument is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Cluster,
    Node,
    Context,
    Namespace,
}

/// Answers a shell that asks for completions; whether one did. Nothing may have been printed before.
pub fn answered() -> bool {
    let here = std::env::current_dir().ok();
    CompleteEnv::with_factory(command)
        .var(VARIABLE)
        .try_complete(std::env::args_os(), here.as_deref())
        .unwrap_or_else(|error| error.exit())
}

/// The script by which a shell asks.
///
/// # Errors
/// When there is no such shell.
pub fn script(shell: &str) -> Result<String, Problem> {
    let refuse =
        |why: String| Problem::usage(format!("there is no completion script for {shell:?}"), why);
    let shells = Shells::builtins();
    let completer = shells
        .completer(shell)
        .ok_or_else(|| refuse("the shell is not known".to_owned()))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "coracle", "coracle", "coracle", &mut script)
        .map_err(|error: io::Error| refuse(error.to_string()))?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// The command line with names at their arguments.
fn command() -> Command {
    with_names(CommandLine::command(), Path::new(""))
}

fn with_names(command: Command, above: &Path) -> Command {
    let path = above.join(command.get_name());
    let own = path.clone();
    command
        .mut_args(move |arg| match named(&own, &arg) {
            Some(what) => arg.add(ArgValueCompleter::new(move |typed: &OsStr| {
                candidates(what, typed)
            })),
            None => arg,
        })
        .mut_subcommands(move |inner| with_names(inner, &path))
}

/// What an argument of a command is the name of. A path is that of the command: `coracle/cluster/delete`.
fn named(command: &Path, arg: &Arg) -> Option<Named> {
    match arg.get_long() {
        Some("context") => return Some(Named::Context),
        Some("namespace") => return Some(Named::Namespace),
        Some("cluster") => return Some(Named::Cluster),
        _ if arg.is_positional() => {}
        _ => return None,
    }
    let words: Vec<&str> = command.iter().filter_map(OsStr::to_str).skip(1).collect();
    match words[..] {
        // What is created has a name that nothing has yet.
        [_, "create"] => None,
        ["cluster" | "kubeconfig", _] => Some(Named::Cluster),
        ["node", _] => Some(Named::Node),
        _ => None,
    }
}

fn candidates(what: Named, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_str().unwrap_or_default();
    let files = KubeconfigFiles::from_environment().paths().to_vec();
    let names = match what {
        Named::Context => {
            let (contexts, _) = kubernetes::contexts(&files);
            contexts.into_iter().map(|context| context.name).collect()
        }
        Named::Cluster => asked(clusters()),
        Named::Node => asked(nodes()),
        Named::Namespace => asked(namespaces(files)),
    };
    offered(names, typed)
}

/// Those that begin with what was typed, and that a shell can be given: a name is a stranger's text.
fn offered(mut names: Vec<String>, typed: &str) -> Vec<CompletionCandidate> {
    names.retain(|name| name.starts_with(typed) && sanitize(name.as_bytes()) == **name);
    names.sort();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Asks, for a moment. Whoever does not answer has no names.
fn asked(names: impl Future<Output = Result<Vec<String>, Problem>>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return Vec::new();
    };
    let names = runtime.block_on(async { tokio::time::timeout(PATIENCE, names).await });
    runtime.shutdown_background();
    names.ok().and_then(Result::ok).unwrap_or_default()
}

async fn world() -> Result<World, Problem> {
    let backends = open::open(&Where::default()).await?.backends()?;
    observe(&backends).await
}

async fn clusters() -> Result<Vec<String>, Problem> {
    let world = world().await?;
    let names = world.clusters.iter().map(|one| one.name.to_string());
    Ok(names.collect())
}

async fn nodes() -> Result<Vec<String>, Problem> {
    let world = world().await?;
    let nodes = world.clusters.iter().flat_map(|cluster| &cluster.nodes);
    let nodes = nodes.filter(|node| node.role.is_kubernetes());
    Ok(nodes.map(|node| node.name.clone()).collect())
}

async fn namespaces(files: Vec<PathBuf>) -> Result<Vec<String>, Problem> {
    let (contexts, _) = kubernetes::contexts(&files);
    let Some(current) = contexts.into_iter().find(|context| context.current) else {
        return Ok(Vec::new());
    };
    let target = KubeTarget::Context {
        files,
        name: current.name,
    };
    let api = kubernetes::Connector.connect(&target).await?;
    let objects = api.list(&unlisted::NAMESPACES, "", "").await?;
    let name = |object: &Value| Some(object["metadata"]["name"].as_str()?.to_owned());
    Ok(objects.iter().filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, id: &str) -> Option<Named> {
        let mut command = CommandLine::command();
        command.build();
        let mut place = Path::new("").join("coracle");
        for word in path.split(' ').filter(|word| !word.is_empty()) {
            command = command.find_subcommand(word).unwrap().clone();
            place = place.join(word);
        }
        let arg = command.get_arguments().find(|arg| arg.get_id() == id);
        named(&place, arg.unwrap_or_else(|| panic!("{path} has no {id}")))
    }

    #[test]
    fn names_are_offered_where_they_belong() {
        for (path, id, what) in [
            ("", "context", Some(Named::Context)),
            ("logs", "namespace", Some(Named::Namespace)),
            ("forward", "namespace", Some(Named::Namespace)),
            ("forward", "target", None),
            ("image import", "cluster", Some(Named::Cluster)),
            ("cluster create", "name", None),
            ("cluster create", "image", None),
        ] {
            assert_eq!(at(path, id), what, "{path} {id}");
        }
        for verb in [
            "delete", "stop", "start", "restart", "scale", "finish", "edit",
        ] {
            let mut command = CommandLine::command();
            command.build();
            let cluster = command.find_subcommand("cluster").unwrap();
            let verb = cluster.find_subcommand(verb).unwrap();
            let place = Path::new("coracle/cluster").join(verb.get_name());
            let names = verb
                .get_positionals()
                .filter(|arg| named(&place, arg) == Some(Named::Cluster));
            assert!(names.count() > 0, "{}", verb.get_name());
        }
    }

    #[test]
    fn what_a_shell_cannot_be_given_is_not_offered() {
        let names = ["demo", "dev", "de\u{1b}[2Jv", "prod", "demo"];
        let offered = offered(names.map(str::to_owned).to_vec(), "de");
        let values: Vec<_> = offered
            .iter()
            .map(|one| one.get_value().to_owned())
            .collect();
        assert_eq!(values, ["demo", "dev"]);
    }
}
