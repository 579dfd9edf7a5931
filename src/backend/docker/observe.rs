//! What an engine tells of itself and of what goes on: its version, events, and the use of the machine.

use std::{collections::HashMap, time::Duration};

use bollard::{
    errors::Error as Source,
    models::{ContainerCpuStats, ContainerStatsResponse, EventMessage, SystemInfo, SystemVersion},
    query_parameters::{EventsOptionsBuilder, StatsOptionsBuilder},
};
use futures::{StreamExt, stream, stream::BoxStream};
use jiff::Timestamp;

use super::{ANSWER, Engine, errors, within};
use crate::{
    backend::{Error, ErrorKind},
    domain::container::{EngineEvent, EngineInfo, Usage},
};

/// Engines measure once a second, and fall behind on a busy machine; after this long they have stopped measuring.
const SILENCE: Duration = Duration::from_secs(30);

impl Engine {
    pub(super) async fn engine_info(&self) -> Result<EngineInfo, Error> {
        let what = || "ask the engine about itself".to_owned();
        let both = futures::future::try_join(self.docker.version(), self.docker.info());
        let (version, info) = within(ANSWER, what, both).await?;
        let positive = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        Ok(EngineInfo {
            endpoint: self.endpoint.clone(),
            product: product(&version, &info).to_owned(),
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            host: info.name.unwrap_or_default(),
            operating_system: info.operating_system.unwrap_or_default(),
            os_type: info.os_type.unwrap_or_default(),
            architecture: info.architecture.unwrap_or_default(),
            cgroup_driver: info
                .cgroup_driver
                .map(|driver| driver.to_string())
                .unwrap_or_default(),
            file_system: info
                .driver_status
                .iter()
                .flatten()
                .find_map(|pair| match pair.as_slice() {
                    [name, value] if name == "Backing Filesystem" => Some(value.clone()),
                    _ => None,
                })
                .unwrap_or_default(),
            cgroup_version: info
                .cgroup_version
                .and_then(|version| version.to_string().parse().ok())
                .unwrap_or(1),
            cpus: positive(info.ncpu),
            memory: positive(info.mem_total),
        })
    }

    pub(super) fn event_stream(&self) -> BoxStream<'static, Result<EngineEvent, Error>> {
        let filters = HashMap::from([("type", vec!["container", "network", "volume"])]);
        // The request goes out when the stream is first read; with the time of now, nothing until then is missed.
        let now = Timestamp::now();
        let options = EventsOptionsBuilder::default()
            .since(&format!(
                "{}.{:09}",
                now.as_second(),
                now.subsec_nanosecond()
            ))
            .filters(&filters)
            .build();
        let docker = self.docker.clone().with_timeout(ANSWER);
        until_broken(docker.events(Some(options)).boxed())
    }

    pub(super) fn usage_stream(&self, container: &str) -> BoxStream<'static, Result<Usage, Error>> {
        let options = StatsOptionsBuilder::default().stream(true).build();
        let docker = self.docker.clone().with_timeout(ANSWER);
        let stats = docker.stats(container, Some(options)).boxed();
        let what = format!("measure {container}");
        stream::unfold(Some((stats, what)), |state| async {
            let (mut stats, what) = state?;
            loop {
                return match tokio::time::timeout(SILENCE, stats.next()).await {
                    Ok(None) => None,
                    Ok(Some(Ok(sample))) if is_of_stopped(&sample) => None,
                    Ok(Some(Ok(sample))) => match usage(&sample) {
                        Some(usage) => Some((Ok(usage), Some((stats, what)))),
                        None => continue,
                    },
                    Ok(Some(Err(error))) => Some((Err(errors::explain(&what, &error)), None)),
                    Err(_) => Some((Err(errors::too_late(&what, SILENCE)), None)),
                };
            }
        })
        .boxed()
    }
}

