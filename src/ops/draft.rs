//! A cluster as a person asks for it, with what is still to be fetched before it can be planned: the contents of files
//! of this machine that are named by their paths, and the image that a channel of k3s has.

mod manifests;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{Wish, node_image};
use crate::{
    distro::k3s::{channels, volumes::Mount},
    domain::{ClusterSpec, ForNodes, Problem, container::FileEntry},
    plan::{self, Kubeconfig},
};

/// More than this is no manifest and no configuration, in bytes; the datastore takes less.
const LARGEST: u64 = 4 << 20;

/// The mode of files that are put into nodes, as k3d's.
const FILE_MODE: u32 = 0o644;

/// A cluster that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is to be like, as far as no file says it.
    pub spec: ClusterSpec,
    /// What happens to the default kubeconfig.
    pub kubeconfig: Kubeconfig,
    /// What files say.
    pub files: LocalFiles,
}

/// Files of this machine that a cluster is to have the contents of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalFiles {
    /// A `registries.yaml` of k3s.
    pub registries: Option<PathBuf>,
    /// Manifests for k3s to deploy, and folders of them.
    pub manifests: Vec<PathBuf>,
    /// What is put into containers.
    pub others: Vec<ForNodes<LocalFile>>,
}

/// A file that is put into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is on this machine.
    pub source: PathBuf,
    /// Where it is put: an absolute path, or one that begins with a word of k3d's.
    pub target: String,
}

/// Where paths begin that a person writes without their beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Here {
    /// The current folder, if there is one.
    pub folder: Option<PathBuf>,
    /// The person's own folder, for which `~` stands.
    pub home: Option<PathBuf>,
}

impl Here {
    /// Where this process is.
    #[must_use]
    pub fn now() -> Self {
        Self {
            folder: std::env::current_dir().ok(),
            home: etcetera::home_dir().ok(),
        }
    }

    /// A path of this machine, from its root on.
    ///
    /// # Errors
    /// Where it does not begin there, and nobody knows where it begins.
    pub fn path(&self, text: &str) -> Result<PathBuf, Problem> {
        let (begin, rest) = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                (&self.home, rest.trim_start_matches('/'))
            }
            _ if text.starts_with('/') => return Ok(PathBuf::from(text)),
            _ => (&self.folder, text),
        };
        let begin = begin.as_ref().ok_or_else(|| {
            Problem::usage(
                format!("nobody knows where {text:?} is"),
                "the folder that it begins in is gone",
            )
        })?;
        // Without the dots that stand for the folder itself.
        Ok(begin.join(rest).components().collect())
    }

    /// A mount, `[SOURCE:]TARGET[:OPTIONS][@FILTER]`, whose source is a path from the root on or the name of a volume. One
    /// that begins with a dot is seen from the current folder, as with Docker.
    ///
    /// # Errors
    /// Where it is no mount.
    pub fn mount(&self, text: &str) -> Result<ForNodes<String>, Problem> {
        let item = ForNodes::parse(text)?;
        Ok(ForNodes {
            value: self.volume(&item.value)?,
            nodes: item.nodes,
        })
    }

    /// What is said of a mount whose source is the name of a volume and that of a file here as well: a file is meant by
    /// most people who write it, but only a path means one.
    #[must_use]
    pub fn mistakable(&self, mount: &str) -> Option<String> {
        let mount = Mount::parse(mount).ok()?;
        let name = mount.volume()?;
        let there = self.folder.as_ref()?.join(name).exists();
        there.then(|| {
            format!(
                "{mount} mounts a volume named {name:?}; for what lies here under that name write ./{mount}"
            )
        })
    }

    /// The same for one container, without a filter.
    ///
    /// # Errors
    /// Where it is no mount.
    pub fn volume(&self, text: &str) -> Result<String, Problem> {
        let mut mount = Mount::parse(text)?;
        let is_path = |source: &&mut String| source.starts_with('.') || source.starts_with('~');
        if let Some(source) = mount.source.as_mut().filter(is_path) {
            *source = self.path(source)?.display().to_string();
        }
        Ok(mount.to_string())
    }

    /// A file that is put into containers, `SOURCE:TARGET[@FILTER]`.
    ///
    /// # Errors
    /// Where one of the two is not there.
    pub fn file(&self, text: &str) -> Result<ForNodes<LocalFile>, Problem> {
        let item = ForNodes::parse(text)?;
        match item.value.split_once(':') {
            Some((source, target)) if !source.is_empty() && !target.is_empty() => Ok(ForNodes {
                value: LocalFile {
                    source: self.path(source)?,
                    target: target.to_owned(),
                },
                nodes: item.nodes,
            }),
            _ => Err(Problem::usage(
                format!("{text:?} does not say what is put where"),
                "write SOURCE:TARGET[@NODES], such as ./motd:/etc/motd@server:*",
            )),
        }
    }
}

impl LocalFiles {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Looks whether they are there, without reading them: what a form can ask for at every letter.
    ///
    /// # Errors
    /// Where one is not, or is not what it should be.
    pub fn look(&self) -> Result<(), Problem> {
        for path in &self.manifests {
            if !manifests::is_folder(path)? {
                manifests::check(path)?;
                regular(path)?;
            }
        }
        let others = self.others.iter().map(|item| &item.value.source);
        for path in others.chain(&self.registries) {
            regular(path)?;
        }
        Ok(())
    }

