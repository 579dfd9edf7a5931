//! Rows of a kind, for ever: a first list as it comes, then every change, and honest words while the server is away.
//!
//! The list brings cells without objects ([`list`]); the watch that follows brings each changed object's cells with its
//! metadata. After a broken connection the watch goes on from the last version it has seen, and only a server that no
//! longer remembers that version is asked for the list again.

mod answer;
mod apart;
mod areas;
mod extent;
mod lines;
mod list;

use std::{collections::VecDeque, mem, time::Duration};

use futures::{StreamExt as _, stream, stream::BoxStream};
use jiff::Timestamp;
use kube::core::Status;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use self::{
    answer::{Event, Reader, TABLE, Table},
    lines::Lines,
    list::{Listing, Way},
};
use super::{
    errors,
    request::{Ask, Wire, collection},
};
use crate::{
    backend::{Change, Error, ErrorKind, WatchItem, back_off},
    resources::{KindSpec, Row, Scope},
};

/// How long the server may keep one watch open; it ends it then, and another one goes on. What kubectl uses is random
/// between five and ten minutes; below that, load balancers on the way do not cut it first.
const WATCH_SECONDS: &str = "290";

/// Servers send a bookmark about once a minute. A watch that brings nothing for longer may be dead without either side
/// knowing, so it is opened anew, which costs one request and no list.
const SILENCE: Duration = Duration::from_secs(75);

/// A watch that lived this long was a real one: when it ends, the next is opened at once, and failures count anew.
const LIVED: Duration = Duration::from_secs(5);

/// Changes that are told in one go: more than come in a frame's time at a thousand a second, few enough that a
/// screen that takes them over does not stand still.
const TOGETHER: usize = 256;

/// The rows of a kind within a scope, as far as they may be seen. The stream never ends.
pub(super) fn watch(
    wire: &Wire,
    home: &str,
    kind: &'static KindSpec,
    scope: &Scope,
) -> BoxStream<'static, WatchItem> {
    let wanted = Wanted {
        wire: wire.clone(),
        home: home.to_owned(),
        kind,
        scope: scope.clone(),
    };
    if kind.namespaced && scope.namespaces.len() != 1 {
        extent::watch(wanted)
    } else {
        one(&wanted, scope.clone())
    }
}

/// What is to be watched, of which server, and in which namespace by those who may not see all.
#[derive(Clone)]
struct Wanted {
    wire: Wire,
    home: String,
    kind: &'static KindSpec,
    scope: Scope,
}

/// One watch, of one namespace or of all.
fn one(wanted: &Wanted, scope: Scope) -> BoxStream<'static, WatchItem> {
    let (wire, kind) = (wanted.wire.clone(), wanted.kind);
    let watcher = Watcher {
        wire,
        kind,
        scope,
        way: Way::Spread,
        reader: Reader::new(kind),
        ready: VecDeque::new(),
        phase: Phase::List,
        version: None,
        failures: 0,
    };
    stream::unfold(watcher, |mut watcher| async move {
        let item = watcher.next().await;
        Some((item, watcher))
    })
    .boxed()
}

struct Watcher {
    wire: Wire,
    kind: &'static KindSpec,
    scope: Scope,
    way: Way,
    reader: Reader,
    /// Items that are to be told; at most one batch and one notice.
    ready: VecDeque<WatchItem>,
    phase: Phase,
    /// The version from which to go on; unknown before the first list and when the server has forgotten it.
    version: Option<String>,
    /// Failures since the last success.
    failures: u32,
}

enum Phase {
    /// A list is to be begun.
    List,
    Listing(Listing),
    /// A watch is to be opened; whether what is shown is stale until then.
    Open {
        stale: bool,
    },
    Watching(Open),
    /// Nothing is done until then.
    Pause(Instant),
}

/// A watch under way.
struct Open {
    lines: Lines,
    since: Instant,
    /// Whether it has brought anything.
    used: bool,
}

