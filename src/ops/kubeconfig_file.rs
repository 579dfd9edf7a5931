//! The person's kubeconfig files, changed as kubectl changes them: under its lock, atomically, and nothing but what is
//! asked for.
//!
//! These functions block (for a lock, for the disk), so they are called on a thread that may.

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use serde_json::Value;

use super::{kubeconfig_lock::Locks, kubeconfig_write as write};
use crate::{
    config::kubeconfig::{Document, List},
    domain::{ClusterName, Problem, Secret},
};

/// The kubeconfig files that count, in kubectl's order, and where clusters have files of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeconfigFiles {
    paths: Vec<PathBuf>,
    own: Option<PathBuf>,
}

impl KubeconfigFiles {
    /// These files, the most important first.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, own: None }
    }

    /// The same, and the directory with the files that belong to one cluster each and go with it.
    #[must_use]
    pub fn with_own_directory(mut self) -> Self {
        self.own = etcetera::choose_base_strategy()
            .ok()
            .map(|places| places.config_dir().join("coracle"));
        self
    }

    /// None: nothing is read or written.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Vec::new())
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
        let paths = if listed.is_empty() {
            etcetera::home_dir()
                .map(|home| home.join(".kube").join("config"))
                .into_iter()
                .collect()
        } else {
            listed
        };
        Self::new(paths).with_own_directory()
    }

    /// The file of one cluster's own, which nothing else is in. None for a name that leads out of the directory.
    #[must_use]
    pub fn own_file(&self, cluster: &ClusterName) -> Option<PathBuf> {
        Some(self.own.as_ref()?.join(own_name(cluster)?))
    }

    /// The same, and the one that k3d would have written.
    #[must_use]
    pub fn own_files(&self, cluster: &ClusterName) -> Vec<PathBuf> {
        let Some(name) = own_name(cluster) else {
            return Vec::new();
        };
        let directories = self.directories().into_iter();
        directories.map(|directory| directory.join(&name)).collect()
    }

    /// The directory with the files that belong to one cluster each, and k3d's own one, which holds such files and the
    /// files of nodes. None where only named files count.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        let Some(own) = &self.own else {
            return Vec::new();
        };
        let set = std::env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty());
        let theirs = match set {
            // k3d takes it as it is.
            Some(path) => Some(PathBuf::from(path)),
            None => etcetera::home_dir()
                .map(|home| home.join(".config").join("k3d"))
                .ok(),
        };
        std::iter::once(own.clone()).chain(theirs).collect()
    }

    /// The files, in order.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The file that new entries go to: the first one that exists, or the last of the list.
    #[must_use]
    pub fn default_file(&self) -> Option<&Path> {
        self.paths
            .iter()
            .find(|path| path.exists())
            .or_else(|| self.paths.last())
            .map(PathBuf::as_path)
    }
}

fn own_name(cluster: &ClusterName) -> Option<String> {
    let name = cluster.in_file_name()?;
    Some(format!("kubeconfig-{name}.yaml"))
}

/// What a merge changed, so that it can be taken back. It holds credentials, so it does not print them.
#[derive(Clone, PartialEq)]
pub struct Before {
    entries: Vec<Changed>,
    /// The file whose current context was changed, from what, to what.
    current: Option<(PathBuf, Option<String>, String)>,
    /// The files that did not exist.
    made: Vec<PathBuf>,
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries.iter().map(|entry| (entry.list, &entry.name));
        f.debug_list().entries(names).finish()
    }
}

#[derive(Clone, PartialEq)]
struct Changed {
    file: PathBuf,
    list: List,
    name: String,
    old: Option<Value>,
    new: Value,
}

/// A file that is open for a change.
struct Open {
    path: PathBuf,
    /// What was in it.
    text: String,
    document: Document,
    existed: bool,
    changed: bool,
}

