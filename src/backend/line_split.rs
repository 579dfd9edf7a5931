//! Lines out of chunks: engines and API servers send a log as bytes, cut anywhere.
//!
//! A line is passed on when it ends. Of one that is longer than a line may be only the beginning is kept and the rest
//! is counted, so that a gigabyte without a line feed costs no memory, and its reader learns how much is missing.

use jiff::Timestamp;

use crate::domain::{
    LogLine,
    log::{MAX_LINE_BYTES, MAX_WHOLE_BYTES},
};

/// The longest prefix that is kept of a line: the text plus the timestamp before it.
const KEEP: usize = MAX_LINE_BYTES + STAMP;
const STAMP: usize = 64;

/// A line of which as much is left out is passed on before its end, and goes on as another one: it may never end, and
/// a reader who waits for that sees nothing.
const PATIENCE: u64 = 16 << 20;

/// Puts chunks together into lines.
#[derive(Debug, Default)]
pub(crate) struct LineSplit {
    rest: Vec<u8>,
    /// Bytes of this line that were not kept.
    more: u64,
    /// Whether what was written is kept as well, and more of it.
    whole: bool,
}

impl LineSplit {
    /// Lines for eyes, or with what was written for programs.
    pub(crate) fn of(whole: bool) -> Self {
        Self {
            whole,
            ..Self::default()
        }
    }

    /// Whether the last chunk ended inside a line.
    pub(crate) fn is_mid_line(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Takes a chunk and returns the lines that it completes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Vec<LogLine> {
        let keep = if self.whole {
            MAX_WHOLE_BYTES + STAMP
        } else {
            KEEP
        };
        let mut lines = Vec::new();
        let mut parts = chunk.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let kept = part.len().min(keep.saturating_sub(self.rest.len()));
            self.rest.extend_from_slice(&part[..kept]);
            self.more += (part.len() - kept) as u64;
            if parts.peek().is_some() || self.more >= PATIENCE {
                lines.push(self.line());
            }
        }
        lines
    }

    /// What is left when the stream has ended without a line feed.
    pub(crate) fn finish(&mut self) -> Option<LogLine> {
        (!self.rest.is_empty()).then(|| self.line())
    }

    fn line(&mut self) -> LogLine {
        let line = parse(&self.rest, self.more, self.whole);
        self.rest.clear();
        // One long line is no reason to hold its room for ever.
        self.rest.shrink_to(KEEP);
        self.more = 0;
        line
    }
}

/// Separates the runtime's timestamp (RFC 3339, then one space) from the text.
fn parse(raw: &[u8], more: u64, whole: bool) -> LogLine {
    let line = if whole {
        LogLine::whole
    } else {
        LogLine::from_raw
    };
    let time = |stamp: &[u8]| std::str::from_utf8(stamp).ok()?.parse::<Timestamp>().ok();
    // A line that is empty but for its time may have no space behind it.
    let end = raw.iter().take(40).position(|byte| *byte == b' ');
    match time(&raw[..end.unwrap_or(raw.len())]) {
        Some(time) => line(Some(time), end.map_or(&[], |end| &raw[end + 1..]), more),
        None => line(None, raw, more),
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
            assert!(split.rest.len() <= KEEP);
        }
        lines.extend(split.push(b"\nnext\n"));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].text.ends_with("… (9.9 MB more)"));
        assert_eq!(&*lines[1].text, "next");
    }

    #[test]
    fn a_program_gets_what_was_written_up_to_a_bound() {
        let mut split = LineSplit::of(true);
        let long = "x".repeat(40_000);
        let lines = split.push(format!("2026-11-21T03:00:00Z a\tb\r\nplain\n{long}\n").as_bytes());
        assert_eq!(lines[0].bytes(), b"a\tb\r");
        assert!(lines[1].raw.is_none());
        assert_eq!((lines[2].bytes(), lines[2].missing()), (long.as_bytes(), 0));
        assert_eq!(lines[2].whole_text(), long);
        assert!(lines[2].text.len() < MAX_LINE_BYTES + 32);
        let lines = split.push(&[vec![b'y'; 3 << 20], b"\n".to_vec()].concat());
        let kept = lines[0].bytes().len();
        assert_eq!(kept as u64 + lines[0].missing(), 3 << 20);
        assert!(kept <= MAX_WHOLE_BYTES + STAMP);
        assert!(lines[0].whole_text().ends_with(" MB more)"));
        assert!(split.rest.capacity() <= KEEP);
    }

    #[test]
    fn a_line_that_never_ends_is_shown_all_the_same() {
        let mut split = LineSplit::default();
        let mut lines = Vec::new();
        for _ in 0..40 {
            lines.extend(split.push(&vec![b'x'; 1 << 20]));
        }
        assert_eq!(lines.len(), 2);
        assert!(split.is_mid_line());
        lines.extend(split.push(b"\nnext\n"));
        assert!(
            lines[..3]
                .iter()
                .all(|line| line.text.ends_with("MB more)"))
        );
        assert_eq!(&*lines[3].text, "next");
    }

    #[test]
    fn the_last_line_needs_no_line_feed() {
        let mut split = LineSplit::default();
        assert!(split.push(b"half").is_empty());
        assert_eq!(split.finish().map(|line| line.text), Some("half".into()));
        assert_eq!(split.finish(), None);
    }
}
