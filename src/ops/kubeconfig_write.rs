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

/// What would keep a file from being written, as far as it can be seen without writing.
pub(super) fn look(path: &Path) -> Result<(), Problem> {
    let target = target(path);
    let seen = match writable(&target) {
        // Opened for writing, a file says what its permissions, its file system and its owner allow.
        Ok(Some(_)) => OpenOptions::new().write(true).open(&target).map(drop),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    seen.map_err(|error| {
        Problem::failed(
            format!("{} cannot be written", path.display()),
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
    let old = writable(target)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.new", std::process::id()));
    let temporary = directory.join(temporary);
    // Left by a process of the same number that was killed in the middle.
    let _ = fs::remove_file(&temporary);
    let filled = fill(&temporary, text, old.as_ref());
    let written = filled.and_then(|()| match fs::rename(&temporary, target) {
        Err(error) if old.is_some() && is_mounted(&error) => in_place(target, text),
        renamed => renamed,
    });
    // There is one still unless it took the other's place.
    let _ = fs::remove_file(&temporary);
    written?;
    // So that the new name, too, survives a loss of power. Not every file system lets a directory be synced.
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// What a file is that may be replaced; `None` where there is none yet.
fn writable(target: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::metadata(target) {
        Ok(meta) if meta.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(meta) if meta.permissions().readonly() => Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "it is marked as read-only",
        )),
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file could not take the place of another because that one is mounted by itself, as into a container.
fn is_mounted(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ResourceBusy | ErrorKind::CrossesDevices
    )
}

/// Writes over what is in a file, as kubectl always does, and puts that back where the disk is full.
fn in_place(target: &Path, text: &str) -> io::Result<()> {
    let before = fs::read(target)?;
    let mut file = OpenOptions::new().write(true).open(target)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // It may be another's; what it allowed before, it allows still.
        let _ = file.set_permissions(fs::Permissions::from_mode(0o600));
    }
    let written = overwrite(&mut file, text.as_bytes());
    if written.is_err() {
        let _ = overwrite(&mut file, &before);
    }
    written
}

/// Never shorter than it has to be on the way: a reader in between sees too much rather than nothing.
fn overwrite(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    use std::io::Seek;
    file.rewind()?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_file_that_is_mounted_by_itself_is_written_in_place() {
        assert!(is_mounted(&io::Error::from_raw_os_error(16)), "EBUSY");
        assert!(is_mounted(&io::Error::from_raw_os_error(18)), "EXDEV");
        assert!(!is_mounted(&io::Error::from_raw_os_error(13)), "EACCES");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "a text that is longer than the next").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        in_place(&path, "short").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        assert_eq!((after.ino(), after.mode() & 0o777), (before, 0o600));
    }
}
