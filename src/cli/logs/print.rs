//! Lines to stdout as they come, until all are there, nobody reads them any more, or a signal ends it.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;

use super::form::Form;
use crate::{
    backend::KubeApi,
    cli::{output::note, signals::Signals},
    domain::{Mark, MarkEvent, Problem, log::LogItem},
    ops::follow::{Query, follow},
};

/// As many lines are written in one go, if as many are there: a few thousand writes a second are enough, and lines may
/// be a million bytes long.
const TOGETHER: usize = 64;

/// A problem that ends the log is told by the exit; whether it does shows within so long.
const END: Duration = Duration::from_millis(100);

/// Prints the logs of a query.
///
/// # Errors
/// What could not be read; where it is followed, what ended it.
pub async fn all(api: Arc<dyn KubeApi>, query: Query, form: Form) -> Result<(), Problem> {
    let mut signals = Signals::take()?;
    let colour = form.colour && io::stderr().is_terminal();
    let following = query.follow;
    let items = follow(api, query).ready_chunks(TOGETHER).peekable();
    let mut items = std::pin::pin!(items);
    // The first problem of what is only read is told at the end, with the exit code.
    let mut first: Option<Problem> = None;
    loop {
        let chunk = tokio::select! {
            () = signals.next() => return interrupted(following),
            chunk = items.next() => match chunk {
                Some(chunk) => chunk,
                None => return first.map_or(Ok(()), Err),
            },
        };
        let mut printer = Printer {
            form: &form,
            colour,
            lines: Vec::new(),
        };
        let last = chunk
            .last()
            .and_then(problem)
            .filter(|_| following)
            .cloned();
        let length = chunk.len();
        for (place, item) in chunk.iter().enumerate() {
            match (item, problem(item)) {
                (LogItem::Line(line), _) => {
                    form.line(line, &mut printer.lines);
                    if let Some(mark) = form.cut(line) {
                        printer.mark(&mark).await?;
                    }
                }
                (LogItem::Mark(_), Some(problem)) if !following && first.is_none() => {
                    first = Some(problem.clone());
                }
                (LogItem::Mark(_), Some(_)) if last.is_some() && place + 1 == length => {}
                (LogItem::Mark(mark), _) => printer.mark(mark).await?,
            }
        }
        let open = tokio::select! {
            () = signals.next() => return interrupted(following),
            open = printer.flush() => open?,
        };
        if !open {
            return Ok(());
        }
        if let (Some(problem), Some(LogItem::Mark(mark))) = (last, chunk.last()) {
            if let Ok(None) = tokio::time::timeout(END, items.as_mut().peek()).await {
                return Err(problem);
            }
            printer.mark(mark).await?;
        }
    }
}

/// A log that is followed is ended so; one that is read was not read to its end.
fn interrupted(following: bool) -> Result<(), Problem> {
    if following {
        Ok(())
    } else {
        let why = "the logs were not read to their end";
        Err(Problem::refused("cancelled", why))
    }
}

const fn problem(item: &LogItem) -> Option<&Problem> {
    match item {
        LogItem::Mark(Mark {
            event: MarkEvent::Problem(problem),
            ..
        }) => Some(problem),
        _ => None,
    }
}

/// What is to be printed.
struct Printer<'a> {
    form: &'a Form,
    colour: bool,
    lines: Vec<u8>,
}

impl Printer<'_> {
    /// Prints a mark behind the lines so far.
    async fn mark(&mut self, mark: &Mark) -> Result<(), Problem> {
        if !self.form.mark(mark, &mut self.lines) {
            self.flush().await?;
            note(&self.form.aside(mark, self.colour));
        }
        Ok(())
    }

    /// Prints the lines; `false` where nobody reads them any more. A reader that pauses holds up this future, not the
    /// program: it can be dropped.
    async fn flush(&mut self) -> Result<bool, Problem> {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return Ok(true);
        }
        let written = tokio::task::spawn_blocking(move || {
            let mut out = io::stdout().lock();
            out.write_all(&lines).and_then(|()| out.flush())
        });
        match written.await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Ok(Err(error)) => Err(Problem::failed(
                "the logs were not written",
                error.to_string(),
            )),
            Err(error) => Err(Problem::failed(
                "the logs were not written",
                error.to_string(),
            )),
        }
    }
}