/// Merges the entries of one kubeconfig into the files, each where one of its name stands already, and makes `context`
/// the current one if asked. `None` when all of it was so before.
///
/// # Errors
/// When a file is broken, locked, or cannot be written. Nothing is changed then.
pub fn merge(
    files: &KubeconfigFiles,
    ours: &Secret,
    context: &str,
    switch: bool,
) -> Result<Option<Before>, Problem> {
    let Some(default) = files.default_file().map(Path::to_owned) else {
        return Ok(None);
    };
    let ours = Document::parse("the cluster's kubeconfig", ours.reveal())?;
    write::make_directory(&default)?;
    let mut wanted = existing(files);
    if !wanted.contains(&default) {
        wanted.push(default.clone());
    }
    let _locks = Locks::take(&wanted)?;
    let mut open = open(&wanted)?;
    let mut entries = Vec::new();
    for list in List::ALL {
        for name in ours.names(list) {
            let Some(new) = ours.entry(list, name) else {
                continue;
            };
            let place = open
                .iter()
                .position(|file| file.document.entry(list, name).is_some())
                .or_else(|| open.iter().position(|file| file.path == default));
            let Some(file) = place.and_then(|place| open.get_mut(place)) else {
                continue;
            };
            let old = file.document.entry(list, name).cloned();
            if file.document.set(list, new.clone()) {
                file.changed = true;
                entries.push(Changed {
                    file: file.path.clone(),
                    list,
                    name: name.to_owned(),
                    old,
                    new: new.clone(),
                });
            }
        }
    }
    let mut current = None;
    if switch && let Some(file) = open.iter_mut().find(|file| file.path == default) {
        let old = file.document.current().map(str::to_owned);
        if file.document.set_current(Some(context)) {
            file.changed = true;
            current = Some((file.path.clone(), old, context.to_owned()));
        }
    }
    let made = open
        .iter()
        .filter(|file| file.changed && !file.existed)
        .map(|file| file.path.clone())
        .collect();
    save(&open)?;
    let before = Before {
        entries,
        current,
        made,
    };
    Ok((!before.entries.is_empty() || before.current.is_some()).then_some(before))
}

/// What would keep a merge from being written, as far as it can be seen without a change: found before a cluster is made,
/// it can be mended meanwhile.
///
/// # Errors
/// The first such thing.
pub fn look(files: &KubeconfigFiles) -> Result<(), Problem> {
    let Some(default) = files.default_file() else {
        return Ok(());
    };
    let open = open(&existing(files))?;
    for file in &open {
        Locks::look(&file.path)?;
    }
    write::look(default)
}

/// The problem of a merge, with the way to the kubeconfig that is left.
#[must_use]
pub fn later(problem: Problem, cluster: &ClusterName) -> Problem {
    let way = format!("the cluster is not touched by that: coracle kubeconfig merge {cluster}");
    let hint = match problem.hint.as_str() {
        "" => way,
        hint => format!("{hint}; {way}"),
    };
    problem.with_hint(hint)
}

/// The URLs of the API servers of all contexts of the files: name of the context, URL, and the user's name. Files that
/// cannot be read have none.
#[must_use]
pub fn servers(files: &KubeconfigFiles) -> Vec<(String, String, String)> {
    let documents: Vec<Document> = existing(files)
        .iter()
        .filter_map(|path| Document::parse("it", &fs::read_to_string(path).ok()?).ok())
        .collect();
    let cluster = |name: &str| {
        let mut found = documents.iter();
        found.find_map(|document| document.entry(List::Clusters, name))
    };
    let mut all = Vec::new();
    for document in &documents {
        for name in document.names(List::Contexts) {
            let context = document.entry(List::Contexts, name);
            let said = |field: &str| context.and_then(|entry| entry["context"][field].as_str());
            let server = said("cluster").and_then(cluster);
            let url = server.and_then(|entry| entry["cluster"]["server"].as_str());
            if let (Some(url), Some(user)) = (url, said("user")) {
                all.push((name.to_owned(), url.to_owned(), user.to_owned()));
            }
        }
    }
    all
}

/// Replaces a whole file by one kubeconfig, whatever is in it now; `context` is its current one if asked.
///
/// # Errors
/// When the file is locked or cannot be written; it is as it was then.
pub fn overwrite(path: &Path, ours: &Secret, context: &str, switch: bool) -> Result<(), Problem> {
    let mut document = Document::parse("the cluster's kubeconfig", ours.reveal())?;
    document.set_current(switch.then_some(context));
    write::make_directory(path)?;
    let _locks = Locks::take(std::slice::from_ref(&path.to_owned()))?;
    write::replace(path, &document.to_yaml()?)
}

/// Refuses when one of the files has an entry of this context already.
///
/// # Errors
/// That it is there, in which file; or that a file is broken.
pub fn check_unknown(files: &KubeconfigFiles, context: &str) -> Result<(), Problem> {
    let open = open(&existing(files))?;
    let known = open.iter().find(|file| {
        let mut entries = List::ALL
            .iter()
            .map(|list| file.document.entry(*list, context));
        entries.any(|entry| entry.is_some())
    });
    match known {
        None => Ok(()),
        Some(file) => Err(Problem::refused(
            format!("{context} was not merged"),
            format!("{} knows it already", file.path.display()),
        )
        .with_hint("leave --update=false out to have it replaced")),
    }
}

