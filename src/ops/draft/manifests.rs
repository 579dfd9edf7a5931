//! Manifests: files of this machine that k3s keeps deployed.

use std::{fs, io, path::Path};

use super::{FILE_MODE, contents, said};
use crate::{
    distro::k3s::volumes::MANIFESTS,
    domain::{ForNodes, NodeFilter, Problem, Role, container::FileEntry},
};

/// What k3s takes for a manifest.
const ENDINGS: &[&str] = &["yaml", "yml", "json"];

/// Files of k3s's own in that folder, which it writes at every start.
const OF_K3S: &[&str] = &[
    "ccm.yaml",
    "coredns.yaml",
    "local-storage.yaml",
    "rolebindings.yaml",
    "runtimes.yaml",
    "traefik.yaml",
];

/// How deep folders are looked into; links in them could go round in circles.
const DEEPEST: usize = 8;

/// The manifests at a path: a file, or all of a folder and those in it.
///
/// # Errors
/// Where there is none, or one cannot be read.
pub fn read(path: &Path) -> Result<Vec<ForNodes<FileEntry>>, Problem> {
    let mut files = Vec::new();
    if is_folder(path)? {
        folder(path, "", DEEPEST, &mut files)?;
    } else {
        check(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files.push(file(path, &name)?);
    }
    if files.is_empty() {
        let why = format!("nothing in it ends in {}", ENDINGS.join(", "));
        return Err(refuse(path, why));
    }
    Ok(files)
}

/// Refuses a file that k3s would not deploy.
pub(super) fn check(path: &Path) -> Result<(), Problem> {
    if is_manifest(path) {
        return Ok(());
    }
    let why = format!("k3s takes files that end in {}", ENDINGS.join(", "));
    Err(refuse(path, why))
}

fn refuse(path: &Path, why: impl Into<String>) -> Problem {
    Problem::usage(format!("{} is not deployed", path.display()), why)
}

/// Whether it is a folder.
pub(super) fn is_folder(path: &Path) -> Result<bool, Problem> {
    let seen = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    Ok(seen.is_dir())
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    refuse(path, said(error))
}

fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

fn folder(
    path: &Path,
    under: &str,
    deep: usize,
    files: &mut Vec<ForNodes<FileEntry>>,
) -> Result<(), Problem> {
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(path, &error))?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{under}{name}");
        if is_folder(&path)? {
            if deep > 0 {
                folder(&path, &format!("{name}/"), deep - 1, files)?;
            }
        } else if is_manifest(&path) {
            files.push(file(&path, &name)?);
        }
    }
    Ok(())
}

fn file(path: &Path, name: &str) -> Result<ForNodes<FileEntry>, Problem> {
    if OF_K3S.contains(&name) {
        let why = format!("k3s writes a {name} of its own over it");
        return Err(refuse(path, why).with_hint("give the file another name"));
    }
    Ok(ForNodes {
        value: FileEntry {
            path: format!("{MANIFESTS}/{name}"),
            mode: FILE_MODE,
            contents: contents(path)?,
        },
        nodes: vec![NodeFilter::role(Role::Server)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_all_of_a_folder_go_to_the_servers() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("more/deep")).unwrap();
        for name in ["a.yaml", "b.txt", "more/c.yml", "more/deep/d.json"] {
            fs::write(at(name), name).unwrap();
        }
        let paths = |found: Vec<ForNodes<FileEntry>>| {
            let all = found.into_iter().map(|item| {
                assert!(item.is_for(Role::Server, 2) && !item.is_for(Role::Agent, 0));
                item.value.path.replace(MANIFESTS, "")
            });
            all.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(paths(read(&at("a.yaml")).unwrap()), "/a.yaml");
        assert_eq!(
            paths(read(place.path()).unwrap()),
            "/a.yaml /more/c.yml /more/deep/d.json"
        );
        fs::write(at("coredns.yaml"), "").unwrap();
        fs::create_dir(at("empty")).unwrap();
        for name in ["coredns.yaml", "b.txt", "nothing.yaml", "empty", "."] {
            assert!(read(&at(name)).is_err(), "{name}");
        }
    }
}
