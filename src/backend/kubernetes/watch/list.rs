//! The first list: rows page by page, and the version from which a watch has to follow.
//!
//! The server prints the cells itself and leaves the objects out, which is a hundredth of their size. Such lines do not
//! say which namespace they are of, so each namespace is asked for by itself, all side by side: that is also
//! faster than one list of all. Where the namespaces may not be listed, one list of all brings the objects' metadata.

use std::mem;

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use jiff::Timestamp;

use super::answer::{Objects, Reader, TABLE, Table};
use crate::{
    backend::{
        Error, ErrorKind,
        kubernetes::{
            errors,
            request::{Ask, Wire, collection},
        },
    },
    resources::{KindSpec, Row, Scope, unlisted::NAMESPACES},
};

/// What kubectl asks for at a time: a page is here within milliseconds, and no server minds its size.
const PAGE: &str = "500";

/// Each list under way holds a connection of its own. More than these no longer make it faster, and a server lets only
/// so many requests of one client in at a time.
const SIDE_BY_SIDE: usize = 24;

/// A list that is coming in.
pub(super) struct Listing {
    pages: BoxStream<'static, Result<Page, Error>>,
    first: bool,
    version: Version,
}

/// One answer.
struct Page {
    rows: Vec<Row>,
    version: Option<String>,
}

/// The version that a watch follows from: the oldest of all lists, so that no change between two of them is missed.
/// What a later list had seen already comes a second time, which changes nothing in the end.
#[derive(Default)]
pub(super) enum Version {
    #[default]
    Unknown,
    Number(u64),
    /// A server with versions of another kind; they can be compared with nothing, but one is enough for one list.
    Word(String),
}

impl Version {
    fn add(&mut self, version: Option<&str>) {
        let Some(version) = version else { return };
        *self = match (mem::take(self), version.parse::<u64>()) {
            (Self::Number(old), Ok(new)) => Self::Number(old.min(new)),
            (Self::Unknown, Ok(new)) => Self::Number(new),
            (Self::Unknown, Err(_)) => Self::Word(version.to_owned()),
            (known, _) => known,
        };
    }
}

/// How a list is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Each namespace by itself, cells only.
    Spread,
    /// One list with the objects' metadata, from which the namespaces are read.
    Whole,
}

impl Listing {
    /// Begins a list. Where namespaces are to be listed first and may not be, the way becomes [`Way::Whole`].
    pub(super) async fn begin(
        wire: &Wire,
        kind: &'static KindSpec,
        scope: &Scope,
        way: &mut Way,
    ) -> Result<Self, Error> {
        let mut version = Version::default();
        let areas = if !kind.namespaced {
            vec![String::new()]
        } else if !scope.namespaces.is_empty() {
            scope.namespaces.clone()
        } else if *way == Way::Spread {
            match names(wire, &mut version).await {
                Ok(names) => names,
                Err(error) if error.kind == ErrorKind::Forbidden => {
                    *way = Way::Whole;
                    vec![String::new()]
                }
                Err(error) => return Err(error),
            }
        } else {
            vec![String::new()]
        };
        let objects = if kind.namespaced && areas.iter().any(String::is_empty) {
            "Metadata"
        } else {
            "None"
        };
        let wire = wire.clone();
        let selectors = (scope.selector.clone(), scope.fields());
        let pages = stream::iter(areas)
            .flat_map_unordered(SIDE_BY_SIDE, move |area| {
                pages(wire.clone(), kind, area, selectors.clone(), objects)
            })
            .boxed();
        Ok(Self {
            pages,
            first: true,
            version,
        })
    }

    /// The rows of the next page that has come and whether it is the first; `None` when the list is complete.
    pub(super) async fn next(&mut self) -> Result<Option<(Vec<Row>, bool)>, Error> {
        let Some(page) = self.pages.next().await else {
            // A list without any row still replaces what was known before.
            return Ok(mem::take(&mut self.first).then(|| (Vec::new(), true)));
        };
        let page = page?;
        self.version.add(page.version.as_deref());
        Ok(Some((page.rows, mem::take(&mut self.first))))
    }

    /// Where a watch has to begin.
    pub(super) fn version(&self) -> Option<String> {
        match &self.version {
            Version::Unknown => None,
            Version::Number(number) => Some(number.to_string()),
            Version::Word(word) => Some(word.clone()),
        }
    }
}

/// The names of all namespaces. Their list's version counts as well: the objects of a namespace that was made after it
/// are in none of the lists, so the watch has to bring them.
pub(super) async fn names(wire: &Wire, version: &mut Version) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut pages = pages(
        wire.clone(),
        &NAMESPACES,
        String::new(),
        (String::new(), String::new()),
        "None",
    );
    while let Some(page) = pages.next().await {
        let page = page?;
        version.add(page.version.as_deref());
        names.extend(page.rows.into_iter().map(|row| String::from(row.key.name)));
    }
    Ok(names)
}

/// The pages of one list, one after the other; the selectors are of labels and of fields.
fn pages(
    wire: Wire,
    kind: &'static KindSpec,
    namespace: String,
    (labels, fields): (String, String),
    objects: &'static str,
) -> BoxStream<'static, Result<Page, Error>> {
    let begin = (wire, Reader::new(kind), Some(String::new()));
    stream::unfold(begin, move |(wire, mut reader, token)| {
        let (namespace, labels, fields) = (namespace.clone(), labels.clone(), fields.clone());
        async move {
            let token = token?;
            let mut ask = Ask::get(collection(kind, &namespace))
                .with("limit", PAGE)
                .with("labelSelector", &labels)
                .with("fieldSelector", &fields)
                .with("continue", &token);
            if !kind.whole {
                ask = ask.with("includeObject", objects).accepting(TABLE);
            }
            let what = format!("list {}", kind.plural);
            let read = wire.bytes(&what, ask).await.and_then(|body| {
                if kind.whole {
                    read_objects(&what, &body, kind)
                } else {
                    read_table(&what, &body, &namespace, &mut reader)
                }
            });
            let (page, token) = match read {
                Ok((page, token)) => (Ok(page), token),
                Err(error) => (Err(error), None),
            };
            Some((page, (wire, reader, token)))
        }
    })
    .boxed()
}

/// An answer's rows, and the token for the next page.
type Read = Result<(Page, Option<String>), Error>;

fn read_objects(what: &str, body: &[u8], kind: &KindSpec) -> Read {
    let list: Objects<'_> =
        serde_json::from_slice(body).map_err(|error| errors::nonsense(what, body, &error))?;
    let items = list.items.unwrap_or_default();
    let rows = items.iter().filter_map(kind.from_object).collect();
    let version = list.metadata.version().map(str::to_owned);
    let next = list.metadata.next_page().map(str::to_owned);
    Ok((Page { rows, version }, next))
}

fn read_table(what: &str, body: &[u8], namespace: &str, reader: &mut Reader) -> Read {
    let mut table: Table<'_> =
        serde_json::from_slice(body).map_err(|error| errors::nonsense(what, body, &error))?;
    if table.is_other() {
        let why = "the server's answer is not a table of objects";
        return Err(Error::new(ErrorKind::Failed, what, why));
    }
    table.take_columns(&mut reader.columns);
    let now = Timestamp::now();
    let lines = table.rows.take().unwrap_or_default();
    let rows = lines
        .iter()
        .filter_map(|line| reader.row(line, namespace, now))
        .collect();
    let version = table.version().map(str::to_owned);
    let next = table.metadata.next_page().map(str::to_owned);
    Ok((Page { rows, version }, next))
}
