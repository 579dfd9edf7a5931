//! One line of a log, already harmless: text from containers is untrusted until it has passed through here.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;

use super::{
    log_mark::Mark,
    log_source::Source,
    paint::{Paint, Style},
};

/// Longer lines are cut here; the cut is marked. 16 KiB is what container runtimes write as one record.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// As much is kept of a line for programs, which cannot read half a document: more than any collector of logs takes.
pub const MAX_WHOLE_BYTES: usize = 1 << 20;

/// At most so many runs of colour are kept of a line; behind the last one the text is plain. A line where every
/// letter has its own colour is a picture, and would otherwise cost twenty times its text.
pub const MAX_PAINT: usize = 256;

/// One line of output of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the runtime received it, where it said so.
    pub time: Option<Timestamp>,
    /// Which container wrote it; backends leave it to whoever asked them.
    pub source: Option<Arc<Source>>,
    /// The text, without control characters or escape sequences and with tabs expanded.
    pub text: Box<str>,
    /// The colours that the program gave it, in the order of their places; none for most lines.
    pub paint: Box<[Paint]>,
    /// The line as it was written, where that was asked for and is not the same as the text.
    pub raw: Option<Box<Raw>>,
}

/// A line as a container wrote it. It must not reach a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Its bytes, at most [`MAX_WHOLE_BYTES`].
    bytes: Box<[u8]>,
    /// How many more there were.
    more: u64,
}

impl LogLine {
    /// A line of text that is known to be harmless, without colours, whose source is still to be said.
    #[must_use]
    pub fn plain(time: Option<Timestamp>, text: impl Into<Box<str>>) -> Self {
        Self {
            time,
            source: None,
            text: text.into(),
            paint: Box::default(),
            raw: None,
        }
    }

    /// A line as a container wrote it, made harmless, its colours kept; `more` bytes of it were already left out at
    /// its end.
    #[must_use]
    pub fn from_raw(time: Option<Timestamp>, raw: &[u8], more: u64) -> Self {
        let cleaned = clean(raw, more, MAX_LINE_BYTES);
        Self {
            paint: cleaned.paint.into(),
            ..Self::plain(time, cleaned.text)
        }
    }

    /// The same for a program that reads it: beside the text stands what was written, where that is something else.
    #[must_use]
    pub fn whole(time: Option<Timestamp>, raw: &[u8], more: u64) -> Self {
        let line = Self::from_raw(time, raw, more);
        let differs = *line.text.as_bytes() != *raw;
        Self {
            raw: differs.then(|| {
                Box::new(Raw {
                    bytes: raw.into(),
                    more,
                })
            }),
            ..line
        }
    }

    /// What was written, as far as it was kept. It must not reach a terminal.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.raw
            .as_ref()
            .map_or(self.text.as_bytes(), |raw| &raw.bytes)
    }

    /// How many bytes are missing at the end of [`Self::bytes`].
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.raw.as_ref().map_or(0, |raw| raw.more)
    }

    /// The harmless text, of all that was kept.
    #[must_use]
    pub fn whole_text(&self) -> Cow<'_, str> {
        match &self.raw {
            Some(raw) if raw.bytes.len() > MAX_LINE_BYTES => {
                Cow::Owned(clean(&raw.bytes, raw.more, MAX_WHOLE_BYTES).text)
            }
            _ => Cow::Borrowed(&self.text),
        }
    }
}

/// What follows a log: lines, and honest words where lines are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogItem {
    /// A line.
    Line(LogLine),
    /// Something a reader has to know at this point: a restart, a gap, a reconnection.
    Mark(Mark),
}

/// Makes a raw line harmless: escape sequences and control characters go, tabs become spaces, invalid UTF-8 becomes
/// the replacement character, and what is longer than [`MAX_LINE_BYTES`] is cut with a mark that says how much.
#[must_use]
pub fn sanitize(raw: &[u8]) -> String {
    // Only a line of a log is written over itself; anywhere else a return is no more than another control character.
    if raw.contains(&b'\r') {
        let rest: Vec<u8> = raw.iter().copied().filter(|byte| *byte != b'\r').collect();
        return clean(&rest, 0, MAX_LINE_BYTES).text;
    }
    clean(raw, 0, MAX_LINE_BYTES).text
}

/// A text that has become harmless, and its colours.
#[derive(Default)]
struct Cleaned {
    text: String,
    paint: Vec<Paint>,
    /// How the next character looks.
    style: Style,
}

