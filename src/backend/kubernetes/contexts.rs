//! What a person's kubeconfig files name, read as kubectl merges them: the first file that names something wins.
//!
//! A file that cannot be read is a problem beside the others, never the end of them. Messages say the place, but never
//! quote the file, which holds credentials.

use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    config::kubeconfig,
    domain::{Problem, ProblemKind, kube::ContextInfo, log::sanitize},
};

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
            // One odd entry among good ones is mostly why; the others are as good as ever.
            Err(KubeconfigError::Parse(error)) => match entry_by_entry(file) {
                Some((read, odd)) => {
                    problems.extend(odd);
                    Ok(read)
                }
                None => Err(KubeconfigError::Parse(error)),
            },
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

/// A file that is YAML but not a kubeconfig in every part: what kubectl would use of it, and what is wrong with the rest.
fn entry_by_entry(file: &Path) -> Option<(Kubeconfig, Vec<Problem>)> {
    let mut whole = kubeconfig::read(&std::fs::read_to_string(file).ok()?).ok()?;
    let fields = whole.as_object_mut()?;
    let directory = file.parent().unwrap_or_else(|| Path::new(""));
    let mut problems = Vec::new();
    let mut kept = Kubeconfig {
        current_context: fields
            .get("current-context")
            .and_then(Value::as_str)
            .map(str::to_owned),
        ..Kubeconfig::default()
    };
    let mut odd = |list: &str, place: usize, name: &str| {
        let which = if name.is_empty() {
            format!("entry {}", place + 1)
        } else {
            format!("{:?}", sanitize(name.as_bytes()))
        };
        problems.push(
            Problem::new(
                ProblemKind::Usage,
                format!("{which} of {list} in {} was left out", file.display()),
                "it is not what a kubeconfig has there: a field is missing or of another kind",
            )
            .with_hint("correct it or take it out; the other entries are in use"),
        );
    };
    kept.clusters = good(fields.remove("clusters"), "clusters", directory, &mut odd)?;
    kept.auth_infos = good(fields.remove("users"), "users", directory, &mut odd)?;
    kept.contexts = good(fields.remove("contexts"), "contexts", directory, &mut odd)?;
    Some((kept, problems))
}

/// The entries of a list that can be used.
fn good<T: DeserializeOwned>(
    list: Option<Value>,
    of: &str,
    directory: &Path,
    odd: &mut impl FnMut(&str, usize, &str),
) -> Option<Vec<T>> {
    let entries = match list {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return None,
    };
    let mut kept = Vec::new();
    for (place, mut entry) in entries.into_iter().enumerate() {
        let name = entry["name"].as_str().unwrap_or_default().to_owned();
        absolute(&mut entry, directory);
        match serde_json::from_value(entry) {
            Ok(entry) => kept.push(entry),
            Err(_) => odd(of, place, &name),
        }
    }
    Some(kept)
}

/// Makes what an entry says of files count from the directory of its own file, as kubectl does.
fn absolute(entry: &mut Value, directory: &Path) {
    let mut resolve = |pointer: &str, always: bool| {
        let Some(Value::String(path)) = entry.pointer_mut(pointer) else {
            return;
        };
        // A command without a separator is looked for in PATH.
        if !path.is_empty() && (always || path.contains(std::path::MAIN_SEPARATOR)) {
            *path = directory.join(&*path).to_string_lossy().into_owned();
        }
    };
    for field in [
        "/cluster/certificate-authority",
        "/user/client-certificate",
        "/user/client-key",
        "/user/tokenFile",
    ] {
        resolve(field, true);
    }
    resolve("/user/exec/command", false);
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

    #[test]
    fn an_odd_entry_is_named_and_the_others_are_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let good = "current-context: good\n\
                    clusters:\n- name: c\n  cluster: {server: 'https://h', certificate-authority: ca.pem}\n\
                    users:\n- {name: u, user: {tokenFile: tokens/u}}\n";
        let contexts = "contexts:\n- {name: good, context: {cluster: c, user: u}}\n";
        for (odd, named) in [
            ("kind: Config\nkind: Config\n", None),
            (
                "- name: twice\n  context:\n    cluster: c\n    namespace: a\n    namespace: b\n",
                None,
            ),
            (
                "- {name: draft, context: {user: hunter2}}\n",
                Some("\"draft\" of contexts"),
            ),
            (
                "- {context: {user: hunter2}}\n",
                Some("entry 2 of contexts"),
            ),
            ("- [hunter2]\n", Some("entry 2 of contexts")),
        ] {
            std::fs::write(&path, format!("{good}{contexts}{odd}")).unwrap();
            let (merged, problems) = merged(std::slice::from_ref(&path));
            let found = merged.contexts.iter().find(|named| named.name == "good");
            assert_eq!(
                found.unwrap().context.as_ref().unwrap().cluster,
                "c",
                "{odd}"
            );
            assert_eq!(merged.current_context.as_deref(), Some("good"));
            // Files count from the directory of the one that names them.
            let cluster = merged.clusters[0].cluster.as_ref().unwrap();
            let authority = folder.path().join("ca.pem");
            assert_eq!(cluster.certificate_authority.as_deref(), authority.to_str());
            let user = merged.auth_infos[0].auth_info.as_ref().unwrap();
            let token = folder.path().join("tokens/u");
            assert_eq!(user.token_file.as_deref(), token.to_str());
            let said = format!("{problems:?}");
            assert!(!said.contains("hunter2"), "{said}");
            match named {
                None => assert!(problems.is_empty(), "{said}"),
                Some(named) => assert!(problems[0].what.contains(named), "{said}"),
            }
        }
    }
}
