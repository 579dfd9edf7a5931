//! Which lines are printed, and how each is written.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::value::RawValue;

use super::{
    colour::{self, DIM, RESET},
    template::Template,
};
use crate::{
    cli::output::harmless_json,
    domain::{LogLine, Mark, MarkEvent, Source},
    ops::logs::{
        Level, MarkKind, Pattern,
        record::{Message, Record},
    },
};

/// Which lines are printed, and how.
#[derive(Debug)]
pub struct Form {
    /// Only lines that one of these is in; none is all.
    pub include: Vec<Pattern>,
    /// Lines that one of these is in are left out.
    pub exclude: Vec<Pattern>,
    /// What is shown in a line.
    pub highlight: Vec<Pattern>,
    /// Whether the time stands before it.
    pub times: bool,
    /// How a line is written.
    pub style: Style,
    /// Whether with colours.
    pub colour: bool,
}

/// How a line is written.
#[derive(Debug)]
pub enum Style {
    /// The line alone.
    Raw {
        /// Whether as it was written, which no terminal must be given.
        bytes: bool,
    },
    /// The container before it.
    Container,
    /// The pod and the container before it.
    Pod,
    /// The namespace, the pod and the container before it.
    Whole,
    /// A JSON object.
    Json {
        /// Whether a line that is a JSON object is written as one.
        nested: bool,
    },
    /// As a person wants it.
    Template(Template),
}

impl Form {
    /// Writes a line, if it is one of those that are wanted.
    pub fn line(&self, line: &LogLine, out: &mut Vec<u8>) {
        let whole = line.whole_text();
        let fits = |patterns: &[Pattern]| patterns.iter().any(|one| one.is_match(&whole));
        if (!self.include.is_empty() && !fits(&self.include)) || fits(&self.exclude) {
            return;
        }
        let none = Source::default();
        let source = line.source.as_deref().unwrap_or(&none);
        let mut head = String::new();
        let name = match &self.style {
            Style::Json { nested } => {
                let written = String::from_utf8_lossy(line.bytes());
                let object = |text| serde_json::from_str::<&RawValue>(text).ok();
                let nested = Some(&*written).filter(|text| *nested && text.starts_with('{'));
                let message = nested
                    .and_then(object)
                    .map_or(Message::Text(&written), Message::Object);
                let record = Record::new(line.time, Some(source), message);
                json(
                    &record
                        .level(Level::detect(&line.text))
                        .missing(line.missing()),
                    out,
                );
                return;
            }
            Style::Template(template) => {
                template.write(line, self.colour, &mut head);
                out.extend_from_slice(head.as_bytes());
                return;
            }
            Style::Raw { .. } => None,
            Style::Container => Some(("", "")),
            Style::Pod => Some(("", &*source.pod)),
            Style::Whole => Some((&*source.namespace, &*source.pod)),
        };
        // Writing to a String cannot fail.
        if let Some(time) = line.time.filter(|_| self.times) {
            let _ = write!(head, "{time} ");
        }
        if let Some((namespace, pod)) = name {
            for word in [namespace, pod, &*source.container] {
                match (word.is_empty(), self.colour) {
                    (true, _) => {}
                    (false, true) => {
                        let _ = write!(head, "{}{word}{RESET} ", colour::of_name(word));
                    }
                    (false, false) => {
                        let _ = write!(head, "{word} ");
                    }
                }
            }
            head.push_str("| ");
        }
        let shows = !self.highlight.is_empty();
        if matches!(self.style, Style::Raw { bytes: true }) && !(self.colour && shows) {
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(line.bytes());
            out.push(b'\n');
            return;
        }
        // The colours of a line that is longer than any screen are not kept.
        if self.colour && matches!(whole, Cow::Borrowed(_)) {
            let ranges = self.highlight.iter().flat_map(|one| one.ranges(&line.text));
            let mut ranges: Vec<_> = ranges.collect();
            ranges.sort_by_key(|range| (range.start, range.end));
            colour::write(line, &ranges, &mut head);
        } else {
            head.push_str(&whole);
        }
        head.push('\n');
        out.extend_from_slice(head.as_bytes());
    }

    /// Writes a mark where the lines go, if that is where marks go; `false` where it is a word beside them.
    pub fn mark(&self, mark: &Mark, out: &mut Vec<u8>) -> bool {
        if !matches!(self.style, Style::Json { .. }) {
            return false;
        }
        let words = mark.to_string();
        let record = Record::new(mark.time, mark.source.as_deref(), Message::Text(&words));
        json(&record.mark(Some(MarkKind::of(&mark.event))), out);
        true
    }

    /// What is said beside a line of which the end is missing, where the line itself does not say it.
    pub fn cut(&self, line: &LogLine) -> Option<Mark> {
        let silent = matches!(self.style, Style::Raw { bytes: true });
        (silent && line.missing() > 0).then(|| {
            let words = format!(
                "wrote a line of which {} bytes are not here",
                line.missing()
            );
            Mark::of(line.source.clone(), MarkEvent::Note(words.into()))
        })
    }

    /// A mark as a word beside the lines.
    pub fn aside(&self, mark: &Mark, colour: bool) -> String {
        let time = mark.time.filter(|_| self.times);
        let time = time.map_or_else(String::new, |time| format!("{time} "));
        if colour {
            format!("{DIM}{time}-- {mark}{RESET}")
        } else {
            format!("{time}-- {mark}")
        }
    }
}

