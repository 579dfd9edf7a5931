//! The person's kubeconfig files, changed as kubectl changes them: under its lock, atomically, and nothing but what is
//! asked for.

use std::path::PathBuf;

/// The kubeconfig files that count, in kubectl's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeconfigFiles(Vec<PathBuf>);

impl KubeconfigFiles {
    /// These files, the most important first.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self(paths)
    }

    /// None: nothing is read or written.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Those that `KUBECONFIG` lists, or else `~/.kube/config`.
    #[must_use]
    pub fn from_environment() -> Self {
        let listed: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
            .map(|list| {
                std::env::split_paths(&list)
                    .filter(|path| !path.as_os_str().is_empty())
                    .collect()
            })
            .unwrap_or_default();
        if listed.is_empty() {
            Self(
                etcetera::home_dir()
                    .map(|home| home.join(".kube").join("config"))
                    .into_iter()
                    .collect(),
            )
        } else {
            Self(listed)
        }
    }

    /// The files, in order.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}
