//! The contexts that kubeconfig files name, merged as kubectl merges them: what an earlier file says holds.

use std::path::PathBuf;

use kube::config::Kubeconfig;

use crate::domain::{Problem, kube::ContextInfo, log::sanitize};

/// The contexts of the files in their order, and what is wrong with a file. A broken file takes only itself away, one
/// that does not exist is no error.
#[must_use]
pub fn contexts(files: &[PathBuf]) -> (Vec<ContextInfo>, Vec<Problem>) {
    let (merged, problems) = merged(files);
    let current = merged.current_context.as_deref().unwrap_or_default();
    let server_of = |name: &str| {
        let cluster = merged
            .clusters
            .iter()
            .find(|cluster| cluster.name == name)?;
        cluster.cluster.as_ref()?.server.clone()
    };
    let list = merged
        .contexts
        .iter()
        .map(|context| ContextInfo {
            name: context.name.clone(),
            server: context
                .context
                .as_ref()
                .and_then(|context| server_of(&context.cluster))
                .map(|server| sanitize(server.as_bytes()))
                .unwrap_or_default(),
            current: context.name == current,
        })
        .collect();
    (list, problems)
}

/// The files as one.
pub(super) fn merged(files: &[PathBuf]) -> (Kubeconfig, Vec<Problem>) {
    let mut all = Kubeconfig::default();
    let mut problems = Vec::new();
    for path in files.iter().filter(|path| path.exists()) {
        match Kubeconfig::read_from(path)
            .map_err(|error| error.to_string())
            .and_then(|one| {
                let before = all.clone();
                before.merge(one).map_err(|error| error.to_string())
            }) {
            Ok(merged) => all = merged,
            Err(why) => {
                // The first line says where; those after it would quote the file.
                let why = sanitize(why.lines().next().unwrap_or_default().as_bytes());
                problems.push(
                    Problem::usage(format!("{} is not used", path.display()), why)
                        .with_hint("its contexts are left out until it can be read"),
                );
            }
        }
    }
    (all, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_takes_only_itself_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("a"), "clusters: [{name: c, cluster: {server: 'https://a'}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n").unwrap();
        std::fs::write(path("b"), "contexts: [").unwrap();
        std::fs::write(
            path("c"),
            "contexts: [{name: y, context: {cluster: c, user: u}}]\n",
        )
        .unwrap();
        let (list, problems) = contexts(&[path("a"), path("b"), path("missing"), path("c")]);
        let names: Vec<(&str, &str, bool)> = list
            .iter()
            .map(|c| (c.name.as_str(), c.server.as_str(), c.current))
            .collect();
        assert_eq!(names, [("x", "https://a", true), ("y", "https://a", false)]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].what.contains("/b "), "{}", problems[0]);
    }
}
