//! Operations that never came to their end: whose they were, and whether that process still is at it.

use std::fs;

use crate::domain::{Problem, cluster::Unfinished};

/// Who began an unfinished operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This very process.
    Us,
    /// Another process of this machine, which is at it.
    AtWork {
        /// Its number.
        process: u32,
    },
    /// A process of this machine that is gone: what it left can be finished or removed.
    Gone,
    /// A process of another machine, of which nothing is known here.
    Elsewhere {
        /// That machine's name.
        host: String,
    },
}

/// This process as it signs its marks: `host:pid:start time`. The start time tells it from a later process of the same
/// number.
#[must_use]
pub fn signature() -> String {
    let process = std::process::id();
    format!("{}:{process}:{}", host(), start_time(process).unwrap_or(0))
}

/// Whose the operation is.
#[must_use]
pub fn owner(unfinished: &Unfinished) -> Owner {
    if unfinished.owner == signature() {
        return Owner::Us;
    }
    // The machine's name may hold anything, the two numbers are at the end.
    let mut parts = unfinished.owner.rsplitn(3, ':');
    let started: Option<u64> = parts.next().and_then(|text| text.parse().ok());
    let process: Option<u32> = parts.next().and_then(|text| text.parse().ok());
    let from = parts.next().unwrap_or_default();
    let (Some(started), Some(process)) = (started, process) else {
        return Owner::Gone;
    };
    if from != host() {
        return Owner::Elsewhere {
            host: from.to_owned(),
        };
    }
    match start_time(process) {
        Some(found) if found == started || started == 0 => Owner::AtWork { process },
        _ => Owner::Gone,
    }
}

/// Refuses to touch what another process is at.
pub(super) fn check_owner(unfinished: &Unfinished, what: &str) -> Result<(), Problem> {
    match owner(unfinished) {
        Owner::AtWork { process } => Err(Problem::refused(
            what,
            format!("process {process} is at it ({})", unfinished.verb),
        )
        .with_hint("wait for it, or end it")),
        Owner::Us | Owner::Gone | Owner::Elsewhere { .. } => Ok(()),
    }
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// When a process was started, in the kernel's ticks since boot; `Some(0)` where only its being there is known, `None`
/// when there is none.
fn start_time(process: u32) -> Option<u64> {
    if let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) {
        // The second field is the program's name in parentheses, which may contain spaces and parentheses.
        let rest = stat.rsplit_once(')')?.1;
        let mut fields = rest.split_whitespace();
        if fields.next() == Some("Z") {
            return None;
        }
        return fields.nth(18)?.parse().ok();
    }
    if cfg!(target_os = "linux") {
        return None;
    }
    let id = i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw)?;
    rustix::process::test_kill_process(id).ok().map(|()| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(owner: &str) -> Unfinished {
        Unfinished {
            at_work: None,
            verb: "create".to_owned(),
            volume: "k3d-demo-unfinished".to_owned(),
            owner: owner.to_owned(),
            spec: String::new(),
        }
    }

    #[test]
    fn an_owner_is_at_work_only_while_the_same_process_runs() {
        assert_eq!(owner(&by(&signature())), Owner::Us);
        let host = host();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let (id, started) = (child.id(), start_time(child.id()).unwrap());
        let its = format!("{host}:{id}:{started}");
        assert_eq!(owner(&by(&its)), Owner::AtWork { process: id });
        assert!(check_owner(&by(&its), "x").is_err());
        assert_eq!(
            owner(&by(&format!("{host}:{id}:{}", started + 1))),
            Owner::Gone,
            "another process of the same number"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(owner(&by(&its)), Owner::Gone);
    }

    #[test]
    fn other_machines_and_odd_marks_are_told_apart() {
        assert_eq!(
            owner(&by("mars:7:99")),
            Owner::Elsewhere {
                host: "mars".to_owned()
            }
        );
        assert_eq!(owner(&by("")), Owner::Gone);
        assert_eq!(owner(&by("a:b:c")), Owner::Gone);
    }
}
