//! Finds and reads the configuration files: the one that is named, or the user's and the project's.

use std::{
    io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;

use crate::{
    config::{self, Config, Names, Source},
    domain::Problem,
};

/// The name of the project's file.
const PROJECT_FILE: &str = ".tui.toml";

/// The configuration of this process, and what in it was not understood. `only` is the one file to read; without it the user's is read, and then the project's, whose keys go before.
#[must_use]
pub fn read(only: Option<&Path>, names: Names<'_>) -> (Config, Vec<Problem>) {
    let mut problems = Vec::new();
    let paths: Vec<PathBuf> = match only {
        Some(path) => vec![path.to_owned()],
        None => user_file().into_iter().chain(project_file()).collect(),
    };
    let mut sources = Vec::new();
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(text) => sources.push(Source {
                path: path.display().to_string(),
                text,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && only.is_none() => {}
            Err(error) => problems.push(
                Problem::usage(
                    format!("{} cannot be read", path.display()),
                    error.to_string(),
                )
                .with_hint("nothing of this file is used"),
            ),
        }
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (config, more) = config::load(&sources, environment, names);
    problems.extend(more);
    (config, problems)
}

/// `$XDG_CONFIG_HOME/coracle/tui.toml`.
fn user_file() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("coracle/tui.toml"))
}

fn project_file() -> Option<PathBuf> {
    let directory = std::env::current_dir().ok()?;
    let home = std::env::home_dir();
    project_directories(&directory, home.as_deref(), |at| at.join(".git").exists())
        .into_iter()
        .map(|at| at.join(PROJECT_FILE))
        .find(|path| path.is_file())
}

/// The directories in which the project's file may be, the nearest first: upward to the top of the repository, or to
/// the home directory. Where there is neither above, only the directory itself: what is in `/tmp` or in the root
/// directory may be anybody's.
fn project_directories<'a>(
    directory: &'a Path,
    home: Option<&Path>,
    is_top: impl Fn(&Path) -> bool,
) -> Vec<&'a Path> {
    let mut directories = Vec::new();
    for at in directory.ancestors() {
        directories.push(at);
        if is_top(at) || Some(at) == home {
            return directories;
        }
    }
    directories.truncate(1);
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_s_file_is_looked_for_up_to_the_top_of_the_project() {
        let home = Some(Path::new("/home/me"));
        let look = |directory: &str, top: &str| -> Vec<String> {
            let top = PathBuf::from(top);
            project_directories(Path::new(directory), home, |at| at == top)
                .iter()
                .map(|at| at.display().to_string())
                .collect()
        };
        assert_eq!(
            look("/home/me/p/src", "/home/me/p"),
            ["/home/me/p/src", "/home/me/p"]
        );
        assert_eq!(
            look("/home/me/x/y", "none"),
            ["/home/me/x/y", "/home/me/x", "/home/me"]
        );
        assert_eq!(look("/tmp/a/b", "none"), ["/tmp/a/b"]);
    }
}
