//! Lines written out: to a file, to the clipboard, to another program.

use std::io::{self, Write};

use super::{
    Line, Lines,
    record::{Message, Record},
};

/// How lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// Each line as a JSON object with everything that is known of it; the others are then without effect.
    pub json: bool,
    /// With the time before it.
    pub times: bool,
    /// With who wrote it before it.
    pub sources: bool,
}

/// Writes the lines of these numbers, as far as they are still there, and says how many it wrote: all of them are
/// `lines.first()..lines.end()`, what a filter shows is [`super::Index::numbers`].
///
/// # Errors
///
/// What the writer answers.
pub fn write(
    lines: &Lines,
    numbers: impl IntoIterator<Item = u64>,
    form: Form,
    out: &mut impl Write,
) -> io::Result<u64> {
    let mut out = io::BufWriter::with_capacity(64 << 10, out);
    let mut written = 0;
    for line in numbers.into_iter().filter_map(|number| lines.get(number)) {
        if form.json {
            json(lines, &line, &mut out)?;
        } else {
            text(lines, &line, form, &mut out)?;
        }
        out.write_all(b"\n")?;
        written += 1;
    }
    out.flush()?;
    Ok(written)
}

fn text(lines: &Lines, line: &Line, form: Form, out: &mut impl Write) -> io::Result<()> {
    if form.times
        && let Some(time) = line.time()
    {
        write!(out, "{time} ")?;
    }
    if line.mark().is_some() {
        // A mark says itself whom it is about.
        return write!(out, "-- {} --", line.text());
    }
    if form.sources
        && let Some(source) = lines
            .source(line.source())
            .and_then(|known| known.source.as_ref())
    {
        write!(out, "{source} ")?;
    }
    out.write_all(line.text().as_bytes())
}

fn json(lines: &Lines, line: &Line, out: &mut impl Write) -> io::Result<()> {
    let source = lines
        .source(line.source())
        .and_then(|known| known.source.as_deref());
    let record = Record::new(line.time(), source, Message::Text(line.text()))
        .level(line.level())
        .mark(line.mark());
    serde_json::to_writer(out, &record).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        domain::{LogLine, Mark, MarkEvent, log::LogItem, log_source::Source},
        ops::logs::{Filter, Index, Pattern, Rule, Store},
    };

    fn store() -> Store {
        let mut store = Store::new(1 << 20);
        let mut line = LogLine::plain(
            jiff::Timestamp::from_second(1).ok(),
            "ERROR \"no\" \u{fffd}",
        );
        line.source = Some(Arc::new(Source {
            namespace: "shop".into(),
            pod: "web-1".into(),
            container: "app".into(),
            uid: "u".into(),
        }));
        store.push(&LogItem::Line(line));
        store.push(&LogItem::Mark(Mark::of(None, MarkEvent::Reconnected)));
        store.push(&LogItem::Line(LogLine::plain(None, "")));
        store
    }

    fn written(store: &Store, form: Form) -> String {
        let lines = store.lines();
        let mut out = Vec::new();
        let count = write(lines, lines.first()..lines.end(), form, &mut out).unwrap();
        assert_eq!(count, lines.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_written_as_they_are_wanted() {
        let store = store();
        let mut form = Form::default();
        let bare = "ERROR \"no\" \u{fffd}\n-- pods are watched again --\n\n";
        assert_eq!(written(&store, form), bare);
        (form.times, form.sources) = (true, true);
        assert_eq!(
            written(&store, form),
            format!("1970-01-01T00:00:01Z web-1/app {bare}")
        );
        form.json = true;
        assert_eq!(
            written(&store, form),
            concat!(
                r#"{"time":"1970-01-01T00:00:01Z","namespace":"shop","pod":"web-1","container":"app","#,
                "\"level\":\"error\",\"message\":\"ERROR \\\"no\\\" \u{fffd}\"}\n",
                r#"{"mark":"reconnected","message":"pods are watched again"}"#,
                "\n{\"message\":\"\"}\n",
            )
        );
    }

    #[test]
    fn only_what_a_filter_shows_is_written() {
        let store = store();
        let filter = Filter {
            rules: vec![Rule::Keep(Pattern::new("error").unwrap())],
            judge_marks: true,
            ..Filter::default()
        };
        let index = Index::of(filter, store.lines());
        let mut out = Vec::new();
        let count = write(store.lines(), index.numbers(), Form::default(), &mut out).unwrap();
        assert_eq!((count, &*out), (1, "ERROR \"no\" \u{fffd}\n".as_bytes()));
    }
}
