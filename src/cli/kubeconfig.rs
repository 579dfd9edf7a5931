//! `coracle kubeconfig ...`: the clusters' kubeconfigs printed, merged into a file, taken out of one.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Subcommand};

use super::{
    cluster::targets::Targets,
    context::Context,
    output::{note, print},
    signals::Signals,
};
use crate::{
    backend::Backends,
    domain::{Cluster, ClusterName, Problem, log::sanitize},
    ops::{
        self, kubeconfig,
        kubeconfig_file::{self, KubeconfigFiles},
    },
};

/// What to do with kubeconfigs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the clusters' kubeconfigs
    #[command(visible_aliases = ["print", "show"])]
    Get(Targets),
    /// Merge the clusters' kubeconfigs into a file and print its path
    #[command(visible_alias = "write")]
    Merge(Merge),
    /// Take the clusters' contexts out of the kubeconfig
    Remove(Remove),
}

/// The flags of a merge.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of k3d's")]
#[derive(Debug, clap::Args)]
pub struct Merge {
    #[command(flatten)]
    targets: Targets,
    /// The file to merge into; "-" prints [default: a file for each cluster in the settings' directory]
    #[arg(
        short,
        long,
        value_name = "FILE",
        conflicts_with = "kubeconfig_merge_default"
    )]
    output: Option<PathBuf>,
    /// Merge into the default kubeconfig
    #[arg(short = 'd', long)]
    kubeconfig_merge_default: bool,
    /// Make the cluster the file's current context
    #[arg(
        short = 's',
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        action = ArgAction::Set
    )]
    kubeconfig_switch_context: bool,
    /// Replace what the file says of the cluster; without, that is refused
    #[arg(
        short,
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        action = ArgAction::Set
    )]
    update: bool,
    /// Begin the file anew: everything else that is in it is lost
    #[arg(long, conflicts_with = "update")]
    overwrite: bool,
}

/// The flags of a removal.
#[derive(Debug, clap::Args)]
pub struct Remove {
    #[command(flatten)]
    targets: Targets,
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    match command {
        Command::Get(targets) => get(cx, &targets).await,
        Command::Merge(args) => merge(cx, &args).await,
        Command::Remove(args) => remove(cx, &args).await,
    }
}

/// The clusters that are meant; each has to be there.
async fn clusters(backends: &Backends, targets: &Targets) -> Result<Vec<Cluster>, Problem> {
    let world = ops::observe(backends).await?;
    let names = targets.resolve(backends).await?;
    names
        .iter()
        .map(|name| world.cluster(name).cloned())
        .collect()
}

async fn get(cx: &Context, targets: &Targets) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let mut texts = Vec::new();
    for cluster in clusters(&backends, targets).await? {
        let secret = kubeconfig::get(&backends, &cluster).await?;
        texts.push(secret.reveal().to_owned());
    }
    print(&texts.join("---\n"))
}

async fn merge(cx: &Context, args: &Merge) -> Result<(), Problem> {
    if args
        .output
        .as_ref()
        .is_some_and(|path| path.as_os_str() == "-")
    {
        return get(cx, &args.targets).await;
    }
    let backends = cx.backends().await?;
    // From here on a lock may be held: a signal must not leave it behind.
    let _signals = Signals::take()?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for cluster in clusters(&backends, &args.targets).await? {
        let files = match &args.output {
            Some(path) => KubeconfigFiles::new(vec![path.clone()]),
            None if args.kubeconfig_merge_default => cx.kubeconfig_files(),
            None => KubeconfigFiles::new(vec![own_file(cx, &cluster.name)?]),
        };
        let switch = args.kubeconfig_switch_context;
        let path = files.default_file().map(Path::to_owned);
        // Several clusters into one file: only the first begins it anew.
        let anew = path
            .as_ref()
            .filter(|path| args.overwrite && !paths.contains(path));
        if let Some(path) = anew {
            kubeconfig::overwrite(&backends, &cluster, path, switch).await?;
        } else {
            if !args.update {
                kubeconfig_file::check_unknown(&files, &cluster.context())?;
            }
            kubeconfig::merge(&backends, &cluster, &files, switch).await?;
        }
        paths.extend(path.filter(|path| !paths.contains(path)));
    }
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    // One value for KUBECONFIG, as k3d prints it.
    print(&format!("{}\n", paths.join(":")))
}

fn own_file(cx: &Context, cluster: &ClusterName) -> Result<PathBuf, Problem> {
    if cluster.in_file_name().is_none() {
        return Err(Problem::refused(
            format!(
                "there is no file for the kubeconfig of {:?}",
                sanitize(cluster.as_str().as_bytes())
            ),
            "the name of a file cannot be made of that cluster's name",
        )
        .with_hint("name a file with --output"));
    }
    let files = cx.kubeconfig_files().with_own_directory();
    files.own_file(cluster).ok_or_else(|| {
        Problem::failed(
            "there is no place for the kubeconfig",
            "no home directory is known",
        )
        .with_hint("name a file with --output")
    })
}

async fn remove(cx: &Context, args: &Remove) -> Result<(), Problem> {
    let files = cx.kubeconfig_files();
    // The entries of a cluster that is gone already are what there is most often to remove.
    let contexts: Vec<String> = if args.targets.all {
        let backends = cx.backends().await?;
        let all = ops::observe(&backends).await?.clusters;
        all.iter().map(Cluster::context).collect()
    } else {
        let names = args.targets.names.iter();
        names.map(|name| format!("k3d-{name}")).collect()
    };
    let _signals = Signals::take()?;
    for context in contexts {
        let word = if kubeconfig::remove(&files, &context).await? {
            "is removed"
        } else {
            "was not there"
        };
        note(&format!("context {context} {word}"));
    }
    Ok(())
}
