//! Files of this machine that belonged to a cluster, removed.

use std::{fs, io, path::Path};

use super::Effect;
use crate::{
    domain::Problem,
    ops::{kubeconfig::in_background, kubeconfig_file::KubeconfigFiles},
};

/// What a directory with the files of a node holds; nothing else is removed with it.
const NODE_FILES: &[&str] = &["meminfo"];
const NODE_DIRECTORIES: &[&str] = &["edac"];

/// Removes what k3d mounted into a node that is gone. The node is what counts: a file that stays is found by prune.
pub(super) async fn forget_node(files: &KubeconfigFiles, container: &str) {
    // An engine allows no separator in a name, but it is the engine that says so.
    if !container.starts_with("k3d-") || container.contains(['/', '\\', '\0']) {
        return;
    }
    for directory in files.directories() {
        let path = directory.join(format!(".{container}"));
        if let Some(path) = path.to_str()
            && let Err(problem) = remove(path).await
        {
            tracing::warn!("{problem}");
        }
    }
}

pub(super) async fn remove(path: &str) -> Result<Effect, Problem> {
    let path = path.to_owned();
    in_background(move || match gone(Path::new(&path)) {
        Ok(()) => Ok(Effect::Changed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Effect::Nothing),
        Err(error) => Err(Problem::failed(
            format!("{path} was not removed"),
            error.to_string(),
        )),
    })
    .await
}

fn gone(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    let absent = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    for name in NODE_FILES {
        absent(fs::remove_file(path.join(name)))?;
    }
    for name in NODE_DIRECTORIES {
        absent(fs::remove_dir(path.join(name)))?;
    }
    fs::remove_dir(path)
}
