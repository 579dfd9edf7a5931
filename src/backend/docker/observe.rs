//! What an engine tells of itself and of what goes on: its version, events, logs and the use of the machine.

use std::collections::HashMap;

use bollard::{
    models::{ContainerStatsResponse, EventMessage},
    query_parameters::{EventsOptionsBuilder, LogsOptionsBuilder, StatsOptionsBuilder},
};
use futures::{StreamExt, stream, stream::BoxStream};
use jiff::Timestamp;

use super::{ANSWER, Engine, errors, within};
use crate::{
    backend::{Error, line_split::LineSplit},
    domain::{
        LogLine,
        container::{EngineEvent, EngineInfo, LogRequest, Usage},
    },
};

impl Engine {
    pub(super) async fn engine_info(&self) -> Result<EngineInfo, Error> {
        let what = || "ask the engine for its version".to_owned();
        let version = within(ANSWER, what, self.docker.version()).await?;
        let info = within(ANSWER, what, self.docker.info()).await?;
        let product = version
            .platform
            .map(|platform| platform.name)
            .filter(|name| !name.is_empty());
        let product = match product {
            Some(name) if name.contains("Podman") => "Podman".to_owned(),
            _ => "Docker".to_owned(),
        };
        let positive = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        Ok(EngineInfo {
            endpoint: self.endpoint.clone(),
            product,
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            host: info.name.unwrap_or_default(),
            operating_system: info.operating_system.unwrap_or_default(),
            cgroup_version: info
                .cgroup_version
                .and_then(|version| version.to_string().parse().ok())
                .unwrap_or(1),
            cpus: positive(info.ncpu),
            memory: positive(info.mem_total),
        })
    }

    pub(super) fn container_log(
        &self,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let mut options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .follow(request.follow);
        if let Some(tail) = request.tail {
            options = options.tail(&tail.to_string());
        }
        if let Some(since) = request.since {
            options = options.since(i32::try_from(since.as_second()).unwrap_or(i32::MAX));
        }
        let since = request.since;
        let what = format!("read the log of {container}");
        // The two output streams are cut into chunks each for itself.
        let mut splits = [LineSplit::default(), LineSplit::default()];
        let chunks = self.docker.logs(container, Some(options.build()));
        let lines =
            chunks
                .map(Some)
                .chain(stream::once(async { None }))
                .map(move |item| match item {
                    Some(Ok(chunk)) => {
                        let split = &mut splits[usize::from(matches!(
                            chunk,
                            bollard::container::LogOutput::StdErr { .. }
                        ))];
                        split
                            .push(&chunk.into_bytes())
                            .into_iter()
                            .map(Ok)
                            .collect::<Vec<_>>()
                    }
                    Some(Err(error)) => vec![Err(errors::explain(&what, &error))],
                    None => splits
                        .iter_mut()
                        .filter_map(LineSplit::finish)
                        .map(Ok)
                        .collect(),
                });
        // The engine knows whole seconds only.
        Box::pin(lines.map(stream::iter).flatten().filter(move |line| {
            let wanted = match (line, since) {
                (Ok(line), Some(since)) => line.time.is_none_or(|time| time >= since),
                _ => true,
            };
            std::future::ready(wanted)
        }))
    }

    pub(super) fn event_stream(&self) -> BoxStream<'static, Result<EngineEvent, Error>> {
        let filters = HashMap::from([("type", vec!["container", "network", "volume"])]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        let events = self.docker.events(Some(options)).filter_map(|item| {
            std::future::ready(match item {
                // Commands run in containers come and go by the second and change nothing that is shown.
                Ok(event)
                    if event
                        .action
                        .as_deref()
                        .is_some_and(|action| action.starts_with("exec_")) =>
                {
                    None
                }
                Ok(event) => Some(Ok(from_event(event))),
                Err(error) => Some(Err(errors::explain("follow the engine's events", &error))),
            })
        });
        Box::pin(events)
    }

    pub(super) fn usage_stream(&self, container: &str) -> BoxStream<'static, Result<Usage, Error>> {
        let what = format!("measure {container}");
        let options = StatsOptionsBuilder::default().stream(true).build();
        let stats = self.docker.stats(container, Some(options));
        Box::pin(stats.filter_map(move |item| {
            std::future::ready(match item {
                Ok(stats) => usage(&stats).map(Ok),
                Err(error) => Some(Err(errors::explain(&what, &error))),
            })
        }))
    }
}

fn from_event(event: EventMessage) -> EngineEvent {
    let actor = event.actor.unwrap_or_default();
    EngineEvent {
        object: event.typ.map(|typ| typ.to_string()).unwrap_or_default(),
        action: event.action.unwrap_or_default(),
        id: actor.id.unwrap_or_default(),
        name: actor
            .attributes
            .and_then(|mut attributes| attributes.remove("name"))
            .unwrap_or_default(),
        time: event
            .time_nano
            .and_then(|nanos| Timestamp::from_nanosecond(i128::from(nanos)).ok()),
    }
}

/// The use since the measurement before; `None` for the first one, which has none before.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share of the machine's processors needs no 53 bits"
)]
fn usage(stats: &ContainerStatsResponse) -> Option<Usage> {
    let now = stats.cpu_stats.as_ref()?;
    let before = stats.precpu_stats.as_ref()?;
    let total = |stats: &bollard::models::ContainerCpuStats| stats.cpu_usage.as_ref()?.total_usage;
    let system = now
        .system_cpu_usage?
        .checked_sub(before.system_cpu_usage?)?;
    let used = total(now)?.checked_sub(total(before)?)?;
    let memory = stats.memory_stats.as_ref()?;
    // Docker's own CLI takes the page cache off in the same way, under either control group hierarchy.
    let cache = memory
        .stats
        .as_ref()
        .and_then(|stats| {
            stats
                .get("total_inactive_file")
                .or_else(|| stats.get("inactive_file"))
        })
        .copied()
        .unwrap_or_default();
    (system > 0).then(|| Usage {
        cpu_cores: used as f64 / system as f64 * f64::from(now.online_cpus.unwrap_or(1)),
        memory: memory.usage.unwrap_or_default().saturating_sub(cache),
        memory_limit: memory.limit.unwrap_or_default(),
    })
}
