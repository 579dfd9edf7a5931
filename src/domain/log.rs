//! One line of a log, already harmless: text from containers is untrusted until it has passed through here.

use jiff::Timestamp;

/// Longer lines are cut here; the cut is marked. 16 KiB is what container runtimes write as one record.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// One line of output of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the runtime received it, where it said so.
    pub time: Option<Timestamp>,
    /// Which container of the followed target wrote it; empty where there is only one.
    pub source: Box<str>,
    /// The text, without control characters or escape sequences and with tabs expanded.
    pub text: Box<str>,
}

/// What follows a log: lines, and honest words where lines are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogItem {
    /// A line.
    Line(LogLine),
    /// Something a reader has to know at this point: a restart, a gap, a reconnection.
    Mark(String),
}

/// Makes a raw line harmless: escape sequences and control characters go, tabs become spaces, invalid UTF-8 becomes
/// the replacement character, and what is longer than [`MAX_LINE_BYTES`] is cut with a mark.
#[must_use]
pub fn sanitize(raw: &[u8]) -> String {
    let cut = raw.len() > MAX_LINE_BYTES;
    let text = String::from_utf8_lossy(&raw[..raw.len().min(MAX_LINE_BYTES)]);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => out.push_str("    "),
            // Besides control characters: marks that reorder or hide text on a terminal.
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
                {}
            c => out.push(c),
        }
    }
    if cut {
        out.push_str(" … (line cut)");
    }
    out
}

/// Skips the rest of an escape sequence: CSI up to its final byte, OSC and other strings up to their terminator.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            for c in chars.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | '_' | '^' | 'X') => {
            chars.next();
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        // Intermediate bytes and one final byte: "ESC ( B" and the like.
        Some(_) => {
            while chars
                .next_if(|c| ('\u{20}'..='\u{2f}').contains(c))
                .is_some()
            {}
            chars.next();
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_control_characters_never_pass() {
        for (raw, want) in [
            (&b"\x1b[31mred\x1b[0m"[..], "red"),
            (b"a\tb", "a    b"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 end", "link end"),
            (b"\x1b(Bplain\r\n", "plain"),
            (b"bad \xff byte", "bad \u{fffd} byte"),
            ("a\u{202e}b".as_bytes(), "ab"),
            (b"\x1b", ""),
            (b"\x9bcsi", "\u{fffd}csi"),
        ] {
            assert_eq!(sanitize(raw), want, "{raw:?}");
        }
    }

    #[test]
    fn a_line_of_ten_megabytes_is_cut_with_a_mark() {
        let line = sanitize(&vec![b'x'; 10_000_000]);
        assert!(line.len() < MAX_LINE_BYTES + 32 && line.ends_with("(line cut)"));
    }
}
