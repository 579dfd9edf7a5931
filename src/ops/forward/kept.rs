//! The forwards that a person keeps, by context, in a file that can be read and changed by hand: what was on comes back
//! when the program is started again, and a cluster that is made anew under its name has its forwards still.
//!
//! Several programs may have the file open: each change reads it anew under a lock, and writes it whole or not at all.
//! These functions block (for a lock, for the disk), so they are called on a thread that may.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Forward, Problem},
    ops::{kubeconfig_lock::Locks, kubeconfig_write as write},
};

/// What the file begins with.
const HEAD: &str = "# The port-forwards that coracle keeps, by context. \"on\" are those that are opened when it starts.\n\n";

/// A forward that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The context of its cluster.
    pub context: String,
    /// Whether it is opened when the program starts.
    #[serde(default)]
    pub on: bool,
    /// Which pods and ports.
    #[serde(flatten)]
    pub forward: Forward,
}

/// The file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    forward: Vec<Kept>,
}

/// Where the forwards of this user are kept: `$XDG_CONFIG_HOME/coracle/forwards.toml`.
#[must_use]
pub fn file() -> Option<PathBuf> {
    let places = etcetera::choose_base_strategy().ok()?;
    Some(places.config_dir().join("coracle").join("forwards.toml"))
}

/// All forwards that are kept, in their order. A file that is not there keeps none.
///
/// # Errors
/// When the file cannot be read or understood, with the place of the mistake.
pub fn read(file: &Path) -> Result<Vec<Kept>, Problem> {
    let refuse = |why: String| {
        let what = format!("{} was not understood", file.display());
        Problem::usage(what, why).with_hint("no forward is kept until it is corrected or removed")
    };
    match fs::read_to_string(file) {
        Ok(text) => toml::from_str(&text)
            .map(|written: Written| written.forward)
            .map_err(|error| refuse(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// Keeps a forward, or changes whether it is on. It is known by its context, its target and its remote ports, so that the
/// local ports can be changed too.
///
/// # Errors
/// When the file cannot be read, understood or written.
pub fn keep(file: &Path, kept: &Kept) -> Result<(), Problem> {
    change(file, |all| match all.iter_mut().find(|one| one.is(kept)) {
        Some(one) => *one = kept.clone(),
        None => all.push(kept.clone()),
    })
}

/// Keeps a forward no longer.
///
/// # Errors
/// When the file cannot be read, understood or written.
pub fn forget(file: &Path, kept: &Kept) -> Result<(), Problem> {
    change(file, |all| all.retain(|one| !one.is(kept)))
}

fn change(file: &Path, change: impl FnOnce(&mut Vec<Kept>)) -> Result<(), Problem> {
    write::make_directory(file)?;
    let _lock = Locks::take(&[write::target(file)])?;
    let mut forward = read(file)?;
    let before = forward.clone();
    change(&mut forward);
    if forward == before {
        return Ok(());
    }
    let text = toml::to_string(&Written { forward }).map_err(|error| {
        Problem::failed(
            format!("{} was not written", file.display()),
            error.to_string(),
        )
    })?;
    write::replace(file, &format!("{HEAD}{text}"))
}

impl Kept {
    fn is(&self, other: &Self) -> bool {
        let remote = |kept: &Self| -> Vec<_> {
            let ports = kept.forward.ports.iter();
            ports.map(|port| port.remote.clone()).collect()
        };
        self.context == other.context
            && self.forward.target == other.forward.target
            && remote(self) == remote(other)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::ForwardTarget;

    fn kept(context: &str, target: &str, port: &str, on: bool) -> Kept {
        Kept {
            context: context.to_owned(),
            on,
            forward: Forward {
                target: target.parse::<ForwardTarget>().unwrap().within("shop"),
                ports: vec![port.parse().unwrap()],
            },
        }
    }

    #[test]
    fn what_is_kept_is_there_for_the_next_start_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("coracle/forwards.toml");
        assert_eq!(read(&file).unwrap(), []);
        let web = kept("k3d-dev", "svc/web", "8080:80", true);
        let other = kept("prod", "app=web,tier!=test", "[::1]:9000:http", false);
        keep(&file, &web).unwrap();
        keep(&file, &other).unwrap();
        assert_eq!(read(&file).unwrap(), [web.clone(), other.clone()]);
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Another local port, and off: the same forward.
        let web = kept("k3d-dev", "svc/web", "8081:80", false);
        keep(&file, &web).unwrap();
        assert_eq!(read(&file).unwrap(), [web.clone(), other.clone()]);
        forget(&file, &web).unwrap();
        forget(&file, &web).unwrap();
        assert_eq!(read(&file).unwrap(), [other]);
        let want = "[[forward]]\ncontext = \"prod\"\non = false\ntarget = \"app=web,tier!=test\"\n\
                    namespace = \"shop\"\nports = [\"[::1]:9000:http\"]\n";
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{HEAD}{want}"));
    }

    #[test]
    fn a_file_with_a_mistake_is_told_with_its_place_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("forwards.toml");
        let web = kept("k3d-dev", "svc/web", "8080:80", true);
        for (text, why) in [
            ("[[forward]]\ncontext = 7", "line 2"),
            ("[[foward]]", "foward"),
            (
                "[[forward]]\ncontext = 'a'\ntarget = 'svc/x'\nnamespace = 'b'\nports = ['x:y:z']",
                "\"x\" is not an IP address",
            ),
        ] {
            fs::write(&file, text).unwrap();
            for problem in [read(&file).unwrap_err(), keep(&file, &web).unwrap_err()] {
                assert!(problem.why.contains(why), "{problem}");
            }
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }
}
