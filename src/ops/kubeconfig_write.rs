//! Writing a file that holds credentials: whole or not at all, and readable by its owner only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::domain::Problem;

/// Tells the temporary files of one process apart: two paths may lead to one file.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// The file that a path leads to through symbolic links, whether it exists or not.
pub(super) fn target(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    // A chain that is longer is a circle; writing then fails with the system's own words.
    for _ in 0..16 {
        let Ok(next) = fs::read_link(&target) else {
            break;
        };
        target = match target.parent() {
            Some(parent) => parent.join(next),
            None => next,
        };
    }
    target
}

/// Replaces a file's contents: a new file in the same directory takes its place, so that a reader sees the old or
/// the new, and an interruption leaves the old one.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), Problem> {
    let target = target(path);
    write(&target, text).map_err(|error| {
        Problem::failed(
            format!("{} was not written", path.display()),
            error.to_string(),
        )
    })
}

/// Makes the directory that a file is to be in, as kubectl makes it.
pub(super) fn make_directory(path: &Path) -> Result<(), Problem> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            fs::create_dir_all(parent).map_err(|error| {
                Problem::failed(
                    format!("{} was not made", parent.display()),
                    error.to_string(),
                )
            })
        }
        _ => Ok(()),
    }
}

fn write(target: &Path, text: &str) -> io::Result<()> {
    let directory = target.parent().unwrap_or_else(|| Path::new("."));
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    let old = match fs::metadata(target) {
        Ok(meta) if meta.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(meta) if meta.permissions().readonly() => {
            return Err(io::Error::new(
                ErrorKind::PermissionDenied,
                "it is marked as read-only",
            ));
        }
        Ok(meta) => Some(meta),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.new", std::process::id()));
    let temporary = directory.join(temporary);
    // Left by a process of the same number that was killed in the middle.
    let _ = fs::remove_file(&temporary);
    let written =
        fill(&temporary, text, old.as_ref()).and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    // So that the new name, too, survives a loss of power. Not every file system lets a directory be synced.
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

fn fill(path: &Path, text: &str, old: Option<&fs::Metadata>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    keep_owner(&file, old);
    #[cfg(not(unix))]
    let _ = old;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// With sudo a person's file would become root's. Where the owner cannot be kept, it is the writer, as for any program.
#[cfg(unix)]
fn keep_owner(file: &File, old: Option<&fs::Metadata>) {
    use std::os::unix::fs::{MetadataExt, fchown};
    if let Some(old) = old {
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
}
