//! How serious a line calls itself, read from the spellings that programs use: words (`ERROR`, `[warn]`, `error:`),
//! klog (`E1121 10:00:00 …`), logfmt (`level=error`) and JSON (`"level":"error"`, and the numbers of pino and syslog).
//!
//! It runs for every line that comes in, so it looks at the beginning only, once, and takes no memory.

/// How serious a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Every step.
    Trace = 1,
    /// For who looks for a bug.
    Debug,
    /// What happens as it should.
    Info,
    /// What may become a failure.
    Warn,
    /// A failure.
    Error,
    /// The end of the program.
    Fatal,
}

impl Level {
    /// All of them, the least serious first.
    pub const ALL: [Self; 6] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    /// Its usual name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level that a word means, in any case and any of the usual spellings.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        of_word(word.as_bytes())
    }

    /// The level that a line says it has.
    #[must_use]
    pub fn detect(line: &str) -> Option<Self> {
        let line = line.as_bytes();
        match line {
            [letter, a, b, c, d, b' ', ..] if [a, b, c, d].iter().all(|x| x.is_ascii_digit()) => {
                match letter {
                    b'I' => Some(Self::Info),
                    b'W' => Some(Self::Warn),
                    b'E' => Some(Self::Error),
                    b'F' => Some(Self::Fatal),
                    _ => in_words(line),
                }
            }
            [b'{', ..] => in_json(line),
            [b'<', b'0'..=b'9', ..] => of_priority(line).or_else(|| in_words(line)),
            _ => in_words(line),
        }
    }

    /// As a byte for a table of lines; zero is no level.
    pub(super) const fn to_byte(level: Option<Self>) -> u8 {
        match level {
            Some(level) => level as u8,
            None => 0,
        }
    }

    /// What [`Self::to_byte`] made.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte).checked_sub(1)?).copied()
    }
}

/// Whether a line goes on with what the one before it said, as those of a stack trace do.
pub(super) fn is_continuation(line: &str) -> bool {
    match line.as_bytes().first() {
        Some(b' ' | b'}' | b')' | b']') => true,
        Some(b'a') => line.starts_with("at "),
        Some(b'C') => line.starts_with("Caused by:"),
        Some(b'.') => line.starts_with("..."),
        Some(b'g') => line.starts_with("goroutine "),
        _ => false,
    }
}

/// Levels stand at the beginning, behind times, names and threads.
const WORDS_WITHIN: usize = 160;
/// Some programs write the level behind the message.
const KEYS_WITHIN: usize = 2048;

fn of_word(word: &[u8]) -> Option<Level> {
    // By length first: most words of a line are no level, and this has to be quick about them.
    let names: &[(&str, Level)] = match word.len() {
        3 => &[
            ("err", Level::Error),
            ("inf", Level::Info),
            ("wrn", Level::Warn),
            ("dbg", Level::Debug),
            ("ftl", Level::Fatal),
            ("trc", Level::Trace),
            ("vrb", Level::Trace),
        ],
        4 => &[
            ("info", Level::Info),
            ("warn", Level::Warn),
            ("crit", Level::Fatal),
            ("fine", Level::Debug),
            ("fail", Level::Error),
            ("dbug", Level::Debug),
            ("trce", Level::Trace),
        ],
        5 => &[
            ("error", Level::Error),
            ("debug", Level::Debug),
            ("trace", Level::Trace),
            ("fatal", Level::Fatal),
            ("panic", Level::Fatal),
            ("alert", Level::Fatal),
            ("emerg", Level::Fatal),
        ],
        6 => &[
            ("notice", Level::Info),
            ("severe", Level::Error),
            ("dpanic", Level::Fatal),
        ],
        7 => &[("warning", Level::Warn), ("verbose", Level::Trace)],
        8 => &[("critical", Level::Fatal)],
        9 => &[("emergency", Level::Fatal)],
        11 => &[("information", Level::Info)],
        _ => return None,
    };
    names
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, level)| *level)
}

fn is_key(word: &[u8]) -> bool {
    const KEYS: [&[u8]; 6] = [
        b"level",
        b"lvl",
        b"severity",
        b"loglevel",
        b"log.level",
        b"levelname",
    ];
    KEYS.iter().any(|key| word.eq_ignore_ascii_case(key))
}