/// Takes a merge back, as far as nobody has changed the same entries since.
///
/// # Errors
/// As for [`merge`].
pub fn restore(files: &KubeconfigFiles, before: &Before) -> Result<(), Problem> {
    let wanted = existing(files);
    let _locks = Locks::take(&wanted)?;
    let mut open = open(&wanted)?;
    for change in &before.entries {
        let Some(file) = open.iter_mut().find(|file| file.path == change.file) else {
            continue;
        };
        if file.document.entry(change.list, &change.name) != Some(&change.new) {
            continue;
        }
        file.changed |= match &change.old {
            Some(old) => file.document.set(change.list, old.clone()),
            None => file.document.remove(change.list, &change.name),
        };
    }
    if let Some((path, old, ours)) = &before.current
        && let Some(file) = open.iter_mut().find(|file| file.path == *path)
        && file.document.current() == Some(ours)
    {
        file.changed |= file.document.set_current(old.as_deref());
    }
    let (gone, kept): (Vec<Open>, Vec<Open>) = open
        .into_iter()
        .partition(|file| before.made.contains(&file.path) && file.document.is_empty());
    save(&kept)?;
    for file in gone {
        fs::remove_file(&file.path).map_err(|error| {
            Problem::failed(
                format!("{} was not removed", file.path.display()),
                error.to_string(),
            )
        })?;
    }
    Ok(())
}

/// Removes a cluster's context, and the cluster and user that were made with it unless another context needs them, from
/// all of the files; a current context that is this one is unset. Whether there was anything to remove.
///
/// # Errors
/// As for [`merge`].
pub fn remove(files: &KubeconfigFiles, context: &str) -> Result<bool, Problem> {
    // A file that does not even mention the name is not looked into, so that it does no harm if it is broken.
    let wanted: Vec<PathBuf> = existing(files)
        .into_iter()
        .filter(|path| match fs::read(path) {
            Ok(bytes) => mentions(&bytes, context.as_bytes()),
            Err(_) => true,
        })
        .collect();
    if wanted.is_empty() {
        return Ok(false);
    }
    let _locks = Locks::take(&wanted)?;
    let mut open = open(&wanted)?;
    for file in &mut open {
        file.changed |= file.document.remove(List::Contexts, context);
        if file.document.current() == Some(context) {
            file.changed |= file.document.set_current(None);
        }
    }
    let user = format!("admin@{context}");
    let names = [
        (List::Clusters, "cluster", context),
        (List::Users, "user", context),
        (List::Users, "user", user.as_str()),
    ];
    for (list, field, name) in names {
        let needed = open.iter().any(|file| {
            file.document
                .names(List::Contexts)
                .filter_map(|other| file.document.entry(List::Contexts, other))
                .any(|other| other["context"][field] == name)
        });
        if !needed {
            for file in &mut open {
                file.changed |= file.document.remove(list, name);
            }
        }
    }
    let changed = open.iter().any(|file| file.changed);
    save(&open)?;
    Ok(changed)
}

fn mentions(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|window| window == word)
}

fn existing(files: &KubeconfigFiles) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in files.paths() {
        if path.exists() && !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}

fn open(paths: &[PathBuf]) -> Result<Vec<Open>, Problem> {
    paths
        .iter()
        .map(|path| {
            let name = path.display().to_string();
            let (text, existed) = match fs::read_to_string(path) {
                Ok(text) => (text, true),
                Err(error) if error.kind() == ErrorKind::NotFound => (String::new(), false),
                Err(error) => {
                    return Err(Problem::failed(
                        format!("{name} was not read"),
                        error.to_string(),
                    ));
                }
            };
            Ok(Open {
                document: Document::parse(&name, &text)?,
                text,
                path: path.clone(),
                existed,
                changed: false,
            })
        })
        .collect()
}

/// Writes what was changed, all of it or nothing: the texts are made before the first file is touched, and what was
/// written is put back when a later file cannot be.
fn save(files: &[Open]) -> Result<(), Problem> {
    let changed: Vec<(&Open, String)> = files
        .iter()
        .filter(|file| file.changed)
        .map(|file| Ok((file, file.document.to_yaml()?)))
        .collect::<Result<_, Problem>>()?;
    for (done, (file, text)) in changed.iter().enumerate() {
        let Err(problem) = write::replace(&file.path, text) else {
            continue;
        };
        for (file, _) in &changed[..done] {
            let back = if file.existed {
                write::replace(&file.path, &file.text).map_err(|problem| problem.to_string())
            } else {
                fs::remove_file(&file.path).map_err(|error| error.to_string())
            };
            if let Err(error) = back {
                tracing::error!("{} was not put back: {error}", file.path.display());
            }
        }
        return Err(problem);
    }
    Ok(())
}
