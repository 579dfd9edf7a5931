//! Lines out of chunks: engines and API servers send a log as bytes, cut anywhere.
//!
//! A line is passed on when it ends, or when it is longer than a line may be; what comes until the next line feed is
//! then dropped, so that a gigabyte without a line feed costs no memory.

use jiff::Timestamp;

use crate::domain::{
    LogLine,
    log::{MAX_LINE_BYTES, sanitize},
};

/// The longest prefix that is kept of a line: the text plus the timestamp before it.
const KEEP: usize = MAX_LINE_BYTES + 64;

/// Puts chunks together into lines.
#[derive(Debug, Default)]
pub(crate) struct LineSplit {
    rest: Vec<u8>,
    skipping: bool,
}

impl LineSplit {
    /// Whether the last chunk ended inside a line.
    pub(crate) fn is_mid_line(&self) -> bool {
        self.skipping || !self.rest.is_empty()
    }

    /// Takes a chunk and returns the lines that it completes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Vec<LogLine> {
        let mut lines = Vec::new();
        let mut parts = chunk.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            if !self.skipping {
                let room = (KEEP + 1).saturating_sub(self.rest.len());
                self.rest.extend_from_slice(&part[..part.len().min(room)]);
            }
            let ended = parts.peek().is_some();
            if !self.skipping && (ended || self.rest.len() > KEEP) {
                lines.push(parse(&self.rest));
                self.rest.clear();
                self.skipping = !ended;
            } else if ended {
                self.skipping = false;
            }
        }
        lines
    }

    /// What is left when the stream has ended without a line feed.
    pub(crate) fn finish(&mut self) -> Option<LogLine> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| parse(&rest))
    }
}

/// Separates the runtime's timestamp (RFC 3339, then one space) from the text.
fn parse(raw: &[u8]) -> LogLine {
    let stamp = raw.iter().take(40).position(|byte| *byte == b' ');
    let time = stamp.and_then(|end| {
        std::str::from_utf8(&raw[..end])
            .ok()?
            .parse::<Timestamp>()
            .ok()
    });
    let text = match (time, stamp) {
        (Some(_), Some(end)) => &raw[end + 1..],
        // A line that is empty but for its time has no space behind it.
        _ => match std::str::from_utf8(raw)
            .ok()
            .and_then(|text| text.parse::<Timestamp>().ok())
        {
            Some(time) => {
                return LogLine {
                    time: Some(time),
                    source: "".into(),
                    text: "".into(),
                };
            }
            None => raw,
        },
    };
    LogLine {
        time,
        source: "".into(),
        text: sanitize(text).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| &*line.text).collect()
    }

    #[test]
    fn chunks_cut_anywhere_become_the_same_lines() {
        let whole =
            "2026-11-21T03:00:00.123456789Z first\n2026-11-21T03:00:01Z zwölf\nplain\n".as_bytes();
        for cut in 0..whole.len() {
            let mut split = LineSplit::default();
            let mut lines = split.push(&whole[..cut]);
            lines.extend(split.push(&whole[cut..]));
            assert_eq!(texts(&lines), ["first", "zwölf", "plain"], "cut at {cut}");
            assert!(lines[0].time.is_some() && lines[2].time.is_none());
        }
    }

    #[test]
    fn a_line_without_end_costs_a_bounded_buffer() {
        let mut split = LineSplit::default();
        let mut lines = Vec::new();
        for _ in 0..1000 {
            lines.extend(split.push(&[b'x'; 10_000]));
            assert!(split.rest.len() <= KEEP + 1);
        }
        lines.extend(split.push(b"\nnext\n"));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].text.ends_with("(line cut)"));
        assert_eq!(&*lines[1].text, "next");
    }

    #[test]
    fn the_last_line_needs_no_line_feed() {
        let mut split = LineSplit::default();
        assert!(split.push(b"half").is_empty());
        assert_eq!(split.finish().map(|line| line.text), Some("half".into()));
        assert_eq!(split.finish(), None);
    }
}