/// What the engine calls itself, as far as it makes a difference to a person.
fn product(version: &SystemVersion, info: &SystemInfo) -> &'static str {
    let component = |word: &str| {
        version
            .components
            .iter()
            .flatten()
            .any(|component| component.name.contains(word))
    };
    let platform = version
        .platform
        .as_ref()
        .map_or("", |platform| platform.name.as_str());
    let system = info.operating_system.as_deref().unwrap_or_default();
    if component("Podman") {
        "Podman"
    } else if platform.contains("Docker Desktop") || system.contains("Docker Desktop") {
        "Docker Desktop"
    } else if system.contains("OrbStack") {
        "OrbStack"
    } else if info.name.as_deref() == Some("colima") {
        "Colima"
    } else {
        "Docker"
    }
}

/// The events up to the first error. An engine that shuts down ends the answer properly; for the reader that is an
/// error as well, because events are lost from then on.
fn until_broken(
    events: BoxStream<'static, Result<EventMessage, Source>>,
) -> BoxStream<'static, Result<EngineEvent, Error>> {
    const WHAT: &str = "follow the engine's events";
    stream::unfold(Some(events), |events| async {
        let mut events = events?;
        loop {
            return match events.next().await {
                // Commands run in containers come and go by the second and change nothing that is shown.
                Some(Ok(event))
                    if event
                        .action
                        .as_deref()
                        .is_some_and(|action| action.starts_with("exec_")) =>
                {
                    continue;
                }
                Some(Ok(event)) => Some((Ok(from_event(event)), Some(events))),
                Some(Err(error)) => Some((Err(errors::explain(WHAT, &error)), None)),
                None => {
                    let gone = "the engine has closed the connection";
                    Some((Err(Error::new(ErrorKind::Unreachable, WHAT, gone)), None))
                }
            };
        }
    })
    .boxed()
}

fn from_event(event: EventMessage) -> EngineEvent {
    let actor = event.actor.unwrap_or_default();
    let id = actor.id.unwrap_or_default();
    let name = actor
        .attributes
        .and_then(|mut attributes| attributes.remove("name"));
    EngineEvent {
        object: event.typ.map(|typ| typ.to_string()).unwrap_or_default(),
        action: event.action.unwrap_or_default(),
        // A volume has no ID but its name.
        name: name.unwrap_or_else(|| id.clone()),
        id,
        time: event
            .time_nano
            .and_then(|nanos| Timestamp::from_nanosecond(i128::from(nanos)).ok()),
    }
}

/// Whether this is what an engine sends, second by second, for a container that does not run: nothing but its name.
fn is_of_stopped(sample: &ContainerStatsResponse) -> bool {
    let processor = sample.cpu_stats.as_ref();
    let memory = sample.memory_stats.as_ref();
    processor
        .and_then(|stats| stats.system_cpu_usage)
        .unwrap_or(0)
        == 0
        && memory.and_then(|stats| stats.usage).unwrap_or(0) == 0
}

/// The use since the sample before; `None` for the first one, which has none before.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share of the machine's processors needs no 53 bits"
)]
fn usage(sample: &ContainerStatsResponse) -> Option<Usage> {
    let now = sample.cpu_stats.as_ref()?;
    let before = sample.precpu_stats.as_ref()?;
    let total = |stats: &ContainerCpuStats| stats.cpu_usage.as_ref()?.total_usage;
    let system = now
        .system_cpu_usage?
        .checked_sub(before.system_cpu_usage?)?;
    let used = total(now)?.checked_sub(total(before)?)?;
    let memory = sample.memory_stats.as_ref()?;
    // The page cache that can go at once, by its names under either control group hierarchy.
    let cache = memory.stats.as_ref().and_then(|stats| {
        stats
            .get("total_inactive_file")
            .or_else(|| stats.get("inactive_file"))
    });
    let in_use = memory.usage.unwrap_or_default();
    (system > 0).then(|| Usage {
        cpu_cores: used as f64 / system as f64 * f64::from(processors(now)),
        memory: in_use.saturating_sub(cache.copied().unwrap_or_default()),
        memory_limit: memory.limit.unwrap_or_default(),
    })
}

