//! Files of this machine that belonged to a cluster, removed.

use std::{fs, io, path::Path};

use super::Effect;
use crate::{domain::Problem, ops::kubeconfig::in_background};

/// What a directory with the files of a node holds; nothing else is removed with it.
const NODE_FILES: &[&str] = &["meminfo"];
const NODE_DIRECTORIES: &[&str] = &["edac"];

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
