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
        let begun = Instant::now();
        for file in sorted {
            let lock = lock_of(file);
            take_one(file, &lock, begun)?;
            held.0.push(lock);
        }
        Ok(held)
    }

    /// Refuses where a lock is held by a program that was killed long ago. Nothing is locked.
    pub(super) fn look(file: &Path) -> Result<(), Problem> {
        let lock = lock_of(file);
        match age(&lock) {
            Some(age) if age > STALE => Err(held_for(file, &lock, age)),
            _ => Ok(()),
        }
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

/// How long ago a lock was made; `None` where there is none.
fn age(lock: &Path) -> Option<Duration> {
    let made = fs::symlink_metadata(lock).ok()?.modified().ok()?;
    // A clock that was set back is no reason to call a lock old.
    Some(made.elapsed().unwrap_or_default())
}

fn held_for(file: &Path, lock: &Path, age: Duration) -> Problem {
    Problem::failed(
        format!("{} is not changed", file.display()),
        format!(
            "another program has locked it with {} for {} s",
            lock.display(),
            age.as_secs()
        ),
    )
    .with_hint(format!(
        "if no kubectl is at work, a killed one left it: rm {}",
        lock.display()
    ))
}

/// All files together are waited for no longer than one.
fn take_one(file: &Path, lock: &Path, begun: Instant) -> Result<(), Problem> {
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
                    format!("{} was not changed", file.display()),
                    format!("its lock {} cannot be made: {error}", lock.display()),
                ));
            }
        }
        let age = age(lock).unwrap_or_default();
        if age > STALE || begun.elapsed() > WAIT {
            return Err(held_for(file, lock, age));
        }
        thread::sleep(PAUSE);
    }
}