enum Trouble {
    /// The server no longer remembers the version that was asked for.
    Expired,
    Failed(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Watcher {
    async fn next(&mut self) -> WatchItem {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item;
            }
            // A phase that fails leaves nothing behind: what follows is decided by what is known.
            let done = match mem::replace(&mut self.phase, Phase::List) {
                Phase::List => self.list().await,
                Phase::Listing(listing) => self.page(listing).await,
                Phase::Open { stale } => self.open(stale).await,
                Phase::Watching(open) => self.changes(open).await,
                Phase::Pause(until) => {
                    sleep_until(until).await;
                    self.phase = self.entry();
                    Ok(())
                }
            };
            match done {
                Ok(()) => {}
                Err(Trouble::Expired) => self.expired(),
                Err(Trouble::Failed(error)) => self.pause(error),
            }
        }
    }

    /// How to begin after a pause.
    fn entry(&self) -> Phase {
        if self.version.is_some() {
            Phase::Open { stale: true }
        } else {
            Phase::List
        }
    }

    async fn list(&mut self) -> Result<(), Trouble> {
        self.version = None;
        let listing = Listing::begin(&self.wire, self.kind, &self.scope, &mut self.way).await?;
        self.phase = Phase::Listing(listing);
        Ok(())
    }

    async fn page(&mut self, mut listing: Listing) -> Result<(), Trouble> {
        match listing.next().await {
            Ok(Some((rows, first))) => {
                self.ready.push_back(WatchItem::Page { rows, first });
                self.phase = Phase::Listing(listing);
                Ok(())
            }
            Ok(None) => {
                self.version = listing.version();
                self.phase = Phase::Open { stale: false };
                self.ready.push_back(WatchItem::Live);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The namespace that the watch is of; empty is all.
    fn area(&self) -> &str {
        self.scope.namespaces.first().map_or("", String::as_str)
    }

    async fn open(&mut self, stale: bool) -> Result<(), Trouble> {
        let mut ask = Ask::get(collection(self.kind, self.area()))
            .with("watch", "true")
            .with("allowWatchBookmarks", "true")
            .with("timeoutSeconds", WATCH_SECONDS)
            .with("labelSelector", &self.scope.selector)
            .with("fieldSelector", &self.scope.fields())
            .with(
                "resourceVersion",
                self.version.as_deref().unwrap_or_default(),
            )
            .uncompressed();
        if !self.kind.whole {
            ask = ask.with("includeObject", "Metadata").accepting(TABLE);
        }
        let what = format!("watch {}", self.kind.plural);
        let reader = match self.wire.open(&what, ask).await {
            Ok(reader) => reader,
            Err(error) => {
                // A server that answers, but not with a watch, may not know the version; the next try begins anew.
                if matches!(
                    error.kind,
                    ErrorKind::Failed | ErrorKind::Invalid | ErrorKind::NotFound
                ) {
                    self.version = None;
                }
                return Err(error.into());
            }
        };
        if stale {
            self.ready.push_back(WatchItem::Live);
        }
        self.phase = Phase::Watching(Open {
            lines: Lines::new(reader),
            since: Instant::now(),
            used: false,
        });
        Ok(())
    }

    /// Waits for a change and takes all that have come with it.
    async fn changes(&mut self, mut open: Open) -> Result<(), Trouble> {
        let mut changes = Vec::new();
        let what = format!("watch {}", self.kind.plural);
        let Ok(first) = timeout(SILENCE, open.lines.next()).await else {
            self.phase = Phase::Open { stale: false };
            return Ok(());
        };
        let mut line = Some(first);
        let mut outcome = Ok(true);
        while let Some(next) = line {
            outcome = match next {
                Ok(Some(text)) => self.take(&what, text, &mut changes).map(|()| true),
                Ok(None) => Ok(false),
                Err(error) => Err(errors::broken(&what, &error).into()),
            };
            if !matches!(outcome, Ok(true)) || changes.len() >= TOGETHER {
                break;
            }
            open.used = true;
            line = open.lines.ready();
        }
        // What came before an end is told before it.
        if !changes.is_empty() {
            self.ready.push_back(WatchItem::Changes(changes));
        }
        let lived = open.since.elapsed() >= LIVED;
        if lived {
            self.failures = 0;
        }
        match outcome {
            Ok(true) => self.phase = Phase::Watching(open),
            Ok(false) if lived => self.phase = Phase::Open { stale: false },
            Ok(false) => {
                let why = "the server ended the connection";
                return Err(Error::new(ErrorKind::Unreachable, what, why).into());
            }
            Err(Trouble::Expired) if !open.used && self.way == Way::Spread => {
                // The versions of this server's lists do not belong together.
                self.way = Way::Whole;
                return Err(Trouble::Expired);
            }
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }

    /// Reads one event.
    fn take(&mut self, what: &str, text: &[u8], changes: &mut Vec<Change>) -> Result<(), Trouble> {
        let garbage = |error| errors::nonsense(what, text, &error);
        if self.kind.whole {
            let event: Event<'_, Value> = serde_json::from_slice(text).map_err(garbage)?;
            let object = event.object;
            if event.kind == "ERROR" {
                let code = object["code"]
                    .as_u64()
                    .and_then(|code| u16::try_from(code).ok());
                let message = object["message"].as_str().unwrap_or_default();
                return Err(refused(what, code.unwrap_or_default(), message));
            }
            if let Some(version) = object.pointer("/metadata/resourceVersion") {
                self.version = version.as_str().map(str::to_owned);
            }
            if event.kind != "BOOKMARK" {
                let row = (self.kind.from_object)(&object);
                change(row, event.kind == "DELETED", changes);
            }
            return Ok(());
        }
        let event: Event<'_, Table<'_>> = serde_json::from_slice(text).map_err(garbage)?;
        let mut table = event.object;
        if event.kind == "ERROR" {
            return Err(refused(what, table.code, &table.message));
        }
        if let Some(version) = table.version() {
            self.version = Some(version.to_owned());
        }
        table.take_columns(&mut self.reader.columns);
        if event.kind == "BOOKMARK" {
            return Ok(());
        }
        let now = Timestamp::now();
        for line in table.rows.unwrap_or_default() {
            let area = self.scope.namespaces.first().map_or("", String::as_str);
            let row = self.reader.row(&line, area, now);
            change(row, event.kind == "DELETED", changes);
        }
        Ok(())
    }

    /// A new list, at once the first time, and after a pause where the server keeps on forgetting.
    fn expired(&mut self) {
        self.version = None;
        self.failures += 1;
        if self.failures > 2 {
            let what = format!("watch {}", self.kind.plural);
            let why = "the server forgets what it has just listed";
            self.pause(Error::new(ErrorKind::Failed, what, why));
        } else {
            self.phase = Phase::List;
        }
    }

    fn pause(&mut self, error: Error) {
        self.failures += 1;
        let retry_in = pause(self.failures);
        self.phase = Phase::Pause(Instant::now() + retry_in);
        self.ready.push_back(WatchItem::Broken {
            problem: error.into(),
            retry_in,
            attempt: self.failures,
        });
    }
}

fn change(row: Option<Row>, gone: bool, changes: &mut Vec<Change>) {
    match row {
        Some(row) if gone => changes.push(Change::Gone(row.key)),
        Some(row) => changes.push(Change::Set(row)),
        None => {}
    }
}

/// What a server said in place of an event.
fn refused(what: &str, code: u16, message: &str) -> Trouble {
    if code == 410 {
        return Trouble::Expired;
    }
    let status = Status::failure(message, "").with_code(code);
    errors::refused(what, &status).into()
}

/// The pause before a try, a little different for each of many watches, so that they do not all come back to a server
/// at the same moment.
fn pause(attempt: u32) -> Duration {
    let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
    back_off(attempt).mul_f64(0.8 + 0.2 * f64::from(chance) / f64::from(u32::MAX))
}
