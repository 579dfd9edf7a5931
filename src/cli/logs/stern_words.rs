//! The functions of stern's templates, and what a value looks like when it is printed.

use std::fmt::Write as _;

use serde_json::Value;

use super::colour::RESET;
use crate::{cli::output::harmless_json, domain::log::sanitize, ops::logs::Level};

/// Their names.
pub const FUNCTIONS: [&str; 23] = [
    "json",
    "parseJSON",
    "tryParseJSON",
    "extractJSONParts",
    "tryExtractJSONParts",
    "printf",
    "print",
    "println",
    "color",
    "levelColor",
    "colorBlack",
    "colorRed",
    "colorGreen",
    "colorYellow",
    "colorBlue",
    "colorMagenta",
    "colorCyan",
    "colorWhite",
    "eq",
    "ne",
    "not",
    "and",
    "or",
];

/// A line does not fit its template.
#[derive(Debug)]
pub struct Failed;

/// Calls a function; `colour` says whether it may colour.
///
/// # Errors
/// When the values are not what it takes.
pub fn call(name: &str, mut values: Vec<Value>, colour: bool) -> Result<Value, Failed> {
    let coloured = |code: &str, text: &str| {
        if colour && !code.is_empty() {
            format!("{code}{text}{RESET}")
        } else {
            text.to_owned()
        }
    };
    if let Some(colour) = name
        .strip_prefix("color")
        .filter(|colour| !colour.is_empty())
    {
        let names = [
            "Black", "Red", "Green", "Yellow", "Blue", "Magenta", "Cyan", "White",
        ];
        let place = names.iter().position(|known| *known == colour);
        let code = format!("\u{1b}[{}m", 30 + place.unwrap_or(7));
        return Ok(coloured(&code, &joined(&values)).into());
    }
    Ok(match name {
        "json" => {
            let value = values.first().unwrap_or(&Value::Null);
            harmless_json(value.to_string()).into_owned().into()
        }
        "parseJSON" => parsed(&values).ok_or(Failed)?,
        "tryParseJSON" => parsed(&values).unwrap_or(Value::Null),
        "extractJSONParts" | "tryExtractJSONParts" => match parsed(&values) {
            Some(object) => {
                let parts = values.iter().skip(1).map(|part| {
                    part.as_str()
                        .and_then(|part| object.get(part))
                        .map_or_else(String::new, text)
                });
                parts.collect::<Vec<_>>().join(", ").into()
            }
            None if name.starts_with("try") => values.into_iter().next().unwrap_or(Value::Null),
            None => return Err(Failed),
        },
        "printf" => {
            let format = values.first().and_then(Value::as_str).unwrap_or_default();
            printf(format, values.get(1..).unwrap_or_default())?.into()
        }
        "println" => (joined(&values) + "\n").into(),
        "color" => match &values[..] {
            [code, rest @ ..] => coloured(&text(code), &joined(rest)).into(),
            [] => return Err(Failed),
        },
        "levelColor" => {
            let word = joined(&values);
            let code = match Level::from_word(&word) {
                Some(Level::Error | Level::Fatal) => "\u{1b}[31m",
                Some(Level::Warn) => "\u{1b}[33m",
                Some(Level::Info) => "\u{1b}[32m",
                Some(Level::Debug | Level::Trace) => "\u{1b}[35m",
                None => "",
            };
            coloured(code, &word).into()
        }
        "eq" => values
            .iter()
            .skip(1)
            .any(|other| Some(other) == values.first())
            .into(),
        "ne" => (values.first() != values.get(1)).into(),
        "not" => (!values.iter().all(is_true)).into(),
        // As in Go they are the value that decided.
        "and" | "or" => {
            let decides = |value: &Value| is_true(value) == (name == "or");
            let place = values.iter().position(decides);
            let place = place.unwrap_or(values.len().saturating_sub(1));
            if values.is_empty() {
                Value::Null
            } else {
                values.swap_remove(place)
            }
        }
        _ => joined(&values).into(),
    })
}

/// Whether a value counts as true: not nothing, zero or empty.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// A value as it is printed.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn joined(values: &[Value]) -> String {
    values.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// The JSON object that a text is, made harmless: escapes of JSON may hide what the text itself had to go without.
fn parsed(values: &[Value]) -> Option<Value> {
    let value: Value = serde_json::from_str(values.first()?.as_str()?).ok()?;
    value.is_object().then(|| harmless(value))
}

fn harmless(value: Value) -> Value {
    let clean = |text: &str| {
        let lines = text.split('\n').map(|line| sanitize(line.as_bytes()));
        lines.collect::<Vec<_>>().join("\n")
    };
    match value {
        Value::String(text) => clean(&text).into(),
        Value::Array(values) => values.into_iter().map(harmless).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (clean(&name), harmless(value)))
            .collect(),
        other => other,
    }
}

/// Whether a format has only verbs that are understood.
pub fn is_format(format: &str) -> bool {
    let mut verbs = format.split('%').skip(1);
    while let Some(verb) = verbs.next() {
        let letter = verb.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
        // Nothing between two is the sign itself.
        if verb.is_empty() {
            verbs.next();
        } else if !letter.starts_with(['s', 'v', 'd', 'q']) {
            return false;
        }
    }
    true
}

fn printf(format: &str, values: &[Value]) -> Result<String, Failed> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some((before, verb)) = rest.split_once('%') {
        out.push_str(before);
        let digits = verb.find(|c: char| c != '-' && !c.is_ascii_digit());
        let (width, verb) = verb.split_at(digits.unwrap_or(verb.len()));
        let letter = verb.chars().next();
        rest = &verb[letter.map_or(0, char::len_utf8)..];
        let mut next = || values.next().map(text).ok_or(Failed);
        let word = match letter {
            Some('%') => "%".to_owned(),
            Some('s' | 'v' | 'd') => next()?,
            Some('q') => Value::String(next()?).to_string(),
            _ => return Err(Failed),
        };
        let left = width.starts_with('-');
        // No column is wider than a thousand cells.
        let width: usize = width
            .trim_start_matches('-')
            .parse()
            .unwrap_or(0)
            .min(1_000);
        // Writing to a String cannot fail.
        if left {
            let _ = write!(out, "{word:<width$}");
        } else {
            let _ = write!(out, "{word:>width$}");
        }
    }
    out.push_str(rest);
    Ok(out)
}