/// Reads a line from word to word until one of them is a level, in a place where it means one.
fn in_words(line: &[u8]) -> Option<Level> {
    let line = &line[..line.len().min(WORDS_WITHIN)];
    let mut at = 0;
    while at < line.len() {
        if !line[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let start = at;
        while line.get(at).is_some_and(u8::is_ascii_alphabetic) {
            at += 1;
        }
        let (word, next) = (&line[start..at], line.get(at).copied());
        if next == Some(b'=') && is_key(word) {
            let value = &line[at + 1..];
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let end = value.iter().position(|byte| !byte.is_ascii_alphabetic());
            if let Some(level) = of_word(&value[..end.unwrap_or(value.len())]) {
                return Some(level);
            }
        } else if let Some(level) = of_word(word)
            && stands_alone(line, start, at)
        {
            return Some(level);
        }
    }
    None
}

/// Whether a word that names a level is one: in capitals, in brackets, before a colon at the beginning, or in a column
/// of its own; "no error found" is none.
fn stands_alone(line: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).map(|at| line[at]);
    let after = line.get(end).copied();
    let joined =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'/' | b'.' | b'=');
    if before.is_some_and(joined) || after.is_some_and(joined) {
        return false;
    }
    let word = &line[start..end];
    word.iter().all(u8::is_ascii_uppercase)
        || matches!(after, Some(b']' | b'>' | b')'))
        || (after == Some(b':') && before.is_none_or(|byte| byte == b'[' || start < 40))
        || (line[..start].ends_with(b"  ") && line[end..].starts_with(b"  "))
        || (line[..start].trim_ascii_end().ends_with(b"|")
            && line[end..].trim_ascii_start().starts_with(b"|"))
}

/// Looks for the key of a level in what begins like a JSON object.
fn in_json(line: &[u8]) -> Option<Level> {
    let line = &line[..line.len().min(KEYS_WITHIN)];
    let mut from = 0;
    while let Some(quote) = memchr::memchr(b'"', &line[from..]) {
        let start = from + quote + 1;
        let end = start + end_of_string(&line[start..])?;
        from = end + 1;
        let after = line[from..].trim_ascii_start();
        let Some(value) = after.strip_prefix(b":") else {
            continue;
        };
        if !is_key(&line[start..end]) && &line[start..end] != b"@l" {
            continue;
        }
        let value = value.trim_ascii_start();
        let level = match value {
            [b'"', text @ ..] => {
                let end = text.iter().position(|byte| !byte.is_ascii_alphabetic());
                of_word(&text[..end?])
            }
            _ => of_number(value),
        };
        if level.is_some() {
            return level;
        }
    }
    None
}

/// Where a JSON string ends whose opening quote has been read.
fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = from + memchr::memchr2(b'"', b'\\', &text[from..])?;
        if text[found] == b'"' {
            return Some(found);
        }
        from = found + 2;
        if from > text.len() {
            return None;
        }
    }
}

/// syslog's priority, `<27>`: the facility times eight and the level, or the level alone.
fn of_priority(line: &[u8]) -> Option<Level> {
    let end = line.iter().take(5).position(|byte| *byte == b'>')?;
    let number: u8 = std::str::from_utf8(&line[1..end]).ok()?.parse().ok()?;
    match number & 7 {
        0..=2 => Some(Level::Fatal),
        3 => Some(Level::Error),
        4 => Some(Level::Warn),
        5 | 6 => Some(Level::Info),
        _ => Some(Level::Debug),
    }
}

