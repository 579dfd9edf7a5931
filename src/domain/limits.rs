//! How much of the machine nodes may use: memory, processors, GPUs, and the kernel's limits for processes.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Problem;

/// The limits of a cluster's nodes. Nothing is limited where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The memory of each server, in bytes.
    pub servers_memory: Option<u64>,
    /// The memory of each agent, in bytes.
    pub agents_memory: Option<u64>,
    /// The processor time of each server, in billionths of a core.
    pub servers_cpus: Option<u64>,
    /// The processor time of each agent, in billionths of a core.
    pub agents_cpus: Option<u64>,
    /// The GPUs of every node, in the words of `docker run --gpus`; see [`DeviceRequest::parse`].
    pub gpus: Option<String>,
    /// The kernel's limits for processes of every container.
    pub ulimits: Vec<Ulimit>,
    /// Whether nodes see the processes of the machine.
    pub host_pid: bool,
}

/// One of the kernel's limits, `nofile=1024:2048`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ulimit {
    /// What is limited, in Docker's words.
    pub name: String,
    /// What a process begins with; -1 is no limit.
    pub soft: i64,
    /// How far it can raise that; -1 is no limit.
    pub hard: i64,
}

/// What Docker can limit.
const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

impl FromStr for Ulimit {
    type Err = Problem;

    /// `NAME=SOFT[:HARD]`; without a hard limit it is the soft one.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage(format!("{text:?} is not a limit for processes"), why)
                .with_hint("write NAME=SOFT[:HARD], such as nofile=1024:2048")
        };
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| refuse("it has no value".to_owned()))?;
        if !ULIMITS.contains(&name) {
            return Err(refuse(format!(
                "{name:?} is none of {}",
                ULIMITS.join(", ")
            )));
        }
        let number = |text: &str| {
            text.parse::<i64>()
                .ok()
                .filter(|number| *number >= -1)
                .ok_or_else(|| refuse(format!("{text:?} is not a number")))
        };
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let (soft, hard) = (number(soft)?, number(hard)?);
        if hard != -1 && (soft == -1 || soft > hard) {
            return Err(refuse("the soft limit is above the hard one".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            soft,
            hard,
        })
    }
}

/// Devices that a container asks the engine for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceRequest {
    /// The driver; empty lets the engine choose.
    pub driver: String,
    /// How many; -1 is all, 0 those of [`Self::ids`].
    pub count: i64,
    /// Which ones.
    pub ids: Vec<String>,
    /// What they have to be able to do, all of it.
    pub capabilities: Vec<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

impl DeviceRequest {
    /// Parses what `docker run --gpus` takes: `all`, a number, or `driver=nvidia,"device=0,1",capabilities=utility`.
    ///
    /// # Errors
    /// Says which part cannot be read.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage(format!("{text:?} does not say which GPUs"), why)
                .with_hint("write all, a number, or \"device=0,1\"")
        };
        let count = |text: &str| match text {
            "all" => Ok(-1),
            number => number
                .parse::<u32>()
                .map(i64::from)
                .map_err(|_| refuse(format!("{number:?} is neither a number nor all"))),
        };
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut request = Self::default();
        let mut wanted = None;
        for field in fields(text) {
            match field.split_once('=') {
                None => wanted = Some(count(&field)?),
                Some(("count", value)) => wanted = Some(count(value)?),
                Some(("driver", value)) => value.clone_into(&mut request.driver),
                Some(("device", value)) => request.ids = list(value),
                Some(("capabilities", value)) => request.capabilities = list(value),
                Some(("options", value)) => {
                    request.options = fields(value)
                        .into_iter()
                        .map(|option| match option.split_once('=') {
                            Some((key, value)) => (key.to_owned(), value.to_owned()),
                            None => (option, String::new()),
                        })
                        .collect();
                }
                Some((key, _)) => return Err(refuse(format!("{key:?} is not known"))),
            }
        }
        request.count = wanted.unwrap_or(i64::from(request.ids.is_empty()));
        if request.count != 0 && !request.ids.is_empty() {
            return Err(refuse("it names a number and devices".to_owned()));
        }
        request.capabilities.push("gpu".to_owned());
        Ok(request)
    }
}

