//! Whole lines out of a stream that is cut anywhere, with a bound, and without losing what has come when a wait for
//! more is given up.

use std::io;

use futures::{AsyncBufReadExt as _, FutureExt as _};

use crate::backend::kubernetes::request::Reader;

/// The largest objects that a server keeps are 1.5 MiB; printed beside their cells they stay far below this.
const LONGEST: usize = 8 * 1024 * 1024;

/// Buffers that one large event made big are given back above this size.
const KEEP: usize = 256 * 1024;

pub(super) struct Lines {
    reader: Reader,
    line: Vec<u8>,
    complete: bool,
}

impl Lines {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            line: Vec::new(),
            complete: false,
        }
    }

    /// Waits for the next line; `None` is the end of the stream. The wait may be given up and taken up again.
    pub(super) async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if self.complete {
            self.complete = false;
            self.line.clear();
            self.line.shrink_to(KEEP);
        }
        loop {
            let chunk = self.reader.fill_buf().await?;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let (part, used) = match end {
                Some(end) => (&chunk[..end], end + 1),
                // The end of the stream; a line that was begun is of no use.
                None if chunk.is_empty() => return Ok(None),
                None => (chunk, chunk.len()),
            };
            self.line.extend_from_slice(part);
            self.reader.consume_unpin(used);
            if self.line.len() > LONGEST {
                return Err(io::Error::other(
                    "an event is longer than any object can be",
                ));
            }
            if end.is_some() {
                self.complete = true;
                return Ok(Some(&self.line));
            }
        }
    }

    /// The next line, if it is here already.
    pub(super) fn ready(&mut self) -> Option<io::Result<Option<&[u8]>>> {
        self.next().now_or_never()
    }
}