fn clean(raw: &[u8], more: u64, most: usize) -> Cleaned {
    let kept = if raw.len() > most {
        // Not in the middle of a character, as far as there are any.
        (most - 3..=most)
            .rev()
            .find(|end| raw[*end] & 0xc0 != 0x80)
            .unwrap_or(most)
    } else {
        raw.len()
    };
    let more = more + (raw.len() - kept) as u64;
    let text = String::from_utf8_lossy(&raw[..kept]);
    let mut cleaned = Cleaned::default();
    if text.bytes().any(is_suspect) {
        cleaned.take(&text);
    } else {
        cleaned.text = text.into_owned();
    }
    if more > 0 {
        cleaned.style = Style::default();
        cleaned.push(&format!(" … ({} more)", bytes(more)));
    }
    cleaned
}

impl Cleaned {
    /// Takes in what is harmless of a text.
    fn take(&mut self, text: &str) {
        let mut rest = text;
        loop {
            // A suspect byte begins a character, so that this is a boundary.
            let harmless = rest.bytes().position(is_suspect).unwrap_or(rest.len());
            self.push(&rest[..harmless]);
            let mut chars = rest[harmless..].chars();
            rest = match chars.next() {
                None => return,
                Some('\u{1b}') => self.escape(chars.as_str()),
                Some('\u{9b}') => self.control_sequence(chars.as_str()),
                // What a terminal would write over stays beside what it would be written over with.
                Some('\r') => {
                    let rest = chars.as_str().trim_start_matches('\r');
                    if !self.text.is_empty() && !rest.is_empty() {
                        self.push(" ");
                    }
                    rest
                }
                // A joiner between plain letters joins nothing.
                Some('\u{200c}' | '\u{200d}')
                    if self.text.chars().last().is_none_or(|c| c.is_ascii()) =>
                {
                    chars.as_str()
                }
                Some('\t') => {
                    self.push("    ");
                    chars.as_str()
                }
                Some(c) => {
                    if !is_harmful(c) {
                        self.push(c.encode_utf8(&mut [0; 4]));
                    }
                    chars.as_str()
                }
            };
        }
    }

    fn push(&mut self, harmless: &str) {
        let before = self.paint.last().map_or(Style::default(), |run| run.style);
        if harmless.is_empty() {
            return;
        }
        if self.style != before && self.paint.len() < MAX_PAINT {
            self.paint.push(Paint {
                // Cannot be larger: the text is at most four times the longest line.
                at: u32::try_from(self.text.len()).unwrap_or(u32::MAX),
                // The last run that there is room for ends the colours.
                style: if self.paint.len() + 1 < MAX_PAINT {
                    self.style
                } else {
                    Style::default()
                },
            });
        }
        self.text.push_str(harmless);
    }

    /// Reads over the rest of an escape sequence and returns what follows it.
    fn escape<'a>(&mut self, rest: &'a str) -> &'a str {
        let mut chars = rest.chars();
        match chars.next() {
            Some('[') => self.control_sequence(chars.as_str()),
            // OSC and other strings, up to their terminator.
            Some(']' | 'P' | '_' | '^' | 'X') => {
                while let Some(c) = chars.next() {
                    if c == '\u{7}' || c == '\u{9c}' {
                        break;
                    }
                    if c == '\u{1b}'
                        && let Some(after) = chars.as_str().strip_prefix('\\')
                    {
                        return after;
                    }
                }
                chars.as_str()
            }
            // Intermediate bytes and one final byte: "ESC ( B" and the like.
            Some(_) => {
                let rest = rest.trim_start_matches(|c| ('\u{20}'..='\u{2f}').contains(&c));
                let mut chars = rest.chars();
                chars.next();
                chars.as_str()
            }
            None => rest,
        }
    }

    /// Reads a control sequence up to its final byte; a colour is remembered.
    fn control_sequence<'a>(&mut self, rest: &'a str) -> &'a str {
        let Some((end, last)) = rest
            .char_indices()
            .find(|(_, c)| ('\u{40}'..='\u{7e}').contains(c))
        else {
            return "";
        };
        let parameters = &rest[..end];
        // Others than numbers make it another sequence that also ends in "m".
        if last == 'm' && parameters.bytes().all(|byte| matches!(byte, b'0'..=b';')) {
            self.style.apply(parameters);
        }
        &rest[end + 1..]
    }
}

/// Whether a character that begins with this byte may be one that must not pass: control characters (the second half
/// of them begin with `C2`), and the marks of [`is_harmful`].
const fn is_suspect(byte: u8) -> bool {
    matches!(
        byte,
        0..0x20 | 0x7f | 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef | 0xf3
    )
}