fn json(record: &Record<'_>, out: &mut Vec<u8>) {
    // A record has nothing that JSON has not.
    if let Ok(text) = serde_json::to_string(record) {
        // Between the tokens of an object that a container wrote there may be blanks of other kinds.
        let text = text.replace(['\t', '\r'], " ");
        out.extend_from_slice(harmless_json(text).as_bytes());
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::MarkEvent;

    fn form(style: Style) -> Form {
        Form {
            include: Vec::new(),
            exclude: Vec::new(),
            highlight: Vec::new(),
            times: false,
            style,
            colour: false,
        }
    }

    fn line(text: &str) -> LogLine {
        let mut line = LogLine::plain("2026-11-21T03:00:00.5Z".parse().ok(), text);
        line.source = Some(Arc::new(Source {
            namespace: "shop".into(),
            pod: "web-1".into(),
            container: "app".into(),
            uid: "u".into(),
        }));
        line
    }

    fn written(form: &Form, text: &str) -> String {
        let mut out = Vec::new();
        form.line(&line(text), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_written_in_each_way() {
        for (style, want) in [
            (Style::Raw { bytes: true }, "x\n"),
            (Style::Raw { bytes: false }, "x\n"),
            (Style::Container, "app | x\n"),
            (Style::Pod, "web-1 app | x\n"),
            (Style::Whole, "shop web-1 app | x\n"),
        ] {
            assert_eq!(written(&form(style), "x"), want);
        }
        let timed = Form {
            times: true,
            ..form(Style::Raw { bytes: true })
        };
        assert_eq!(written(&timed, "x"), "2026-11-21T03:00:00.5Z x\n");
    }

    #[test]
    fn json_is_one_object_a_line_and_may_hold_the_line_s_own() {
        let own = r#"{"level":"error","a":[1, 2]}"#;
        let head = r#"{"time":"2026-11-21T03:00:00.5Z","namespace":"shop","pod":"web-1","container":"app","level":"error","message":"#;
        let nested = form(Style::Json { nested: true });
        assert_eq!(written(&nested, own), format!("{head}{own}}}\n"));
        let text = serde_json::to_string(own).unwrap();
        let flat = form(Style::Json { nested: false });
        assert_eq!(written(&flat, own), format!("{head}{text}}}\n"));
        assert!(written(&nested, "{broken").contains(r#""message":"{broken""#));
        let mut out = Vec::new();
        assert!(flat.mark(&Mark::of(None, MarkEvent::Gap("why".into())), &mut out));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"mark\":\"gap\",\"message\":\"lines may be missing here: why\"}\n"
        );
    }

    fn of_bytes(style: Style, raw: &[u8], more: u64) -> Vec<u8> {
        let mut out = Vec::new();
        form(style).line(&LogLine::whole(None, raw, more), &mut out);
        out
    }

    #[test]
    fn a_program_gets_every_byte_and_a_terminal_none_that_it_obeys() {
        let raw = b"a\tb \x1b[31mM\xfcller\x1b[0m A\xe2\x80\x8fB\r";
        let mut want = raw.to_vec();
        want.push(b'\n');
        assert_eq!(of_bytes(Style::Raw { bytes: true }, raw, 0), want);
        let shown = of_bytes(Style::Raw { bytes: false }, raw, 0);
        assert_eq!(shown, "a    b M\u{fffd}ller AB\n".as_bytes());
        let json = of_bytes(Style::Json { nested: false }, raw, 0);
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            value["message"],
            "a\tb \u{1b}[31mM\u{fffd}ller\u{1b}[0m A\u{200f}B\r"
        );
        let printed = String::from_utf8(json).unwrap();
        assert!(
            !printed
                .trim_end()
                .chars()
                .any(crate::domain::log::is_harmful)
        );
        let own = "{\t\"a\":\t\"\u{202e}\u{7f}\"}\r".as_bytes();
        let nested = String::from_utf8(of_bytes(Style::Json { nested: true }, own, 0)).unwrap();
        assert_eq!(nested, "{\"message\":{ \"a\": \"\\u202e\\u007f\"}}\n");
    }

    #[test]
    fn long_lines_are_whole_and_say_so_where_they_are_not() {
        let long = format!("{{\"body\":\"{}\",\"id\":7}}", "x".repeat(40_000));
        for style in [Style::Raw { bytes: true }, Style::Raw { bytes: false }] {
            assert_eq!(
                of_bytes(style, long.as_bytes(), 0),
                format!("{long}\n").as_bytes()
            );
        }
        let json = of_bytes(Style::Json { nested: true }, long.as_bytes(), 0);
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["message"]["id"], 7);
        let json = of_bytes(Style::Json { nested: false }, b"xy", 5);
        assert_eq!(json, b"{\"missing_bytes\":5,\"message\":\"xy\"}\n");
        let line = LogLine::whole(None, b"xy", 5);
        let cut = form(Style::Raw { bytes: true })
            .cut(&line)
            .unwrap()
            .to_string();
        assert!(cut.contains("5 bytes are not here"), "{cut}");
        let chosen = Form {
            include: vec![Pattern::new("\"id\":7").unwrap()],
            ..form(Style::Container)
        };
        let mut out = Vec::new();
        chosen.line(&LogLine::whole(None, long.as_bytes(), 0), &mut out);
        assert_eq!(out, format!("| {long}\n").as_bytes());
    }

    #[test]
    fn lines_are_chosen_by_what_is_in_them() {
        let pattern = |text: &str| Pattern::new(text).unwrap();
        let chosen = Form {
            include: vec![pattern("error"), pattern("warn")],
            exclude: vec![pattern("health")],
            ..form(Style::Raw { bytes: true })
        };
        assert_eq!(written(&chosen, "an ERROR"), "an ERROR\n");
        assert_eq!(written(&chosen, "warn: health"), "");
        assert_eq!(written(&chosen, "info"), "");
    }
}