/// How many processors the system's time is summed over.
fn processors(stats: &ContainerCpuStats) -> u32 {
    let counted = || {
        let list = stats.cpu_usage.as_ref()?.percpu_usage.as_ref()?;
        u32::try_from(list.len()).ok()
    };
    stats
        .online_cpus
        .filter(|count| *count > 0)
        .or_else(counted)
        .unwrap_or(1)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(json: &str) -> ContainerStatsResponse {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn use_is_what_the_engine_s_own_tool_shows_under_both_hierarchies() {
        for (cache, hierarchy) in [
            (r#"{"total_inactive_file":40,"inactive_file":7}"#, 1),
            (r#"{"inactive_file":40}"#, 2),
        ] {
            let json = format!(
                r#"{{"cpu_stats":{{"cpu_usage":{{"total_usage":500}},"system_cpu_usage":5000,"online_cpus":4}},
                "precpu_stats":{{"cpu_usage":{{"total_usage":300}},"system_cpu_usage":4200}},
                "memory_stats":{{"usage":100,"limit":1000,"stats":{cache}}}}}"#
            );
            let seen = usage(&sample(&json)).unwrap();
            assert!((seen.cpu_cores - 1.0).abs() < 1e-9, "{hierarchy}: {seen:?}");
            assert_eq!((seen.memory, seen.memory_limit), (60, 1000), "{hierarchy}");
        }
    }

    #[test]
    fn the_first_sample_and_a_restarted_counter_are_no_measurements() {
        let first = r#"{"cpu_stats":{"cpu_usage":{"total_usage":5},"system_cpu_usage":50},
            "precpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{"usage":1}}"#;
        let restarted = r#"{"cpu_stats":{"cpu_usage":{"total_usage":5},"system_cpu_usage":50},
            "precpu_stats":{"cpu_usage":{"total_usage":9},"system_cpu_usage":40},"memory_stats":{"usage":1}}"#;
        for json in [first, restarted] {
            assert_eq!(usage(&sample(json)), None);
            assert!(!is_of_stopped(&sample(json)));
        }
        let stopped = r#"{"id":"x","cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{}}"#;
        assert!(is_of_stopped(&sample(stopped)));
    }

    #[tokio::test]
    async fn the_end_of_events_is_an_error_and_commands_are_no_events() {
        let event = |json: &str| Ok(serde_json::from_str::<EventMessage>(json).unwrap());
        let items = vec![
            event(r#"{"Type":"container","Action":"exec_start: sh","Actor":{"ID":"1"}}"#),
            event(r#"{"Type":"volume","Action":"create","Actor":{"ID":"data","Attributes":{}}}"#),
        ];
        let seen: Vec<_> = until_broken(stream::iter(items).boxed()).collect().await;
        assert_eq!(seen.len(), 2);
        assert!(
            matches!(&seen[0], Ok(event) if event.name == "data" && event.object == "volume"),
            "{seen:?}"
        );
        assert!(matches!(&seen[1], Err(error) if error.kind == ErrorKind::Unreachable));
    }

    #[test]
    fn engines_are_told_apart() {
        let version = |json: &str| serde_json::from_str::<SystemVersion>(json).unwrap();
        let info = |json: &str| serde_json::from_str::<SystemInfo>(json).unwrap();
        let podman = version(r#"{"Components":[{"Name":"Podman Engine","Version":"5"}]}"#);
        assert_eq!(product(&podman, &info("{}")), "Podman");
        let desktop = version(r#"{"Platform":{"Name":"Docker Desktop 4.30"}}"#);
        assert_eq!(product(&desktop, &info("{}")), "Docker Desktop");
        let plain = version(r#"{"Platform":{"Name":"Docker Engine - Community"}}"#);
        assert_eq!(product(&plain, &info(r#"{"Name":"colima"}"#)), "Colima");
        assert_eq!(product(&plain, &info("{}")), "Docker");
    }
}
