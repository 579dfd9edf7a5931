//! The lock that kubectl takes before it changes a kubeconfig: a file beside it that only one can create.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::domain::Problem;

/// How long others are waited for. kubectl holds the lock for milliseconds.
const WAIT: Duration = Duration::from_secs(10);

/// Between two tries: a file system does not tell when a file goes.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is older was left by a program that was killed.
const STALE: Duration = Duration::from_secs(60);

/// Locks that are held; dropping them lets go.
#[derive(Debug, Default)]
pub(super) struct Locks(Vec<PathBuf>);

impl Locks {
    /// Locks all of the files, in an order that is the same for everybody.
    pub(super) fn take(files: &[PathBuf]) -> Result<Self, Problem> {
        let mut sorted: Vec<&PathBuf> = files.iter().collect();
        sorted.sort();
        sorted.dedup();
        let mut held = Self::default();
        for file in sorted {
            let lock = lock_of(file);
            take_one(file, &lock)?;
            held.0.push(lock);
        }
        Ok(held)
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        for lock in &self.0 {
            if let Err(error) = fs::remove_file(lock) {
                tracing::warn!("the lock {} was not removed: {error}", lock.display());
            }
        }
    }
}

fn lock_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn take_one(file: &Path, lock: &Path) -> Result<(), Problem> {
    let what = || format!("{} was not changed", file.display());
    let begun = Instant::now();
    loop {
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(lock)
        {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(Problem::failed(
                    what(),
                    format!("its lock {} cannot be made: {error}", lock.display()),
                ));
            }
        }
        let age = fs::metadata(lock)
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|made| made.elapsed().ok())
            .unwrap_or_default();
        if age > STALE || begun.elapsed() > WAIT {
            return Err(Problem::failed(
                what(),
                format!(
                    "another program has locked it with {} for {} s",
                    lock.display(),
                    age.as_secs()
                ),
            )
            .with_hint(format!(
                "if no kubectl is at work, a killed one left it: rm {}",
                lock.display()
            )));
        }
        thread::sleep(PAUSE);
    }
}
