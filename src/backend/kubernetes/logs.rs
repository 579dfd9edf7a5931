//! The log of a container of a pod.

use std::fmt::Write as _;

use futures::{AsyncReadExt, FutureExt, StreamExt, stream, stream::BoxStream};
use kube::Client;

use super::{ANSWER, errors, path};
use crate::{
    backend::{Error, ErrorKind, line_split::LineSplit},
    domain::{LogLine, ObjectKey, container::LogRequest},
    resources::pods,
};

/// As much is read at a time.
const CHUNK: usize = 16 * 1024;

pub(super) fn stream(
    client: Client,
    pod: &ObjectKey,
    container: &str,
    request: &LogRequest,
) -> BoxStream<'static, Result<LogLine, Error>> {
    let what = format!("read the log of {pod}/{container}");
    let mut uri = format!(
        "{}/log?container={}&timestamps=true&follow={}",
        path::object(&pods::KIND, pod),
        path::escape(container),
        request.follow
    );
    if let Some(tail) = request.tail {
        // Writing to a String cannot fail.
        let _ = write!(uri, "&tailLines={tail}");
    }
    if let Some(since) = request.since {
        let _ = write!(uri, "&sinceTime={}", path::escape(&since.to_string()));
    }
    let since = request.since;
    let open = async move {
        let request = match http::Request::get(uri).body(Vec::new()) {
            Ok(request) => request,
            Err(error) => {
                return stream::iter([Err(Error::new(
                    ErrorKind::Invalid,
                    what,
                    error.to_string(),
                ))])
                .boxed();
            }
        };
        match tokio::time::timeout(ANSWER, client.request_stream(request)).await {
            Err(_) => stream::iter([Err(errors::too_late(&what, ANSWER))]).boxed(),
            Ok(Err(error)) => stream::iter([Err(errors::explain(&what, &error))]).boxed(),
            Ok(Ok(body)) => lines(Box::pin(body), what),
        }
    };
    // The kubelet knows whole seconds only.
    let wanted = move |line: &Result<LogLine, Error>| match (line, since) {
        (Ok(line), Some(since)) => line.time.is_none_or(|time| time >= since),
        _ => true,
    };
    open.flatten_stream()
        .filter(move |line| std::future::ready(wanted(line)))
        .boxed()
}

type Body = std::pin::Pin<Box<dyn futures::AsyncBufRead + Send>>;

fn lines(body: Body, what: String) -> BoxStream<'static, Result<LogLine, Error>> {
    let begin = (Some(body), LineSplit::default(), vec![0_u8; CHUNK], what);
    stream::unfold(begin, |(body, mut split, mut chunk, what)| async move {
        let mut body = body?;
        let (lines, rest) = match body.read(&mut chunk).await {
            Ok(0) => (split.finish().map(Ok).into_iter().collect::<Vec<_>>(), None),
            Ok(read) => (
                split.push(&chunk[..read]).into_iter().map(Ok).collect(),
                Some(body),
            ),
            Err(error) => {
                let mut lines: Vec<Result<LogLine, Error>> =
                    split.finish().map(Ok).into_iter().collect();
                lines.push(Err(Error::new(
                    ErrorKind::Unreachable,
                    what.clone(),
                    error.to_string(),
                )));
                (lines, None)
            }
        };
        Some((stream::iter(lines), (rest, split, chunk, what)))
    })
    .flatten()
    .boxed()
}
