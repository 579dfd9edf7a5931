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
    /// A process that cannot be looked up here: of another machine, of another boot, or of a container with processes
    /// of its own. It may be at it.
    Elsewhere {
        /// That machine's name.
        host: String,
    },
}

/// Where process numbers mean the same as here follows the host's name after this; earlier versions did not write it.
const NUMBERED: &str = "/";

/// This process as it signs its marks: `host/boot/namespace:pid:start time`. A number means a process only where numbers
/// were given out by the same kernel in the same namespace, and containers of one machine may share its name. The start
/// time tells it from a later process of the same number.
#[must_use]
pub fn signature() -> String {
    let process = std::process::id();
    let started = start_time(process).unwrap_or(0);
    format!("{}:{process}:{started}", place())
}

/// The machine, and where in it processes are numbered as they are here.
fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let numbers = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    // `pid:[4026531836]`
    let numbers: String = numbers
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let host = host();
    match (boot.trim(), numbers.as_str()) {
        ("", "") => host,
        (boot, numbers) => format!("{host}{NUMBERED}{boot}{NUMBERED}{numbers}"),
    }
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
    // A host's name has no slash.
    let (name, numbered) = match from.split_once(NUMBERED) {
        Some((name, _)) => (name, true),
        None => (from, false),
    };
    let here = if numbered {
        from == place()
    } else {
        name == host()
    };
    if !here {
        return Owner::Elsewhere {
            host: name.to_owned(),
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

/// What a person should know before they finish or remove what may still be at work where it cannot be seen.
pub(super) fn perhaps_at_work(unfinished: &Unfinished) -> Option<String> {
    match owner(unfinished) {
        Owner::Elsewhere { host } => Some(format!(
            "its {} was begun on {host} by a process that cannot be looked up from here and is perhaps at work",
            unfinished.verb
        )),
        Owner::Us | Owner::AtWork { .. } | Owner::Gone => None,
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
        let host = place();
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
        assert!(perhaps_at_work(&by("mars:7:99")).is_some());
        assert_eq!(owner(&by("")), Owner::Gone);
        assert_eq!(owner(&by("a:b:c")), Owner::Gone);
    }

    #[test]
    fn a_number_means_a_process_only_where_it_was_given_out() {
        let host = host();
        // A process that is not there, in another boot and in another namespace of this very host.
        for place in ["other-boot/4026531836", "/1", "/"] {
            let signed = by(&format!("{host}/{place}:4000000:99"));
            let elsewhere = Owner::Elsewhere { host: host.clone() };
            assert_eq!(owner(&signed), elsewhere, "{place}");
            let said = perhaps_at_work(&signed).unwrap();
            assert!(said.contains("perhaps at work"), "{said}");
        }
        let gone = by(&format!("{}:4000000:99", place()));
        assert_eq!(owner(&gone), Owner::Gone);
        assert_eq!(perhaps_at_work(&gone), None);
        // As it was signed before.
        assert_eq!(owner(&by(&format!("{host}:4000000:99"))), Owner::Gone);
    }
}