    /// Reads them into a specification.
    ///
    /// # Errors
    /// Where one is not there, cannot be read or is not what it should be.
    pub fn read_into(&self, spec: &mut ClusterSpec) -> Result<(), Problem> {
        for item in &self.others {
            spec.files.push(ForNodes {
                value: FileEntry {
                    path: item.value.target.clone(),
                    mode: FILE_MODE,
                    contents: contents(&item.value.source)?,
                },
                nodes: item.nodes.clone(),
            });
        }
        for path in &self.manifests {
            spec.files.extend(manifests::read(path)?);
        }
        if let Some(path) = &self.registries {
            let text = String::from_utf8(contents(path)?)
                .map_err(|_| unreadable(path, "it is not text in UTF-8"))?;
            spec.registries.config = Some(text);
        }
        Ok(())
    }
}

impl Draft {
    /// Fetches what is missing.
    ///
    /// # Errors
    /// Where a file cannot be read, what they say together contradicts itself, or nobody tells the channel's image.
    pub async fn complete(self) -> Result<Wish, Problem> {
        let Self {
            mut spec,
            kubeconfig,
            files,
        } = self;
        let reading = tokio::task::spawn_blocking(move || {
            // Who reads a pipe that nobody writes waits for ever.
            files.look()?;
            files.read_into(&mut spec)?;
            plan::create::check(&spec)?;
            Ok(spec)
        });
        let broke = |error: tokio::task::JoinError| {
            Err(Problem::failed(
                "the files were not read",
                error.to_string(),
            ))
        };
        let mut spec = reading.await.unwrap_or_else(broke)?;
        spec.image = node_image(&spec.image, channels::URL).await?;
        Ok(Wish::Create {
            spec: Box::new(spec),
            kubeconfig,
        })
    }
}

fn unreadable(path: &Path, why: impl Into<String>) -> Problem {
    Problem::usage(format!("{} cannot be read", path.display()), why)
}

/// What the system says of a file, for a person.
fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    }
}

/// Refuses what is no file, or cannot be opened.
fn regular(path: &Path) -> Result<(), Problem> {
    let seen = std::fs::metadata(path).map_err(|error| unreadable(path, said(&error)))?;
    if !seen.is_file() {
        return Err(unreadable(path, "it is no file"));
    }
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(path, said(&error))),
    }
}

/// What is in a file that is not too large. A pipe is read as well, because shells make them of what commands say.
fn contents(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(unreadable(path, said(&error))),
        Ok(_) if bytes.len() as u64 > LARGEST => Err(unreadable(path, "it is larger than 4 MiB")),
        Ok(_) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClusterName, Role};

    fn here() -> Here {
        Here {
            folder: Some("/work/here".into()),
            home: Some("/home/me".into()),
        }
    }

    #[test]
    fn paths_begin_where_a_person_is() {
        for (text, want) in [
            ("/a/b", "/a/b"),
            ("./a", "/work/here/a"),
            ("a/b", "/work/here/a/b"),
            (".", "/work/here"),
            ("~/a", "/home/me/a"),
            ("~", "/home/me"),
            ("~a", "/work/here/~a"),
        ] {
            assert_eq!(here().path(text).unwrap(), Path::new(want), "{text}");
        }
        assert!(Here::default().path("./a").is_err());
        assert!(Here::default().path("/a").is_ok());
        for (text, want) in [
            ("./data:/data:ro", "/work/here/data:/data:ro"),
            ("~/data:/data", "/home/me/data:/data"),
            ("data:/data", "data:/data"),
        ] {
            assert_eq!(here().mount(text).unwrap().value, want, "{text}");
        }
        assert!(here().mount("/a:b").is_err());
    }

    #[test]
    fn a_file_has_a_source_and_a_target() {
        let file = here().file("./motd:/etc/motd@server:*").unwrap();
        assert_eq!(file.value.source, Path::new("/work/here/motd"));
        assert_eq!(file.value.target, "/etc/motd");
        assert!(!file.is_for(Role::Agent, 0));
        for text in ["motd", "motd:", ":/etc/motd", "a:/b@nobody"] {
            assert!(here().file(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_draft_becomes_a_cluster_with_what_its_files_say() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for name in ["registries.yaml", "web.yaml", "motd"] {
            std::fs::write(at(name), name).unwrap();
        }
        let name = ClusterName::parse("demo").unwrap();
        let draft = Draft {
            spec: ClusterSpec::new(name, "rancher/k3s:v1.34.2-k3s1", "proxy"),
            kubeconfig: Kubeconfig::Merge,
            files: LocalFiles {
                registries: Some(at("registries.yaml")),
                manifests: vec![at("web.yaml")],
                others: vec![ForNodes::every(LocalFile {
                    source: at("motd"),
                    target: "/etc/motd".to_owned(),
                })],
            },
        };
        let Ok(Wish::Create { spec, .. }) = draft.clone().complete().await else {
            panic!("it is complete");
        };
        assert_eq!(spec.registries.config.as_deref(), Some("registries.yaml"));
        assert_eq!(spec.files.len(), 2);
        assert_eq!(spec.files[0].value.contents, b"motd");
        for name in ["web.yaml", "motd", "registries.yaml"] {
            std::fs::rename(at(name), at("away")).unwrap();
            let problem = draft.clone().complete().await.unwrap_err();
            assert!(problem.what.contains(name), "{problem}");
            std::fs::rename(at("away"), at(name)).unwrap();
        }
        std::fs::write(at("registries.yaml"), [0xff]).unwrap();
        assert!(draft.complete().await.is_err());
    }

    #[test]
    fn a_volume_that_is_called_like_a_file_here_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.yaml"), "").unwrap();
        let here = Here {
            folder: Some(folder.path().to_owned()),
            home: None,
        };
        let told = here.mistakable("app.yaml:/a").unwrap();
        assert!(told.contains("write ./app.yaml:/a"), "{told}");
        assert_eq!(here.mistakable("data:/a"), None);
        assert_eq!(here.mistakable("/app.yaml:/a"), None);
    }
}
