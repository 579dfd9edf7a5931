//! Commands that somebody else wrote: `coracle hello world` runs a program `coracle-hello-world`, `k3d-hello-world`,
//! `coracle-hello` or `k3d-hello` of the PATH, as k3d runs its plugins, where there is no such command.

use std::{
    ffi::OsString,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use crate::domain::Problem;

/// What a plugin's name begins with, in order of preference.
const PREFIXES: [&str; 2] = ["coracle", "k3d"];

/// Becomes the plugin that the arguments name; the first of them is this program's name. Returns where there is none.
///
/// # Errors
/// When there is one that cannot be run.
pub fn become_one(arguments: &[OsString]) -> Result<(), Problem> {
    let directories: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|list| std::env::split_paths(&list).collect())
        .unwrap_or_default();
    let Some((path, rest)) = find(&directories, arguments.get(1..).unwrap_or_default()) else {
        return Ok(());
    };
    let error = Command::new(&path).args(rest).exec();
    Err(Problem::failed(
        format!("{} was not run", path.display()),
        error.to_string(),
    ))
}

/// The plugin of the longest name that the words before the first flag make up, and the arguments that are left.
fn find<'a>(
    directories: &[PathBuf],
    arguments: &'a [OsString],
) -> Option<(PathBuf, &'a [OsString])> {
    // A path in a name would lead out of the directories.
    let is_word = |argument: &&OsString| {
        let text = argument.to_string_lossy();
        !text.starts_with('-') && !text.contains('/')
    };
    let words = arguments.iter().take_while(is_word).count();
    (1..=words).rev().find_map(|count| {
        let (name, rest) = arguments.split_at(count);
        let name = name.join(&OsString::from("-"));
        PREFIXES.iter().find_map(|prefix| {
            let mut file = OsString::from(format!("{prefix}-"));
            file.push(&name);
            let mut places = directories.iter().map(|directory| directory.join(&file));
            Some((places.find(|path| is_program(path))?, rest))
        })
    })
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_longest_name_counts_and_flags_and_paths_are_no_part_of_one() {
        let home = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32| {
            let path = home.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        make("k3d-hello", 0o755);
        make("k3d-hello-world", 0o755);
        make("coracle-hello", 0o644);
        let directories = [home.path().to_owned()];
        let found = |line: &str| {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            let (path, rest) = find(&directories, &words)?;
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, rest.len()))
        };
        assert_eq!(
            found("hello world -x"),
            Some(("k3d-hello-world".to_owned(), 1))
        );
        assert_eq!(found("hello you"), Some(("k3d-hello".to_owned(), 1)));
        assert_eq!(found("-x hello"), None);
        assert_eq!(found("../hello"), None);
        assert_eq!(found("bye"), None);
    }
}
