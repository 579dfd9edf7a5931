//! Several namespaces, each watched by itself, told as one.
//!
//! A namespace that is refused, or whose connection breaks, leaves the others as they are. One that has to be listed
//! anew means a new list of all, because only the first page of a list can replace what is known.

use std::mem;

use futures::{
    StreamExt as _,
    stream::{BoxStream, SelectAll},
};

use super::{Wanted, one};
use crate::{
    backend::{Change, Unseen, WatchItem},
    domain::ProblemKind,
    resources::Scope,
};

/// The watches of several namespaces.
pub(super) struct Apart {
    namespaces: Vec<String>,
    watches: SelectAll<BoxStream<'static, (usize, WatchItem)>>,
    parts: Vec<Part>,
    missing: Unseen,
    /// Whether a page was told, and whether what was told is complete and true.
    begun: bool,
    live: bool,
}

#[derive(Clone, Default)]
struct Part {
    begun: bool,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    #[default]
    Coming,
    Live,
    Refused,
    Broken,
}

/// What follows from an item of one namespace.
pub(super) enum Told {
    /// These items are to be told.
    Items(Vec<WatchItem>),
    /// All have to be listed anew.
    Anew,
}

impl Apart {
    pub(super) fn new(wanted: &Wanted, namespaces: Vec<String>, missing: Unseen) -> Self {
        let watches = namespaces.iter().enumerate().map(|(place, namespace)| {
            let scope = Scope {
                namespaces: vec![namespace.clone()],
                ..wanted.scope.clone()
            };
            one(wanted, scope).map(move |item| (place, item)).boxed()
        });
        Self {
            watches: watches.collect(),
            parts: vec![Part::default(); namespaces.len()],
            namespaces,
            missing,
            begun: false,
            live: false,
        }
    }

    /// Whether these namespaces are watched, and these are missing.
    pub(super) fn is_of(&self, namespaces: &[String], missing: &Unseen) -> bool {
        self.namespaces == namespaces && self.missing == *missing
    }

    /// What is missing now.
    pub(super) fn unseen(&self) -> Unseen {
        let mut unseen = self.missing.clone();
        let parts = self.namespaces.iter().zip(&self.parts);
        let refused = parts.filter(|(_, part)| part.standing == Standing::Refused);
        unseen.refused.extend(refused.map(|(name, _)| name.clone()));
        unseen
    }

    /// What comes next. Cancel safe.
    pub(super) async fn next(&mut self) -> Told {
        match self.watches.next().await {
            Some((place, item)) => self.take(place, item),
            // A watch never ends.
            None => Told::Anew,
        }
    }

    fn take(&mut self, place: usize, item: WatchItem) -> Told {
        let Some(part) = self.parts.get_mut(place) else {
            return Told::Items(Vec::new());
        };
        match item {
            WatchItem::Page { rows, first } => {
                if first && mem::replace(&mut part.begun, true) {
                    return Told::Anew;
                }
                let first = !mem::replace(&mut self.begun, true);
                Told::Items(vec![WatchItem::Page { rows, first }])
            }
            WatchItem::Live => {
                part.standing = Standing::Live;
                Told::Items(self.settled())
            }
            WatchItem::Changes(changes) if self.live => {
                Told::Items(vec![WatchItem::Changes(changes)])
            }
            // Until all lists are complete, what they have not is taken for gone.
            WatchItem::Changes(changes) => Told::Items(
                changes
                    .into_iter()
                    .map(|change| match change {
                        Change::Set(row) => WatchItem::Page {
                            rows: vec![row],
                            first: false,
                        },
                        gone @ Change::Gone(_) => WatchItem::Changes(vec![gone]),
                    })
                    .collect(),
            ),
            WatchItem::Broken { ref problem, .. } => {
                part.standing = match problem.kind {
                    ProblemKind::Refused => Standing::Refused,
                    _ => Standing::Broken,
                };
                let all = |part: &Part| part.standing == Standing::Refused;
                if part.standing == Standing::Refused && !self.parts.iter().all(all) {
                    return Told::Items(self.settled());
                }
                self.live = false;
                Told::Items(vec![item])
            }
            WatchItem::Unseen(_) => Told::Items(Vec::new()),
        }
    }

    /// That all is live, where that is new.
    fn settled(&mut self) -> Vec<WatchItem> {
        let settles = |part: &Part| matches!(part.standing, Standing::Live | Standing::Refused);
        let all = self.parts.iter().all(settles);
        if all && !mem::replace(&mut self.live, true) {
            vec![WatchItem::Live]
        } else {
            Vec::new()
        }
    }
}