/// Fields between commas, where a field in double quotes can have commas of its own.
fn fields(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(String::new()),
            c => {
                if let Some(last) = all.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    all
}

/// The least memory that Docker gives a container.
const LEAST_MEMORY: u64 = 6 << 20;

/// An amount of memory as Docker reads it: `512m`, `1g`, `1.5g`, `1073741824`; the units are powers of 1024.
///
/// # Errors
/// Says how an amount is written.
pub fn memory(text: &str) -> Result<u64, Problem> {
    let refuse = |why: &str| {
        Problem::usage(format!("{text:?} is not an amount of memory"), why)
            .with_hint("write 512m, 1g or 1.5g")
    };
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &lower[digits.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err(refuse("its unit is none of b, k, m, g, t")),
    };
    let bytes = scaled(digits.trim_end(), 1 << (10 * power))
        .ok_or_else(|| refuse("its number cannot be read"))?;
    if bytes < LEAST_MEMORY {
        return Err(refuse("the engine gives a container 6m at the least"));
    }
    Ok(bytes)
}

/// Processor time as Docker reads it, in cores (`2`, `0.5`); the answer is in billionths of a core.
///
/// # Errors
/// Says how it is written.
pub fn cpus(text: &str) -> Result<u64, Problem> {
    scaled(text.trim(), 1_000_000_000)
        .filter(|nano| *nano > 0)
        .ok_or_else(|| {
            Problem::usage(
                format!("{text:?} is not a number of processors"),
                "it is not a number above 0",
            )
            .with_hint("write 2 or 0.5")
        })
}

/// A decimal number times a unit, without the errors of floating point.
fn scaled(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // Twelve digits say more than any unit here.
    let fraction = &fraction[..fraction.len().min(12)];
    let part = if fraction.is_empty() {
        0
    } else {
        let power = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        u64::try_from(u128::from(unit) * fraction.parse::<u128>().ok()? / power).ok()?
    };
    whole.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_is_read_as_docker_reads_it() {
        for (text, want) in [
            ("1g", 1 << 30),
            ("1G", 1 << 30),
            ("1.5g", 3 << 29),
            ("512m", 512 << 20),
            ("512MiB", 512 << 20),
            ("1073741824", 1 << 30),
            ("8000k", 8000 << 10),
        ] {
            assert_eq!(memory(text), Ok(want), "{text}");
        }
        for text in ["", "g", "-1g", "1x", "1m", "1..5g", "99999999999999999999g"] {
            assert!(memory(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn processors_are_counted_in_billionths() {
        assert_eq!(cpus("2"), Ok(2_000_000_000));
        assert_eq!(cpus("0.5"), Ok(500_000_000));
        assert_eq!(cpus(".25"), Ok(250_000_000));
        for text in ["", "0", ".", "-1", "two", "1e3"] {
            assert!(cpus(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn limits_of_processes_have_names_and_two_numbers() {
        let limit = |name: &str, soft, hard| Ulimit {
            name: name.to_owned(),
            soft,
            hard,
        };
        assert_eq!("nofile=1024:2048".parse(), Ok(limit("nofile", 1024, 2048)));
        assert_eq!("memlock=-1".parse(), Ok(limit("memlock", -1, -1)));
        for text in ["nofile", "files=1", "nofile=x", "nofile=2:1", "nofile=-2"] {
            assert!(text.parse::<Ulimit>().is_err(), "{text}");
        }
    }

    #[test]
    fn gpus_are_asked_for_in_docker_s_words() {
        let all = DeviceRequest::parse("all").unwrap();
        assert_eq!((all.count, all.capabilities), (-1, vec!["gpu".to_owned()]));
        assert_eq!(DeviceRequest::parse("2").unwrap().count, 2);
        let some =
            DeviceRequest::parse("driver=nvidia,\"device=0,2\",\"capabilities=utility,compute\"")
                .unwrap();
        assert_eq!((some.count, some.ids.join(" ")), (0, "0 2".to_owned()));
        assert_eq!(some.capabilities, ["utility", "compute", "gpu"]);
        assert_eq!(DeviceRequest::parse("driver=x").unwrap().count, 1);
        for text in ["", "some", "count=x", "speed=9", "2,device=0"] {
            assert!(DeviceRequest::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9.a-z=,:\"]{0,24}") {
            let _ = (memory(&text), cpus(&text), text.parse::<Ulimit>(), DeviceRequest::parse(&text));
        }
    }
}
