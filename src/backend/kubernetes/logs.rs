//! The log of a container of a pod, through the API server and the kubelet.

use std::{collections::VecDeque, io, time::Duration};

use futures::{
    AsyncBufReadExt as _, StreamExt as _,
    stream::{self, BoxStream},
};

use super::{
    Api, errors,
    request::{ANSWER, Ask, Reader, Wire, object},
};
use crate::{
    backend::{Error, ErrorKind, line_split::LineSplit},
    domain::{LogLine, ObjectKey, container::LogRequest},
    resources::pods,
};

/// A log that is only read, not followed, comes without pauses; a followed one may be silent for days.
const PAUSE: Duration = ANSWER;

/// What a kubelet says in the place of a log that it does not have any more, with a status of success. Its own words have
/// no time, which every line of a container has.
const NO_LOG: &str = "unable to retrieve container logs for ";

struct Log {
    wire: Wire,
    what: String,
    follow: bool,
    state: State,
    split: LineSplit,
    ready: VecDeque<Result<LogLine, Error>>,
}

enum State {
    Closed(Ask),
    Open(Reader),
    Ended,
}

impl Api {
    /// The log's lines. A followed log ends when the container does.
    pub(super) fn pod_log(
        &self,
        pod: &ObjectKey,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let yes = |on: bool| if on { "true" } else { "" };
        let tail = request
            .tail
            .map_or_else(String::new, |tail| tail.to_string());
        let since = request
            .since
            .map_or_else(String::new, |since| since.to_string());
        // The server counts in whole seconds, of which there has to be one.
        let ago = request.ago.map_or_else(String::new, |ago| {
            (ago.as_millis().div_ceil(1_000).max(1)).to_string()
        });
        let ask = Ask::get(format!("{}/log", object(&pods::KIND, pod)))
            .with("container", container)
            .with("follow", yes(request.follow))
            .with("previous", yes(request.previous))
            .with("tailLines", &tail)
            .with("sinceTime", &since)
            .with("sinceSeconds", &ago)
            .with("timestamps", "true")
            .accepting("*/*")
            .uncompressed();
        let log = Log {
            wire: self.wire.clone(),
            what: format!("log of {pod} ({container})"),
            follow: request.follow,
            state: State::Closed(ask),
            split: LineSplit::of(request.whole),
            ready: VecDeque::new(),
        };
        let since = request.since;
        // The kubelet goes back to the whole second.
        let wanted = move |line: &Result<LogLine, Error>| match (line, since) {
            (Ok(line), Some(since)) => line.time.is_none_or(|time| time >= since),
            _ => true,
        };
        stream::unfold(log, |mut log| async move {
            let item = match log.next().await? {
                Ok(line) if line.time.is_none() && line.text.starts_with(NO_LOG) => Err(
                    Error::new(ErrorKind::NotFound, log.what.clone(), &*line.text),
                ),
                item => item,
            };
            Some((item, log))
        })
        .filter(move |line| std::future::ready(wanted(line)))
        .boxed()
    }
}

impl Log {
    async fn next(&mut self) -> Option<Result<LogLine, Error>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return None,
                State::Closed(ask) => match self.wire.open(&self.what, ask).await {
                    Ok(reader) => self.state = State::Open(reader),
                    Err(error) => return Some(Err(error)),
                },
                State::Open(reader) => self.read(reader).await,
            }
        }
    }

    /// Takes what has come. Where a log that is only read ends, the last line may have no line feed.
    async fn read(&mut self, mut reader: Reader) {
        let chunk = if self.follow {
            reader.fill_buf().await
        } else {
            match tokio::time::timeout(PAUSE, reader.fill_buf()).await {
                Ok(chunk) => chunk,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        };
        let (read, end) = match chunk {
            Ok([]) => (0, None),
            Ok(chunk) => {
                self.ready
                    .extend(self.split.push(chunk).into_iter().map(Ok));
                (chunk.len(), None)
            }
            Err(error) => {
                let broken = errors::broken(&self.what, &error);
                (0, Some(Err(broken)))
            }
        };
        if read > 0 {
            reader.consume_unpin(read);
            self.state = State::Open(reader);
        } else {
            // What a broken connection left half is not a line. A server that loses the kubelet ends a followed log as
            // if it were over, so that half a line is none there either: it is whole when it is asked for again.
            if end.is_none() && !self.follow {
                self.ready.extend(self.split.finish().map(Ok));
            }
            self.ready.extend(end);
        }
    }
}
