//! Older lines, for whoever scrolls up beyond the beginning of what is there.
//!
//! A kubelet cannot be asked for what was before a moment, only for more of the last lines. So the tail is made longer
//! until enough of it is from before the moment; what is newer is dropped as it comes.

use std::{collections::VecDeque, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use jiff::Timestamp;

use super::lane::is_refusal;
use crate::{
    backend::{ContainerRuntime, Error, KubeApi},
    domain::{LogLine, ObjectKey, Problem, container::LogRequest, log_source::Source},
};

/// How many times the wanted lines are asked for at first and then, before all that there is. A reader who scrolls up
/// from the end is helped by the first; one step more is still less than a whole file of ten megabytes.
const STEPS: [u32; 2] = [4, 32];

/// As many containers are asked at once: a screenful of them takes a few round trips, and no API server minds.
const AT_ONCE: usize = 8;

/// The time of the first line that is known of a container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// The container.
    pub source: Arc<Source>,
    /// When its first known line was written.
    pub time: Timestamp,
}

/// Lines of containers of pods from before those that are known, at most `lines` of each, in the order of time; none
/// where the nodes keep no more. They go as far back as all of them were read, so that nothing is missing between them
/// and what is known. A pod that is gone has no older lines.
///
/// # Errors
/// When the log of a pod that is there cannot be read.
pub async fn older(
    api: &dyn KubeApi,
    known: &[Beginning],
    lines: usize,
) -> Result<Vec<LogLine>, Problem> {
    let asked: Vec<_> = known
        .iter()
        .map(|beginning| of_pod(api, beginning, lines))
        .collect();
    let pages: Vec<Vec<LogLine>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    // Who has more than was asked for was read only as far as its first line here, before which there may be more of the
    // same moment.
    let full = pages.iter().filter(|page| page.len() >= lines);
    let horizon = full.filter_map(|page| page.first()?.time).max();
    let mut all: Vec<LogLine> = pages.into_iter().flatten().collect();
    all.sort_by_key(|line| line.time);
    let sure = all.partition_point(|line| horizon.is_some() && line.time <= horizon);
    if sure < all.len() {
        all.drain(..sure);
    }
    Ok(all)
}

async fn of_pod(
    api: &dyn KubeApi,
    known: &Beginning,
    lines: usize,
) -> Result<Vec<LogLine>, Problem> {
    let source = &known.source;
    let key = ObjectKey::new(&*source.namespace, &*source.pod);
    let log = |request: &LogRequest| api.logs(&key, &source.container, request);
    let mut found = match last(log, known.time, lines).await {
        Ok(found) => found,
        Err(error) if is_refusal(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if found.len() < lines {
        let previous = LogRequest {
            previous: true,
            ..LogRequest::default()
        };
        match read(log(&previous), known.time, lines - found.len()).await {
            // While a container waits to be started again, the run before is the one that was just read.
            Ok(mut earlier) => {
                let first = found.front().and_then(|line: &LogLine| line.time);
                earlier.retain(|line| first.is_none_or(|first| line.time < Some(first)));
                earlier.extend(found);
                found = earlier;
            }
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for line in &mut found {
        line.source = Some(Arc::clone(source));
    }
    Ok(found.into())
}

/// Lines of a container at the engine from before a moment, at most so many, the oldest first.
///
/// # Errors
/// When the log cannot be read.
pub async fn older_of_container(
    runtime: &dyn ContainerRuntime,
    container: &str,
    before: Timestamp,
    lines: usize,
) -> Result<Vec<LogLine>, Problem> {
    let log = |request: &LogRequest| runtime.logs(container, request);
    Ok(last(log, before, lines).await?.into())
}

/// The last lines of a log that are from before a moment.
async fn last(
    log: impl Fn(&LogRequest) -> BoxStream<'static, Result<LogLine, Error>>,
    before: Timestamp,
    lines: usize,
) -> Result<VecDeque<LogLine>, Error> {
    let steps = STEPS.map(|times| u32::try_from(lines).ok()?.checked_mul(times));
    let mut found = VecDeque::new();
    for tail in steps.into_iter().flatten().map(Some).chain([None]) {
        let request = LogRequest {
            tail,
            ..LogRequest::default()
        };
        found = read(log(&request), before, lines).await?;
        if found.len() >= lines {
            break;
        }
    }
    Ok(found)
}

/// The last lines of an answer that are from before the moment.
async fn read(
    mut answer: BoxStream<'static, Result<LogLine, Error>>,
    before: Timestamp,
    most: usize,
) -> Result<VecDeque<LogLine>, Error> {
    let mut found = VecDeque::new();
    while let Some(line) = answer.next().await {
        let line = line?;
        // What follows is newer still.
        if line.time.is_some_and(|time| time >= before) {
            break;
        }
        found.push_back(line);
        if found.len() > most {
            found.pop_front();
        }
    }
    Ok(found)
}
