//! k3d's config file on the command line: read with the variables that stand over it, and what it leaves to other files.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::targets::DEFAULT_NAME;
use crate::{
    cli::{config::file, flags, output::note},
    config::k3d::{self, Simple, Source},
    domain::{ClusterName, ClusterSpec, Problem, spec::WaitFor},
    ops::draft::Here,
};

/// A file with the variables over it; without a file, the variables alone.
#[derive(Debug, Default)]
pub struct FromFile {
    /// What it says.
    pub simple: Simple,
    /// The folder that it lies in.
    folder: PathBuf,
    /// Whether nodes get k3d's fix for DNS, where a variable says so.
    dns_fix: Option<bool>,
}

/// A variable of this process.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads the file, if one is named. What a person should know about it goes to stderr.
///
/// # Errors
/// Where it cannot be read, or a variable has a value that its key does not take.
pub fn read(
    path: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<FromFile, Problem> {
    let mut read = FromFile::default();
    if let Some(path) = path {
        let text = file::read(path)?;
        let document = k3d::read(&file::called(path), &text, env)?;
        for warning in &document.warnings {
            note(&format!("warning: {warning}"));
        }
        read.simple = document.simple;
        read.folder = path.parent().map(Path::to_owned).unwrap_or_default();
    }
    read.simple.overlay(env)?;
    if let Some(text) = env("K3D_FIX_DNS").filter(|text| !text.is_empty()) {
        read.dns_fix = Some(k3d::switch(&text).ok_or_else(|| {
            Problem::usage(
                "the variable K3D_FIX_DNS is not understood",
                format!("{text:?} is not true or false"),
            )
        })?);
    }
    Ok(read)
}

impl FromFile {
    /// The specification with what the file says over it.
    ///
    /// # Errors
    /// Where a value cannot be read, or a file that is named in it.
    pub fn over(&self, base: ClusterSpec) -> Result<ClusterSpec, Problem> {
        let mut spec = self.simple.over(base, &|source| match source {
            Source::File(path) => file::bytes(&self.folder.join(path)),
            // As with k3d it is seen from here; beside the file is where else a person would put it.
            Source::Registries(path) => match file::bytes(Path::new(path)) {
                Ok(bytes) => Ok(bytes),
                Err(problem) => file::bytes(&self.folder.join(path)).map_err(|_| problem),
            },
        })?;
        // Its paths begin beside it, as those of its files do; k3d takes none of this kind.
        let here = Here::now();
        let beside = Here {
            folder: here.folder.map(|folder| folder.join(&self.folder)),
            home: here.home,
        };
        for item in &mut spec.volumes {
            item.value = beside.volume(&item.value)?;
        }
        spec.dns_fix = self.dns_fix.unwrap_or(spec.dns_fix);
        Ok(spec)
    }

    /// The cluster that it is about.
    ///
    /// # Errors
    /// Where that is no name of a cluster.
    pub fn name(&self) -> Result<ClusterName, Problem> {
        ClusterName::parse(self.simple.metadata.name.as_deref().unwrap_or(DEFAULT_NAME))
    }

    /// What "done" means, where it says so.
    #[must_use]
    pub fn wait(&self) -> Option<WaitFor> {
        self.simple.options.k3d.wait.map(|wait| {
            if wait {
                WaitFor::Usable
            } else {
                WaitFor::Nothing
            }
        })
    }

    /// The longest that the whole may take, where it says so.
    ///
    /// # Errors
    /// Where that is no duration.
    pub fn timeout(&self) -> Result<Option<Duration>, Problem> {
        let text = self.simple.options.k3d.timeout.as_deref();
        text.filter(|text| !text.is_empty())
            .map(|text| {
                flags::timeout(text)
                    .map_err(|why| Problem::usage("options.k3d.timeout is not understood", why))
            })
            .transpose()
    }

    /// Whether what was made is taken away again if it fails.
    #[must_use]
    pub fn rollback(&self) -> bool {
        self.simple.options.k3d.disable_rollback != Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClusterDefaults;

    #[test]
    fn paths_in_a_file_begin_beside_it_and_names_of_volumes_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k3d.yaml");
        std::fs::write(
            &path,
            "apiVersion: k3d.io/v1alpha5\nkind: Simple\nvolumes:\n- volume: ./data:/data\n- volume: data:/named\n",
        )
        .unwrap();
        let file = read(Some(&path), &|_| None).unwrap();
        let name = ClusterName::parse("demo").unwrap();
        let spec = file.over(ClusterDefaults::default().spec(name)).unwrap();
        let found: Vec<&str> = spec.volumes.iter().map(|one| one.value.as_str()).collect();
        let beside = format!("{}:/data", folder.path().join("data").display());
        assert_eq!(found, [beside.as_str(), "data:/named"]);
    }
}
