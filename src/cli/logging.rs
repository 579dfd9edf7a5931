//! The program's own log: into a file with `--log-file`, into the screen's log pane, or onto stderr where `RUST_LOG`,
//! `--verbose` or `--trace` asks for it and no screen is in the way. What libraries say below the level of information holds whole requests, with
//! the secrets in them, and never gets that far; secrets that remain are masked.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Mutex,
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::filter_fn,
    fmt::MakeWriter,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use super::args::Global;
use crate::domain::{Problem, log::sanitize, mask::mask};

/// How many records the log pane keeps. A record is some 200 bytes.
const PANE_RECORDS: usize = 10_000;

/// Who reads the log, beside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The screen's pane.
    Pane,
    /// The terminal, where it is asked for.
    Stderr,
}

/// Starts the log. Called once, before anything logs.
///
/// # Errors
/// Where the log file cannot be opened or `RUST_LOG` cannot be read.
pub fn start(global: &Global, reader: Reader) -> Result<(), Problem> {
    let wanted = wanted(global);
    let filter = EnvFilter::builder()
        .with_default_directive(Level::INFO.into())
        .parse(&wanted)
        .map_err(|error| {
            Problem::usage(
                format!("RUST_LOG={wanted:?} is not understood"),
                error.to_string(),
            )
            .with_hint("write a level, or coracle=debug")
        })?;
    let file = global.log_file.as_deref().map(open).transpose()?;
    let file_layer = file.map(|file| text_layer(Masked(Mutex::new(file)), true));
    let stderr_layer = (reader == Reader::Stderr && !wanted.is_empty())
        .then(|| text_layer(Masked(Mutex::new(io::stderr())), with_times(global)));
    let pane_layer = (reader == Reader::Pane).then(|| {
        tui_logger::set_default_level(tui_logger::LevelFilter::Trace);
        tui_logger::set_buffer_depth(PANE_RECORDS);
        PaneLayer
    });
    tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(is_harmless))
        .with(file_layer)
        .with(stderr_layer)
        .with(pane_layer)
        .try_init()
        .map_err(|error| Problem::failed("the log was not started", error.to_string()))
}

/// What is to be told, as `RUST_LOG` says it: that variable, the flags, or k3d's variable.
fn wanted(global: &Global) -> String {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let level = match variable("LOG_LEVEL").to_ascii_lowercase().as_str() {
        _ if global.trace => "trace",
        _ if global.verbose => "debug",
        "trace" => "trace",
        "debug" => "debug",
        _ => return variable("RUST_LOG"),
    };
    let own = variable("RUST_LOG");
    if own.is_empty() {
        format!("info,coracle={level}")
    } else {
        own
    }
}

/// Whether lines on stderr begin with the time. Where the wish is `RUST_LOG`'s they do.
fn with_times(global: &Global) -> bool {
    let variable = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
    global.timestamps || variable("LOG_TIMESTAMPS") || variable("RUST_LOG")
}

/// Opens the log file at its end, readable for nobody else.
fn open(path: &Path) -> Result<std::fs::File, Problem> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| {
            Problem::usage(
                format!("the log file {} cannot be written", path.display()),
                error.to_string(),
            )
        })
}

fn text_layer<S, W>(writer: Masked<W>, times: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: Write + Send + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    if times {
        Box::new(layer)
    } else {
        Box::new(layer.without_time())
    }
}

/// Whether a record may be written at all: the product's own at any level, those of libraries from information up.
/// bollard, hyper and kube log the bodies of requests below it, whatever `RUST_LOG` asks for.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    let own = metadata.target() == "coracle" || metadata.target().starts_with("coracle::");
    own || *metadata.level() <= Level::INFO
}

/// Masks what passes. The text layer writes one record at a time, whole.
struct Masked<W>(Mutex<W>);

impl<'a, W: Write + 'a> MakeWriter<'a> for Masked<W> {
    type Writer = MaskedRecord<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedRecord(&self.0)
    }
}

struct MaskedRecord<'a, W>(&'a Mutex<W>);

impl<W: Write> Write for MaskedRecord<'_, W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let mut inner = self.0.lock().map_err(|_| io::ErrorKind::Other)?;
        inner.write_all(mask(&text).as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().map_err(|_| io::ErrorKind::Other)?.flush()
    }
}

/// Hands records to the pane, masked and without control characters. `tui_logger`'s own layer does neither.
struct PaneLayer;

impl<S: Subscriber> Layer<S> for PaneLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        use tracing_log::NormalizeEvent;

        let mut fields = Fields::default();
        event.record(&mut fields);
        let text = sanitize(mask(&fields.0).as_bytes());
        // Records of the `log` facade carry their real origin in their fields.
        let normal = event.normalized_metadata();
        let metadata = normal.as_ref().unwrap_or_else(|| event.metadata());
        let level = match *metadata.level() {
            Level::ERROR => log::Level::Error,
            Level::WARN => log::Level::Warn,
            Level::INFO => log::Level::Info,
            Level::DEBUG => log::Level::Debug,
            Level::TRACE => log::Level::Trace,
        };
        tui_logger::Drain::new().log(
            &log::Record::builder()
                .args(format_args!("{text}"))
                .level(level)
                .target(metadata.target())
                .build(),
        );
    }
}

/// The message and the fields of a record in one line.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name().starts_with("log.") {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, "{name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn records_are_masked_and_the_bodies_of_requests_never_written() {
        let memory = Memory::default();
        let subscriber = tracing_subscriber::registry()
            .with(EnvFilter::new("trace,bollard=trace"))
            .with(filter_fn(is_harmless))
            .with(text_layer(Masked(Mutex::new(memory.clone())), true));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "coracle::ops", env = "K3S_TOKEN=hunter2", "own record");
            tracing::debug!(target: "bollard::docker", "body with secrets");
            tracing::info!(target: "kube_client", "a library's word");
        });
        let written = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert!(
            written.contains("own record") && written.contains("a library's word"),
            "{written}"
        );
        assert!(
            !written.contains("hunter2") && !written.contains("body"),
            "{written}"
        );
        assert!(written.contains("K3S_TOKEN=***"), "{written}");
    }
}
