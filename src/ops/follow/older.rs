//! Older lines, for whoever scrolls up beyond the beginning of what is there.
//!
//! A kubelet cannot be asked for what was before a moment, only for more of the last lines. So the tail is made longer
//! until enough of it is from before the moment; what is newer is dropped as it comes.

use std::collections::VecDeque;

use futures::StreamExt;
use jiff::Timestamp;

use super::lane::is_refusal;
use crate::{
    backend::{Error, KubeApi},
    domain::{LogLine, ObjectKey, Problem, container::LogRequest},
};

/// How many times the wanted lines are asked for at first and then, before all that there is. A reader who scrolls up
/// from the end is helped by the first; one step more is still less than a whole file of ten megabytes.
const STEPS: [u32; 2] = [4, 32];

/// At most `lines` lines of a container from before a moment, the oldest first; fewer where the node keeps no more. They
/// go back into the run before the present one where that is kept. Lines of the very moment are not among them, and their
/// source is not filled in.
///
/// # Errors
/// When the log cannot be read.
pub async fn older(
    api: &dyn KubeApi,
    pod: &ObjectKey,
    container: &str,
    before: Timestamp,
    lines: usize,
) -> Result<Vec<LogLine>, Problem> {
    let mut found = VecDeque::new();
    let steps = STEPS.map(|times| u32::try_from(lines).ok()?.checked_mul(times));
    for tail in steps.into_iter().flatten().map(Some).chain([None]) {
        let request = LogRequest {
            tail,
            ..LogRequest::default()
        };
        found = read(api, pod, container, &request, before, lines).await?;
        if found.len() >= lines {
            return Ok(found.into());
        }
    }
    let request = LogRequest {
        previous: true,
        ..LogRequest::default()
    };
    match read(api, pod, container, &request, before, lines - found.len()).await {
        // While a container waits to be started again, the run before is the one that was just read.
        Ok(mut earlier) => {
            let first = found.front().and_then(|line: &LogLine| line.time);
            earlier.retain(|line| first.is_none_or(|first| line.time < Some(first)));
            earlier.extend(found);
            Ok(earlier.into())
        }
        Err(error) if is_refusal(&error) => Ok(found.into()),
        Err(error) => Err(error.into()),
    }
}

/// The last lines of an answer that are from before the moment.
async fn read(
    api: &dyn KubeApi,
    pod: &ObjectKey,
    container: &str,
    request: &LogRequest,
    before: Timestamp,
    most: usize,
) -> Result<VecDeque<LogLine>, Error> {
    let mut stream = api.logs(pod, container, request);
    let mut found = VecDeque::new();
    while let Some(line) = stream.next().await {
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
