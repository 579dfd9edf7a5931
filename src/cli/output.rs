//! What goes to stdout: results and nothing else, as a table for people or as data for scripts.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

use clap::ValueEnum;
use serde_json::Value;

use crate::domain::{
    Problem,
    log::{is_harmful, sanitize},
};

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// A table
    #[default]
    Table,
    /// A table with more columns
    Wide,
    /// Names only, one a line
    Name,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Writing {
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// Leave the headers out
    #[arg(long)]
    pub no_headers: bool,
}

impl Writing {
    /// Whether it is data for scripts.
    #[must_use]
    pub const fn is_data(self) -> bool {
        matches!(self.output, Format::Json | Format::Yaml)
    }

    /// Whether more columns are wanted.
    #[must_use]
    pub fn is_wide(self) -> bool {
        self.output == Format::Wide
    }

    /// A list with these columns and rows, of which the cell at `name` is the name of the thing; as data it is `value`.
    ///
    /// # Errors
    /// As for [`data`].
    pub fn list(
        self,
        columns: &[&str],
        name: usize,
        rows: &[Vec<String>],
        value: impl FnOnce() -> Value,
    ) -> Result<String, Problem> {
        match self.output {
            Format::Json | Format::Yaml => data(&value(), self.output),
            Format::Name => {
                let names = rows.iter().filter_map(|row| row.get(name));
                let names: Vec<Vec<String>> = names.map(|name| vec![name.clone()]).collect();
                Ok(table(&["NAME"], &names, false))
            }
            Format::Table | Format::Wide => Ok(table(columns, rows, !self.no_headers)),
        }
    }
}

/// A cell, or a dash where it is empty.
#[must_use]
pub fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

/// Writes to stdout. A reader that went away (`| head`) has all it wanted, so that is a success.
///
/// # Errors
/// Where stdout cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::failed(
            "the result was not written",
            error.to_string(),
        )),
        _ => Ok(()),
    }
}

/// Writes a line to stderr. Nothing can be done where that fails.
pub fn note(text: &str) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "{text}");
}

/// The value as pretty JSON or as YAML.
///
/// # Errors
/// Where the YAML writer refuses the value, which no value of JSON makes it do.
pub fn data(value: &Value, format: Format) -> Result<String, Problem> {
    let json = format!("{value:#}\n");
    let harmless = harmless_json(json.as_str());
    // YAML has its own ways to write what a terminal would obey; JSON is YAML as well.
    if format == Format::Yaml && harmless == json {
        return serde_saphyr::to_string(value)
            .map_err(|error| Problem::failed("the result was not written", error.to_string()));
    }
    Ok(harmless.into_owned())
}

/// The same JSON in which what a terminal would obey, or not show, is written as an escape. It stands only inside of
/// strings; what is below a blank there is an escape already.
#[must_use]
pub fn harmless_json<'a>(json: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let json = json.into();
    let harmful = |c: char| c >= '\u{7f}' && is_harmful(c);
    if !json.contains(harmful) {
        return json;
    }
    let mut text = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// A number of bytes in the largest unit of which there is at least one: `12.3 MiB`.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "one digit after the point is shown"
)]
pub fn size(bytes: u64) -> String {
    let (unit, of) = match bytes {
        0..0x400 => return format!("{bytes} B"),
        0x400..0x10_0000 => ("KiB", 0x400),
        0x10_0000..0x4000_0000 => ("MiB", 0x10_0000),
        _ => ("GiB", 0x4000_0000_u64),
    };
    format!("{:.1} {unit}", bytes as f64 / of as f64)
}

/// Rows in aligned columns, the headers first unless there are none. Columns are as wide as their widest cell, and the
/// last one is not padded. Cells come from engines and clusters, so that what moves a cursor is taken out.
#[must_use]
pub fn table(headers: &[&str], rows: &[Vec<String>], with_headers: bool) -> String {
    use unicode_width::UnicodeWidthStr;

    let head: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    let lines: Vec<Vec<String>> = with_headers
        .then_some(&head)
        .into_iter()
        .chain(rows)
        .map(|line| line.iter().map(|cell| sanitize(cell.as_bytes())).collect())
        .collect();
    let widths: Vec<usize> = (0..headers.len())
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let mut printed = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            printed.push_str(cell);
            printed.push_str(&" ".repeat(width - cell.width() + 3));
        }
        text.push_str(printed.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let rows = [
            vec!["demo".to_owned(), "1/1".to_owned()],
            vec!["日\u{1b}[2J本".to_owned(), "0/1".to_owned()],
        ];
        assert_eq!(
            table(&["NAME", "SERVERS"], &rows, true),
            "NAME   SERVERS\ndemo   1/1\n日本   0/1\n"
        );
        assert_eq!(table(&["NAME", "SERVERS"], &[], false), "");
    }

    #[test]
    fn a_size_has_the_unit_that_leaves_few_figures() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_600_000, "1.5 MiB"),
            (5_000_000_000, "4.7 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn data_has_nothing_that_a_terminal_obeys_and_is_the_same_data() {
        let value = serde_json::json!({"name\u{202e}": "a\u{e0041}\u{7f}\u{9b}\u{feff}é\u{1b}"});
        for format in [Format::Json, Format::Yaml] {
            let text = data(&value, format).unwrap();
            assert!(!text.chars().any(|c| c != '\n' && is_harmful(c)), "{text}");
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read, value);
        }
    }

    #[test]
    fn data_is_json_or_yaml() {
        let value = serde_json::json!({"name": "on", "nodes": []});
        assert_eq!(
            data(&value, Format::Json).unwrap(),
            "{\n  \"name\": \"on\",\n  \"nodes\": []\n}\n"
        );
        assert_eq!(
            data(&value, Format::Yaml).unwrap(),
            "name: \"on\"\nnodes: []\n"
        );
    }
}
