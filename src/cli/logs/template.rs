//! A line as a person wants it written.

use std::fmt::Write as _;

use crate::{
    config::nearest,
    domain::{LogLine, Problem},
};

/// Texts and fields in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

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
        Ok(Self(pieces))
    }

    /// Writes a line.
    pub fn write(&self, line: &LogLine, out: &mut String) {
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
            Template::parse(text).unwrap().write(&line, &mut out);
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
    fn what_is_no_field_is_refused() {
        let why = |text: &str| Template::parse(text).unwrap_err().why;
        assert!(why("{mesage}").contains("did you mean {message}"));
        assert!(why("{pod").contains("not closed"));
    }
}
