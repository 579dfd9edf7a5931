//! A line as a person wants it written.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{colour::of_name, stern_template::SternTemplate};
use crate::{
    config::nearest,
    domain::{LogLine, Problem, Source},
};

/// A template in the language of here or in stern's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// Texts and fields in turn; each line ends by itself.
    Pieces(Pieces),
    /// Stern's, which writes the ends of lines itself.
    Stern(SternTemplate),
}

/// Texts and fields in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Namespace,
    Pod,
    Container,
    Time,
    Message,
}

const FIELDS: [(&str, Field); 5] = [
    ("namespace", Field::Namespace),
    ("pod", Field::Pod),
    ("container", Field::Container),
    ("time", Field::Time),
    ("message", Field::Message),
];

impl Template {
    /// Reads a template: `{pod}` is a field, `{{` a brace, `\t`, `\n` and `\\` what they are in most languages.
    ///
    /// # Errors
    /// When a field is none, or a brace is left open.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage(format!("the template {text:?} cannot be read"), why)
                .with_hint("for example \"{time} {pod}/{container}: {message}\"")
        };
        if SternTemplate::is_meant(text) {
            let read = SternTemplate::parse(text);
            return read.map(Self::Stern).map_err(refuse);
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' if chars.next_if_eq(&'{').is_some() => plain.push('{'),
                '}' => {
                    chars.next_if_eq(&'}');
                    plain.push('}');
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) => name.push(c),
                            None => return Err(refuse("a { is not closed".to_owned())),
                        }
                    }
                    let known = FIELDS.iter().find(|(known, _)| *known == name);
                    let Some((_, field)) = known else {
                        let names = FIELDS.map(|(name, _)| name);
                        let meant = nearest(&name, names).map_or_else(
                            || format!("there are {}", names.join(", ")),
                            |meant| format!("did you mean {{{meant}}}?"),
                        );
                        return Err(refuse(format!("there is no field {{{name}}}; {meant}")));
                    };
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Field(*field));
                }
                '\\' => plain.push(match chars.next() {
                    Some('t') => '\t',
                    Some('n') => '\n',
                    Some(other) => other,
                    None => '\\',
                }),
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self::Pieces(Pieces(pieces)))
    }

    /// Writes a line. One that does not fit its template is written as it is: better without its form than missing.
    pub fn write(&self, line: &LogLine, colour: bool, out: &mut String) {
        match self {
            Self::Pieces(pieces) => pieces.write(line, out),
            Self::Stern(template) => {
                let before = out.len();
                if template.write(&fields(line, colour), colour, out).is_err() {
                    out.truncate(before);
                    out.push_str(&line.whole_text());
                    out.push('\n');
                }
            }
        }
    }
}

/// What stern calls the parts of a line.
fn fields(line: &LogLine, colour: bool) -> Value {
    let none = Source::default();
    let source = line.source.as_deref().unwrap_or(&none);
    let paint = |name: &str| if colour { of_name(name) } else { "" };
    json!({
        "Message": line.whole_text(),
        "Namespace": source.namespace,
        "PodName": source.pod,
        "ContainerName": source.container,
        "PodColor": paint(&source.pod),
        "ContainerColor": paint(&source.container),
    })
}

impl Pieces {
    fn write(&self, line: &LogLine, out: &mut String) {
        let message = line.whole_text();
        let source = line.source.as_deref();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field(Field::Message) => out.push_str(&message),
                Piece::Field(Field::Time) => {
                    if let Some(time) = line.time {
                        // Writing to a String cannot fail.
                        let _ = write!(out, "{time}");
                    }
                }
                Piece::Field(field) => out.push_str(match (field, source) {
                    (Field::Namespace, Some(source)) => &source.namespace,
                    (Field::Pod, Some(source)) => &source.pod,
                    (Field::Container, Some(source)) => &source.container,
                    _ => "",
                }),
            }
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::Source;

    #[test]
    fn fields_are_filled_in() {
        let mut line = LogLine::plain("2026-11-21T03:00:00.5Z".parse().ok(), "hello {pod}");
        line.source = Some(Arc::new(Source {
            namespace: "shop".into(),
            pod: "web-1".into(),
            container: "app".into(),
            uid: "u".into(),
        }));
        let written = |text: &str| {
            let mut out = String::new();
            Template::parse(text).unwrap().write(&line, false, &mut out);
            assert_eq!(out.pop(), Some('\n'));
            out
        };
        assert_eq!(
            written(r"{time}\t{namespace}/{pod} [{container}] {{x}} {message}\\"),
            "2026-11-21T03:00:00.5Z\tshop/web-1 [app] {x} hello {pod}\\"
        );
        assert_eq!(written("plain"), "plain");
    }

    #[test]
    fn a_template_of_stern_s_never_loses_a_line() {
        let written = |template: &str, text: &str, colour: bool| {
            let mut out = String::new();
            let mut line = LogLine::plain(None, text);
            line.source = Some(Arc::new(Source {
                pod: "web-1".into(),
                ..Source::default()
            }));
            let template = Template::parse(template).unwrap();
            template.write(&line, colour, &mut out);
            out
        };
        let json = "{{.PodName}} {{with .Message | parseJSON}}{{.msg}}{{end}}{{\"\\n\"}}";
        assert_eq!(written(json, "{\"msg\":\"x\"}", false), "web-1 x\n");
        assert_eq!(written(json, "no JSON", false), "no JSON\n");
        let painted = "{{color .PodColor .PodName}} {{.Message}}";
        assert_eq!(written(painted, "x", false), "web-1 x");
        let shown = written(painted, "x", true);
        assert!(
            shown.starts_with('\u{1b}') && shown.ends_with("web-1\u{1b}[0m x"),
            "{shown:?}"
        );
        let red = "{{colorRed .Message}}{{levelColor \"info\"}}";
        assert_eq!(written(red, "x", false), "xinfo");
        assert!(written(red, "x", true).starts_with("\u{1b}[31mx\u{1b}[0m"));
        let refused = Template::parse("{{.Mesage}}").unwrap_err();
        assert!(refused.why.contains("did you mean .Message?"));
        assert!(!refused.hint.is_empty());
    }

    #[test]
    fn what_is_no_field_is_refused() {
        let why = |text: &str| Template::parse(text).unwrap_err().why;
        assert!(why("{mesage}").contains("did you mean {message}"));
        assert!(why("{pod").contains("not closed"));
    }
}
