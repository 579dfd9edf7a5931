//! The log of a container: the engine's records put together into lines, each with its time.

use std::time::Duration;

use bollard::{
    container::LogOutput, errors::Error as Source, query_parameters::LogsOptionsBuilder,
};
use futures::{StreamExt, stream, stream::BoxStream};
use jiff::Timestamp;

use super::{ANSWER, Engine, errors};
use crate::{
    backend::{Error, line_split::LineSplit},
    domain::{LogLine, container::LogRequest},
};

/// A log that is not followed comes as fast as the engine can read it; a pause this long means that it is stuck.
const SILENCE: Duration = Duration::from_secs(30);

impl Engine {
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
        // An engine counts back by no clock of its own: its command line does that too.
        let ago = |ago| Timestamp::now().checked_sub(ago).ok();
        if let Some(since) = request.since.or_else(|| request.ago.and_then(ago)) {
            options = options.since(i32::try_from(since.as_second()).unwrap_or(i32::MAX));
        }
        let docker = self.docker.clone().with_timeout(ANSWER);
        let chunks = docker.logs(container, Some(options.build()));
        let what = format!("read the log of {container}");
        let chunks = if request.follow {
            chunks.boxed()
        } else {
            never_silent(chunks)
        };
        lines(chunks, what, request)
    }
}

/// Fails when nothing comes for too long.
fn never_silent(
    chunks: impl stream::Stream<Item = Result<LogOutput, Source>> + Send + Unpin + 'static,
) -> BoxStream<'static, Result<LogOutput, Source>> {
    stream::unfold(Some(chunks), |chunks| async {
        let mut chunks = chunks?;
        match tokio::time::timeout(SILENCE, chunks.next()).await {
            Ok(item) => Some((item?, Some(chunks))),
            Err(_) => Some((Err(Source::RequestTimeoutError), None)),
        }
    })
    .boxed()
}

/// The lines of a stream of records, up to its end or its first error.
fn lines(
    chunks: BoxStream<'static, Result<LogOutput, Source>>,
    what: String,
    request: &LogRequest,
) -> BoxStream<'static, Result<LogLine, Error>> {
    // The two output streams are cut into records each for itself.
    let since = request.since;
    let mut splits = [LineSplit::of(request.whole), LineSplit::of(request.whole)];
    let mut failed = false;
    chunks
        .map(Some)
        .chain(stream::once(async { None }))
        .map(move |item| match item {
            Some(Ok(chunk)) => {
                let split = &mut splits[usize::from(matches!(chunk, LogOutput::StdErr { .. }))];
                // The engine cuts long lines into records of 16 KiB and stamps each of them.
                let raw = chunk.as_ref();
                let stamp = if split.is_mid_line() {
                    stamp_length(raw)
                } else {
                    0
                };
                split.push(&raw[stamp..]).into_iter().map(Ok).collect()
            }
            Some(Err(error)) => {
                failed = true;
                vec![Err(errors::explain(&what, &error))]
            }
            // What a broken connection left half is not a line.
            None if failed => Vec::new(),
            None => splits
                .iter_mut()
                .filter_map(LineSplit::finish)
                .map(Ok)
                .collect::<Vec<_>>(),
        })
        .map(stream::iter)
        .flatten()
        // The engine knows whole seconds only.
        .filter(move |line| {
            let wanted = match (line, since) {
                (Ok(line), Some(since)) => line.time.is_none_or(|time| time >= since),
                _ => true,
            };
            std::future::ready(wanted)
        })
        .boxed()
}

/// The length of the timestamp, with the space behind it, that a record begins with.
fn stamp_length(record: &[u8]) -> usize {
    record
        .iter()
        .take(40)
        .position(|byte| *byte == b' ')
        .filter(|end| {
            std::str::from_utf8(&record[..*end]).is_ok_and(|text| text.parse::<Timestamp>().is_ok())
        })
        .map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::MAX_LINE_BYTES;

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut {
            message: text.to_owned().into(),
        }
    }

    fn err(text: &str) -> LogOutput {
        LogOutput::StdErr {
            message: text.to_owned().into(),
        }
    }

    /// The texts of the lines that the records make, and what went wrong.
    async fn read(
        records: Vec<LogOutput>,
        end: Option<Source>,
        since: Option<Timestamp>,
    ) -> Vec<String> {
        let chunks = records.into_iter().map(Ok).chain(end.map(Err));
        let request = LogRequest {
            since,
            ..LogRequest::default()
        };
        lines(stream::iter(chunks).boxed(), "read".to_owned(), &request)
            .map(|line| match line {
                Ok(line) => {
                    assert!(line.time.is_some(), "{line:?}");
                    line.text.into_string()
                }
                Err(error) => format!("! {}", error.why),
            })
            .collect()
            .await
    }

    const T: &str = "2026-11-21T03:00:00.123456789Z";

    #[tokio::test]
    async fn the_stamps_inside_a_line_of_several_records_are_taken_out() {
        let chunks = vec![
            out(&format!("{T} one ")),
            err(&format!("{T} other\n")),
            out(&format!("{T} two ")),
            out(&format!("{T} three\n{T} next")),
        ];
        assert_eq!(
            read(chunks, None, None).await,
            ["other", "one two three", "next"]
        );
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let mut chunks: Vec<_> = (0..100)
            .map(|_| out(&format!("{T} {}", "x".repeat(16_384))))
            .collect();
        chunks.push(out("\n"));
        chunks.push(out(&format!("{T} next\n")));
        let lines = read(chunks, None, None).await;
        assert_eq!(lines.len(), 2);
        assert!(lines[0].len() < MAX_LINE_BYTES + 64 && lines[0].ends_with("MB more)"));
        assert_eq!(lines[1], "next");
    }

    #[tokio::test]
    async fn a_broken_connection_is_told_once_and_leaves_no_half_line() {
        let chunks = vec![out(&format!("{T} half"))];
        assert_eq!(
            read(chunks, Some(Source::RequestTimeoutError), None).await,
            ["! the engine did not answer in time"]
        );
    }

    #[tokio::test]
    async fn lines_of_the_same_second_but_before_the_wanted_moment_are_left_out() {
        let chunks = vec![
            out("2026-11-21T03:00:00.1Z before\n"),
            out("2026-11-21T03:00:00.5Z after\n"),
        ];
        let since = "2026-11-21T03:00:00.2Z".parse().ok();
        assert_eq!(read(chunks, None, since).await, ["after"]);
    }
}
