//! What a person's kubeconfig files name, read as kubectl merges them: the first file that names something wins.
//!
//! A file that cannot be read is a problem beside the others, never the end of them. Messages say the place, but never
//! quote the file, which holds credentials.

use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use crate::domain::{Problem, ProblemKind, kube::ContextInfo, log::sanitize};

/// All contexts of the files, in their order, and what is wrong with files that could not be read. Files that do not
/// exist are left out in silence, as kubectl does. Blocks for the disk.
#[must_use]
pub fn contexts(files: &[PathBuf]) -> (Vec<ContextInfo>, Vec<Problem>) {
    let (merged, problems) = merged(files);
    let current = merged.current_context.unwrap_or_default();
    let server_of = |name: &str| {
        let named = merged
            .clusters
            .iter()
            .find(|cluster| cluster.name == name)?;
        named.cluster.as_ref()?.server.clone()
    };
    let found = merged
        .contexts
        .iter()
        .filter_map(|named| {
            let context = named.context.as_ref()?;
            let cluster = &context.cluster;
            Some(ContextInfo {
                // The name also leads back to the entry, so it stays as it is; those who show it make it harmless.
                name: named.name.clone(),
                server: sanitize(server_of(cluster).unwrap_or_default().as_bytes()),
                namespace: context.namespace.clone().unwrap_or_default(),
                current: named.name == current,
            })
        })
        .collect();
    (found, problems)
}

/// The files as one, and what is wrong with those that could not be read.
pub(super) fn merged(files: &[PathBuf]) -> (Kubeconfig, Vec<Problem>) {
    let mut all = Kubeconfig::default();
    let mut problems = Vec::new();
    for file in files {
        let read = match Kubeconfig::read_from(file) {
            Err(KubeconfigError::ReadConfig(error, _))
                if error.kind() == std::io::ErrorKind::NotFound =>
            {
                continue;
            }
            read => read,
        };
        match read {
            Ok(mut next) => {
                // These say nothing about access, and a difference would keep kube from merging.
                (next.kind, next.api_version) = (None, None);
                // An empty text is no choice: files without a current context are often written with one.
                next.current_context = next.current_context.filter(|name| !name.is_empty());
                match all.clone().merge(next) {
                    Ok(merged) => all = merged,
                    Err(error) => problems.push(broken(file, &error)),
                }
            }
            Err(error) => problems.push(broken(file, &error)),
        }
    }
    (all, problems)
}

fn broken(file: &Path, error: &KubeconfigError) -> Problem {
    let why = match error {
        KubeconfigError::Parse(error) => {
            let place = error.location().map_or_else(String::new, |at| {
                format!("line {}, column {}: ", at.line(), at.column())
            });
            format!("{place}it is not the YAML of a kubeconfig")
        }
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        other => other.to_string(),
    };
    Problem::new(
        ProblemKind::Usage,
        format!("{} was left out", file.display()),
        sanitize(why.as_bytes()),
    )
    .with_hint("correct the file, or take it out of KUBECONFIG; the other files are in use")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, server: &str, current: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {current:?}\n\
             clusters:\n- name: {name}\n  cluster: {{server: {server:?}}}\n\
             users:\n- name: {name}\n  user: {{token: hunter2}}\n\
             contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {name}}}\n"
        )
    }

    #[test]
    fn the_first_file_wins_and_a_broken_one_does_not_hide_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = [
            file("empty", ""),
            file("a", &config("one", "https://127.0.0.1:1", "")),
            file(
                "broken",
                "clusters:\n- name: x\n  cluster: {token: hunter2\n: ][",
            ),
            folder.path().join("missing"),
            file("b", &config("two", "https://127.0.0.1:2", "two")),
            file("c", &config("one", "https://127.0.0.1:3", "one")),
        ];
        let (found, problems) = contexts(&files);
        let shown: Vec<_> = found
            .iter()
            .map(|context| {
                (
                    context.name.as_str(),
                    context.server.as_str(),
                    context.current,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("one", "https://127.0.0.1:1", false),
                ("two", "https://127.0.0.1:2", true),
            ]
        );
        assert_eq!(problems.len(), 1);
        let text = format!("{:?}", problems[0]);
        assert!(text.contains("broken") && text.contains("line "), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
