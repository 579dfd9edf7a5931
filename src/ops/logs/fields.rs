//! The fields of a line that has some: a JSON object, `key=value` pairs (logfmt), or klog's head.
//!
//! They are read when a person asks for them, not for every line that comes in.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// More fields than a person looks at; what is behind them is left out.
const MOST: usize = 1000;

/// A field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it is: `level`, `request.headers[0]`.
    pub path: String,
    /// Its value: a text without its quotes, everything else as it is written.
    pub value: String,
}

/// The fields of a line, in its order; none where it is plain text. What stands before the first brace of a JSON
/// object, or is no pair, is no field.
#[must_use]
pub fn fields(line: &str) -> Vec<Field> {
    if let Some(start) = line.find('{')
        && let Some(fields) = json(&line[start..])
    {
        return fields;
    }
    let mut fields = klog(line);
    pairs(line, |key, value| {
        fields.push(Field {
            path: key.to_owned(),
            value: value.into_owned(),
        });
        fields.len() < MOST
    });
    fields
}

/// Whether a field of a line has a value; upper and lower case are the same.
pub(super) fn has(line: &str, path: &str, value: &str) -> bool {
    // Most lines do not even have the word, and that is quick to see. A key may be written in another way only in JSON.
    let last = path.rsplit(['.', '[']).next().unwrap_or_default();
    if memchr::memmem::find(line.as_bytes(), last.as_bytes()).is_none() && !line.contains('\\') {
        return false;
    }
    fields(line)
        .iter()
        .any(|field| field.path == path && field.value.to_lowercase() == value.to_lowercase())
}

/// Reads an object that ends where the line ends.
fn json(text: &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    let into = Into {
        path: String::new(),
        fields: &mut fields,
    };
    into.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(fields)
}

/// Puts a value and everything in it into the fields.
struct Into<'a> {
    path: String,
    fields: &'a mut Vec<Field>,
}

impl Into<'_> {
    fn put(self, value: String) {
        if self.fields.len() < MOST {
            self.fields.push(Field {
                path: self.path,
                value,
            });
        }
    }
}

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(value.to_string());
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(value.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(value.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(value.to_string());
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        // Written as an escape, a control character comes back to life here.
        self.put(crate::domain::log::sanitize(value.as_bytes()));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put("null".to_owned());
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let key = crate::domain::log::sanitize(key.0.as_bytes());
            let path = if self.path.is_empty() {
                key
            } else {
                format!("{}.{key}", self.path)
            };
            map.next_value_seed(Into {
                path,
                fields: self.fields,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for place in 0_usize.. {
            let next = list.next_element_seed(Into {
                path: format!("{}[{place}]", self.path),
                fields: self.fields,
            })?;
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|key| Self(key.into()))
    }
}

/// `E1121 10:00:00.123456    7 file.go:12] "message" key="value"`: what stands before the bracket, and the message.
fn klog(line: &str) -> Vec<Field> {
    let field = |path: &str, value: &str| Field {
        path: path.to_owned(),
        value: value.trim().to_owned(),
    };
    let bytes = line.as_bytes();
    let is_klog = bytes.len() > 6
        && matches!(bytes[0], b'I' | b'W' | b'E' | b'F')
        && bytes[1..5].iter().all(u8::is_ascii_digit)
        && bytes[5] == b' ';
    let Some((head, message)) = line.split_once("] ").filter(|_| is_klog) else {
        return Vec::new();
    };
    let mut words = head.split_whitespace();
    let (day, time) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (thread, source) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let level = super::Level::detect(line).map_or("", super::Level::name);
    let message = match message.strip_prefix('"').map(quoted) {
        Some((text, _)) => text,
        None => message.into(),
    };
    vec![
        field("level", level),
        field("time", &format!("{} {time}", &day[1..])),
        field("thread", thread),
        field("source", source),
        field("msg", &message),
    ]
}

/// Calls with every `key=value` of a line until that answers `false`; a value in quotes may have spaces in it.
fn pairs<'a>(line: &'a str, mut found: impl FnMut(&'a str, Cow<'a, str>) -> bool) {
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return;
        }
        let end = rest.find([' ', '=', '"']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let is_key = !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-./@".contains(&byte));
        rest = match after.strip_prefix('=') {
            Some(value) if is_key => {
                let (value, rest) = if let Some(inside) = value.strip_prefix('"') {
                    quoted(inside)
                } else {
                    let (value, rest) = value.split_at(value.find(' ').unwrap_or(value.len()));
                    (value.into(), rest)
                };
                if !found(key, value) {
                    return;
                }
                rest
            }
            // Not a pair: on to the next word, or behind the text in quotes.
            _ => match after.strip_prefix('"') {
                Some(inside) => quoted(inside).1,
                None => after.get(1..).unwrap_or_default(),
            },
        };
    }
}

/// A text whose opening quote has been read, and what follows its closing one.
fn quoted(text: &str) -> (Cow<'_, str>, &str) {
    let mut plain = Cow::Borrowed("");
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        plain += &rest[..at];
        if rest[at..].starts_with('"') {
            return (plain, &rest[at + 1..]);
        }
        let mut chars = rest[at + 1..].chars();
        match chars.next() {
            Some('n' | 't' | 'r') => plain += " ",
            Some(c) => plain.to_mut().push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    (plain + rest, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str) -> Vec<(String, String)> {
        fields(line)
            .into_iter()
            .map(|field| (field.path, field.value))
            .collect()
    }

    fn want(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn json_has_its_fields_in_its_own_order() {
        let line = r#"{"z":"a\"\u001b[31m\nb","n":1.5,"o":{"k":[true,null,{"x":-1}]},"e":{}}"#;
        let fields = [
            ("z", "a\"b"),
            ("n", "1.5"),
            ("o.k[0]", "true"),
            ("o.k[1]", "null"),
            ("o.k[2].x", "-1"),
        ];
        assert_eq!(of(line), want(&fields));
        assert_eq!(of(&format!("2026-11-21 app: {line}")), want(&fields));
    }

    #[test]
    fn pairs_and_klog_have_fields() {
        assert_eq!(
            of(r#"time=2026 level=info msg="it is \"fine\"" empty= x"#),
            want(&[
                ("time", "2026"),
                ("level", "info"),
                ("msg", "it is \"fine\""),
                ("empty", ""),
            ])
        );
        assert_eq!(
            of(r#"E1121 03:00:00.1    7 pod.go:12] "Sync failed" pod="a/b" err="x=1""#),
            want(&[
                ("level", "error"),
                ("time", "1121 03:00:00.1"),
                ("thread", "7"),
                ("source", "pod.go:12"),
                ("msg", "Sync failed"),
                ("pod", "a/b"),
                ("err", "x=1"),
            ])
        );
        for plain in ["", "just words", "a == b", "{not json", "x < y = z"] {
            assert_eq!(of(plain), [], "{plain}");
        }
    }

    #[test]
    fn a_field_is_compared_without_regard_to_case() {
        assert!(has(r#"{"a":{"b":"Yes"}}"#, "a.b", "yes"));
        assert!(has("code=500 x=1", "code", "500"));
        assert!(!has("code=500 x=1", "code", "50"));
        assert!(!has("the code is 500", "code", "500"));
        assert!(has(r#"{"\u0061":1}"#, "a", "1"));
    }

    proptest! {
        #[test]
        fn no_line_is_too_odd(line in "[IE]?[0-9]{0,4} ?(\\PC|[{}\"=:\\\\\\[\\], a]){0,40}") {
            for field in fields(&line) {
                prop_assert!(!field.path.is_empty());
            }
        }
    }
}