/// pino and bunyan count from 10 to 60, syslog from 7 down to 0.
fn of_number(value: &[u8]) -> Option<Level> {
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let number: u32 = std::str::from_utf8(&value[..digits]).ok()?.parse().ok()?;
    Some(match number {
        0..=2 | 60..=69 => Level::Fatal,
        3 | 50..=59 => Level::Error,
        4 | 40..=49 => Level::Warn,
        5 | 6 | 30..=39 => Level::Info,
        7 | 20..=29 => Level::Debug,
        10..=19 => Level::Trace,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn levels_are_read_in_the_usual_spellings() {
        for (line, want) in [
            (
                "E1121 03:00:00.123456   12 reflector.go:1] failed",
                Level::Error,
            ),
            (
                "I1121 03:00:00.123456   12 x.go:1] ERROR in the text",
                Level::Info,
            ),
            (
                "time=\"2026\" level=warning msg=\"error: none\"",
                Level::Warn,
            ),
            ("ts=2026 caller=x level=\"info\" msg=y", Level::Info),
            ("{\"level\":\"error\",\"msg\":\"x\"}", Level::Error),
            (
                "{\"msg\":\"\\\"level\\\":\\\"info\\\"\",\"severity\": \"WARNING\"}",
                Level::Warn,
            ),
            ("{\"level\":30,\"time\":1}", Level::Info),
            ("{\"level\":4}", Level::Warn),
            ("{\"lvl\":\"dbg\"}", Level::Debug),
            ("{\"log.level\":\"FATAL\"}", Level::Fatal),
            (
                "2026-11-21 03:00:00,123 ERROR [main] c.e.App - x",
                Level::Error,
            ),
            ("2026-11-21T03:00:00Z  WARN app: slow", Level::Warn),
            (
                "2026/11/21 03:00:00 [error] 31#31: *1 open() failed",
                Level::Error,
            ),
            ("[Sat Nov 21] [core:notice] [pid 1] x", Level::Info),
            (
                "2026-11-21T03:00:00Z    debug    controller/x.go",
                Level::Debug,
            ),
            ("panic: runtime error", Level::Fatal),
            ("info: Microsoft.Hosting.Lifetime[0]", Level::Info),
            ("ERROR:root:went wrong", Level::Error),
            ("<warn> x", Level::Warn),
            ("<3>out of memory", Level::Error),
            ("<30>Nov 21 03:00:00 app: ERROR in the text", Level::Info),
            ("<12>x", Level::Warn),
            (
                "fail: Microsoft.AspNetCore.Server.Kestrel[13]",
                Level::Error,
            ),
            ("dbug: Microsoft.Extensions.Hosting[1]", Level::Debug),
            ("trce: x", Level::Trace),
            ("crit: x", Level::Fatal),
            ("warn: Microsoft.AspNetCore[3]", Level::Warn),
            ("[12:00:00 ERR] it went wrong", Level::Error),
            ("[12:00:00 VRB] step", Level::Trace),
            (
                "{\"name\":\"app\",\"hostname\":\"h\",\"pid\":1,\"level\":50,\"msg\":\"x\",\"v\":0}",
                Level::Error,
            ),
            (
                "2026-11-21T03:00:00.000Z [ERROR] agent: failed",
                Level::Error,
            ),
            (
                "2026-11-21T03:00:00.000Z    ERROR    app/main.go:1    x",
                Level::Error,
            ),
            ("WARNING:root:careful", Level::Warn),
            (
                "2026-11-21 03:00:00,123 [main] WARN  c.e.App - slow",
                Level::Warn,
            ),
            ("2026-11-21 | trace | x", Level::Trace),
        ] {
            assert_eq!(Level::detect(line), Some(want), "{line}");
        }
        for line in [
            "",
            "Everything fine, no error found",
            "GET /error 200",
            "<html>",
            "<999>x",
            "did not fail at all",
            "error_count=3 warn-limit=5",
            "{\"message\":\"ERROR\"}",
            "{\"level\":\"",
            "{\"level",
            "E112 short",
        ] {
            assert_eq!(Level::detect(line), None, "{line}");
        }
    }

    #[test]
    fn every_level_survives_as_a_byte_and_as_a_word() {
        for level in Level::ALL {
            assert_eq!(Level::from_byte(Level::to_byte(Some(level))), Some(level));
            assert_eq!(Level::from_word(level.name()), Some(level));
        }
        assert_eq!(Level::from_byte(0), None);
        assert_eq!(Level::from_byte(7), None);
    }

    proptest! {
        #[test]
        fn no_line_is_too_odd(line in "\\{?(\"|\\\\|level|:|=|[a-z]{0,3}|error|\\PC| ){0,40}") {
            let _ = Level::detect(&line);
        }
    }
}