/// Whether a terminal would obey the character instead of showing it, or show nothing for it: control characters, marks
/// that reorder or break text, and those without a width, behind which a text may hide another. Joiners are left, which
/// scripts and signs of faces need, and so are the selectors of a sign's look.
#[must_use]
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A number of bytes in words: `200 bytes`, `9.9 MB`.
fn bytes(count: u64) -> String {
    let (unit, name) = match count {
        0..1_000 => return format!("{count} bytes"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", count / unit, count % unit / (unit / 10))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::paint::Colour;

    #[test]
    fn escapes_and_control_characters_never_pass() {
        for (raw, want) in [
            (&b"\x1b[31mred\x1b[0m"[..], "red"),
            (b"a\tb", "a    b"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 end", "link end"),
            (b"\x1b(Bplain\r\n", "plain"),
            (b"bad \xff byte", "bad \u{fffd} byte"),
            ("a\u{202e}b\u{61c}c".as_bytes(), "abc"),
            ("\u{9b}31mred\u{9d}".as_bytes(), "red"),
            ("§ – é".as_bytes(), "§ – é"),
            (
                "a\u{200b}b\u{2060}\u{feff}c\u{ad}\u{180e}".as_bytes(),
                "abc",
            ),
            ("a\u{e0041}\u{e007f}\u{e0100}b\u{206a}".as_bytes(), "ab"),
            ("a\u{200d}b \u{200c}".as_bytes(), "ab "),
            (
                "می\u{200c}خواهم ❤\u{fe0f}\u{200d}🔥".as_bytes(),
                "می\u{200c}خواهم ❤\u{fe0f}\u{200d}🔥",
            ),
            (b"\x1b", ""),
            (b"\x1b[31", ""),
            (b"\x9bcsi", "\u{fffd}csi"),
        ] {
            assert_eq!(sanitize(raw), want, "{raw:?}");
        }
    }

    #[test]
    fn what_a_line_writes_over_itself_is_kept_apart() {
        for (raw, want) in [(&b"10%\r\r20%\r"[..], "10% 20%"), (b"\rplain\r", "plain")] {
            assert_eq!(&*LogLine::from_raw(None, raw, 0).text, want);
        }
        assert_eq!(sanitize(b"a\rb"), "ab");
    }

    #[test]
    fn colours_are_kept_beside_the_text() {
        let line = LogLine::from_raw(None, b"a \x1b[31m\x1b[1mred\x1b[0m \x1b[32m\x1b[0mplain", 0);
        assert_eq!(&*line.text, "a red plain");
        let places: Vec<_> = line.paint.iter().map(|run| run.at).collect();
        assert_eq!(places, [2, 5]);
        assert_eq!(line.paint[0].style.fg, Colour::Indexed(1));
        assert_eq!(line.paint[1].style, Style::default());
        // These end in "m" and are no colours.
        let line = LogLine::from_raw(None, b"\x1b[>4;31mx\x1b[?31my", 0);
        assert_eq!((&*line.text, line.paint.len()), ("xy", 0));
    }

    #[test]
    fn a_line_of_ten_megabytes_is_cut_and_says_how_much_is_missing() {
        let line = sanitize(&vec![b'x'; 10_000_000]);
        assert!(line.len() < MAX_LINE_BYTES + 32);
        assert!(line.ends_with("x … (9.9 MB more)"));
        let two = "ü".repeat(MAX_LINE_BYTES);
        assert!(!sanitize(&two.as_bytes()[..MAX_LINE_BYTES + 40]).contains('\u{fffd}'));
        assert!(!sanitize(format!("x{two}").as_bytes()).contains('\u{fffd}'));
    }

    #[test]
    fn a_picture_of_colours_costs_no_more_than_its_share() {
        let raw = "\x1b[35mx\x1b[36my".repeat(1_000);
        let line = LogLine::from_raw(None, raw.as_bytes(), 0);
        assert_eq!(line.paint.len(), MAX_PAINT);
        assert_eq!(
            line.paint.last().map(|run| run.style),
            Some(Style::default())
        );
    }

    proptest! {
        #[test]
        fn whatever_a_container_writes_is_harmless(parts in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..20),
                "(\u{1b}\\[|\u{9b})[0-9;:?]{0,8}[a-zA-Z]?".prop_map(String::into_bytes),
                "[a-zü漢\u{85}\u{202e}\t]{0,9}".prop_map(String::into_bytes),
            ], 0..12), more in 0_u64..3)
        {
            let line = LogLine::from_raw(None, &parts.concat(), more);
            prop_assert!(!line.text.chars().any(is_harmful));
            let mut last = None;
            for run in &line.paint {
                prop_assert!(line.text.is_char_boundary(run.at as usize));
                prop_assert!((run.at as usize) < line.text.len());
                prop_assert!(last < Some(run.at));
                last = Some(run.at);
            }
        }
    }
}
