//! Which lines are printed, and how each is written.

use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::{
    colour::{self, DIM, RESET},
    template::Template,
};
use crate::{
    domain::{LogLine, Mark, Source},
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
    Raw,
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
    pub fn line(&self, line: &LogLine, out: &mut String) {
        let fits = |patterns: &[Pattern]| patterns.iter().any(|one| one.is_match(&line.text));
        if (!self.include.is_empty() && !fits(&self.include)) || fits(&self.exclude) {
            return;
        }
        let none = Source::default();
        let source = line.source.as_deref().unwrap_or(&none);
        let name = match &self.style {
            Style::Json { nested } => {
                let object = |text| serde_json::from_str::<&RawValue>(text).ok();
                let nested = Some(&*line.text).filter(|text| *nested && text.starts_with('{'));
                let message = nested
                    .and_then(object)
                    .map_or(Message::Text(&line.text), Message::Object);
                let record = Record::new(line.time, Some(source), message);
                json(&record.level(Level::detect(&line.text)), out);
                return;
            }
            Style::Template(template) => {
                template.write(line, out);
                out.push('\n');
                return;
            }
            Style::Raw => None,
            Style::Container => Some(("", "")),
            Style::Pod => Some(("", &*source.pod)),
            Style::Whole => Some((&*source.namespace, &*source.pod)),
        };
        // Writing to a String cannot fail.
        if let Some(time) = line.time.filter(|_| self.times) {
            let _ = write!(out, "{time} ");
        }
        if let Some((namespace, pod)) = name {
            for word in [namespace, pod, &*source.container] {
                match (word.is_empty(), self.colour) {
                    (true, _) => {}
                    (false, true) => {
                        let _ = write!(out, "{}{word}{RESET} ", colour::of_name(word));
                    }
                    (false, false) => {
                        let _ = write!(out, "{word} ");
                    }
                }
            }
            out.push_str("| ");
        }
        if self.colour {
            let ranges = self.highlight.iter().flat_map(|one| one.ranges(&line.text));
            let mut ranges: Vec<_> = ranges.collect();
            ranges.sort_by_key(|range| (range.start, range.end));
            colour::write(line, &ranges, out);
        } else {
            out.push_str(&line.text);
        }
        out.push('\n');
    }

    /// Writes a mark where the lines go, if that is where marks go; `false` where it is a word beside them.
    pub fn mark(&self, mark: &Mark, out: &mut String) -> bool {
        if !matches!(self.style, Style::Json { .. }) {
            return false;
        }
        let words = mark.to_string();
        let record = Record::new(mark.time, mark.source.as_deref(), Message::Text(&words));
        json(&record.mark(Some(MarkKind::of(&mark.event))), out);
        true
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

fn json(record: &Record<'_>, out: &mut String) {
    // A record has nothing that JSON has not.
    if let Ok(text) = serde_json::to_string(record) {
        out.push_str(&text);
        out.push('\n');
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
        let mut out = String::new();
        form.line(&line(text), &mut out);
        out
    }

    #[test]
    fn a_line_is_written_in_each_way() {
        for (style, want) in [
            (Style::Raw, "x\n"),
            (Style::Container, "app | x\n"),
            (Style::Pod, "web-1 app | x\n"),
            (Style::Whole, "shop web-1 app | x\n"),
        ] {
            assert_eq!(written(&form(style), "x"), want);
        }
        let timed = Form {
            times: true,
            ..form(Style::Raw)
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
        let mut out = String::new();
        assert!(flat.mark(&Mark::of(None, MarkEvent::Gap("why".into())), &mut out));
        assert_eq!(
            out,
            "{\"mark\":\"gap\",\"message\":\"lines may be missing here: why\"}\n"
        );
    }

    #[test]
    fn lines_are_chosen_by_what_is_in_them() {
        let pattern = |text: &str| Pattern::new(text).unwrap();
        let chosen = Form {
            include: vec![pattern("error"), pattern("warn")],
            exclude: vec![pattern("health")],
            ..form(Style::Raw)
        };
        assert_eq!(written(&chosen, "an ERROR"), "an ERROR\n");
        assert_eq!(written(&chosen, "warn: health"), "");
        assert_eq!(written(&chosen, "info"), "");
    }
}
