//! The pods of one cluster: ten thousand rows, of which only those on the screen are ever formatted.
//!
//! Rows lie in a slab, an index finds them by name, and `view` is the order in which they are shown, filtered. It is
//! made anew once for all changes of a frame; the sort is fast on what is sorted but for a few. A list that comes in
//! anew takes rows away only when it is complete: what was known stays in view until then.

use std::{cmp::Ordering, collections::HashMap, time::Duration};

use jiff::Timestamp;

use super::scroll::Scroll;
use crate::{
    backend::{Change, Unseen, WatchItem},
    domain::{ObjectKey, Problem, container::Usage},
    resources::{Cell, Row},
    tui::dialogs::field::Field,
};

/// Whether what is shown is true now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// The first rows are on their way.
    Loading,
    /// Every change is followed.
    Now,
    /// The connection is gone: why, since when, when it is tried again and how often it was.
    Stale {
        /// Why.
        problem: Problem,
        /// Since when.
        since: Timestamp,
        /// When it is tried again.
        retry_at: Timestamp,
        /// The number of that try.
        attempt: u32,
    },
}

/// The pods of one cluster.
pub struct Pods {
    slab: Vec<Option<Row>>,
    /// The list that each row of the slab was last seen in, or changed after.
    seen: Vec<u32>,
    /// The number of the list that is coming in, or came in last.
    list: u32,
    free: Vec<u32>,
    index: HashMap<ObjectKey, u32>,
    view: Vec<u32>,
    filter: Filter,
    /// Whether it is true now.
    pub live: Live,
    /// What of them may not be seen.
    pub unseen: Unseen,
    /// What the pods use, where the cluster measures it.
    pub usage: HashMap<ObjectKey, Usage>,
    /// The selection.
    pub scroll: Scroll<ObjectKey>,
    relist: bool,
    /// Whether it is stale only because the API does not answer, although the watch has not broken off.
    silent: bool,
    /// Whether the order of what is shown may have changed since the last [`Pods::refresh`].
    stale: bool,
}

impl Default for Pods {
    fn default() -> Self {
        Self {
            slab: Vec::new(),
            seen: Vec::new(),
            list: 0,
            free: Vec::new(),
            index: HashMap::new(),
            view: Vec::new(),
            filter: Filter::default(),
            live: Live::Loading,
            unseen: Unseen::default(),
            usage: HashMap::new(),
            scroll: Scroll::default(),
            relist: false,
            silent: false,
            stale: false,
        }
    }
}

impl Pods {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many are shown.
    #[must_use]
    pub fn shown(&self) -> usize {
        self.view.len()
    }

    /// The `place`th row that is shown.
    #[must_use]
    pub fn row(&self, place: usize) -> Option<&Row> {
        self.slab.get(*self.view.get(place)? as usize)?.as_ref()
    }

    /// The row of a pod.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Row> {
        self.slab.get(*self.index.get(key)? as usize)?.as_ref()
    }

    /// Takes in what the watch tells. The view is stale until [`Pods::refresh`].
    pub fn take(&mut self, item: WatchItem, now: Timestamp) {
        self.answered();
        match item {
            WatchItem::Page { rows, first } => {
                if first {
                    self.list = self.list.wrapping_add(1);
                    self.relist = true;
                }
                for row in rows {
                    self.set(row);
                }
            }
            WatchItem::Live => {
                self.live = Live::Now;
                if std::mem::take(&mut self.relist) {
                    self.sweep();
                }
            }
            WatchItem::Unseen(unseen) => self.unseen = unseen,
            WatchItem::Changes(changes) => {
                for change in changes {
                    match change {
                        Change::Set(row) => self.set(row),
                        Change::Gone(key) => self.remove(&key),
                    }
                }
            }
            WatchItem::Broken {
                problem,
                retry_in,
                attempt,
            } => self.break_off(problem, now, retry_in, attempt),
        }
    }

    /// The API does not answer. A server that is frozen or behind a dead link ends no watch: nothing comes any more, and
    /// what is shown may be wrong.
    pub fn unanswered(&mut self, problem: &Problem, now: Timestamp, retry_in: Duration) {
        if self.live == Live::Now {
            self.silent = true;
        }
        if self.silent {
            self.break_off(problem.clone(), now, retry_in, 1);
        }
    }

    /// The API answers, or the watch tells something.
    pub fn answered(&mut self) {
        if std::mem::take(&mut self.silent) {
            self.live = Live::Now;
        }
    }

    fn break_off(&mut self, problem: Problem, now: Timestamp, retry_in: Duration, attempt: u32) {
        let since = match &self.live {
            Live::Stale { since, .. } => *since,
            _ => now,
        };
        let retry_at = now.checked_add(retry_in).unwrap_or(now);
        self.live = Live::Stale {
            problem,
            since,
            retry_at,
            attempt,
        };
    }

    fn remove(&mut self, key: &ObjectKey) {
        if let Some(place) = self.index.remove(key) {
            self.slab[place as usize] = None;
            self.free.push(place);
            self.usage.remove(key);
            self.stale = true;
        }
    }

    /// Takes away what the complete list does not have.
    fn sweep(&mut self) {
        let gone: Vec<ObjectKey> = self
            .slab
            .iter()
            .zip(&self.seen)
            .filter(|(_, seen)| **seen != self.list)
            .filter_map(|(row, _)| row.as_ref().map(|row| row.key.clone()))
            .collect();
        for key in gone {
            self.remove(&key);
        }
    }

    fn set(&mut self, row: Row) {
        if let Some(place) = self.index.get(&row.key) {
            self.seen[*place as usize] = self.list;
            let slot = &mut self.slab[*place as usize];
            // With a filter, any text may let a row in or out; without one, only its health moves it.
            self.stale |=
                !self.filter.is_empty() || slot.as_ref().is_none_or(|old| old.health != row.health);
            *slot = Some(row);
            return;
        }
        self.stale = true;
        let key = row.key.clone();
        let place = if let Some(place) = self.free.pop() {
            self.slab[place as usize] = Some(row);
            self.seen[place as usize] = self.list;
            place
        } else {
            let Ok(place) = u32::try_from(self.slab.len()) else {
                return;
            };
            self.slab.push(Some(row));
            self.seen.push(self.list);
            place
        };
        self.index.insert(key, place);
    }

    /// Changes the filter.
    pub fn set_filter(&mut self, text: &str) {
        let filter = Filter::new(text);
        self.stale |= filter != self.filter;
        self.filter = filter;
    }

    /// Makes the view anew where its order may have changed: filtered, problems first, then by namespace and name.
    pub fn refresh(&mut self, height: usize) {
        if !std::mem::take(&mut self.stale) {
            self.scroll.keep_visible(self.view.len(), height);
            return;
        }
        let (slab, filter) = (&self.slab, &self.filter);
        let at = |place: u32| slab.get(place as usize).and_then(Option::as_ref);
        // What was shown and still is keeps its place, so that the sort finds order and not chance.
        let mut seen = vec![false; slab.len()];
        self.view.retain(|place| {
            let stays = at(*place).is_some_and(|row| filter.takes(row));
            if let (true, Some(seen)) = (stays, seen.get_mut(*place as usize)) {
                return !std::mem::replace(seen, true);
            }
            false
        });
        for (place, row) in slab.iter().enumerate() {
            if let (false, Some(row)) = (seen[place], row)
                && filter.takes(row)
            {
                self.view.extend(u32::try_from(place));
            }
        }
        self.view.sort_by(|a, b| match (at(*a), at(*b)) {
            (Some(a), Some(b)) => a.health.cmp(&b.health).then_with(|| a.key.cmp(&b.key)),
            _ => Ordering::Equal,
        });
        let view = &self.view;
        self.scroll.settle(
            view.len(),
            height,
            |key| {
                view.iter()
                    .position(|place| at(*place).is_some_and(|row| row.key == *key))
            },
            |i| at(view[i]).map_or_else(|| ObjectKey::new("", ""), |row| row.key.clone()),
        );
    }

    /// Moves the selection by lines.
    pub fn step(&mut self, by: isize, height: usize) {
        let (view, slab) = (&self.view, &self.slab);
        self.scroll.step(by, view.len(), height, |i| {
            slab[view[i] as usize]
                .as_ref()
                .map_or_else(|| ObjectKey::new("", ""), |row| row.key.clone())
        });
    }
}

/// Which rows are wanted: every word has to be in the row, a word after `!` must not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Filter {
    with: Vec<String>,
    without: Vec<String>,
}

impl Filter {
    fn new(text: &str) -> Self {
        let mut filter = Self::default();
        for word in text.split_whitespace() {
            match word.strip_prefix('!') {
                Some("") => {}
                Some(word) => filter.without.push(word.to_lowercase()),
                None => filter.with.push(word.to_lowercase()),
            }
        }
        filter
    }

    fn is_empty(&self) -> bool {
        self.with.is_empty() && self.without.is_empty()
    }

    fn takes(&self, row: &Row) -> bool {
        self.with.iter().all(|word| contains(row, word))
            && !self.without.iter().any(|word| contains(row, word))
    }
}

/// Whether the namespace, the name or a text of the row contains the word, which is in lower case. Kubernetes' own names
/// are lower case already.
fn contains(row: &Row, word: &str) -> bool {
    row.key.name.contains(word)
        || row.key.namespace.contains(word)
        || row
            .cells
            .iter()
            .skip(1)
            .any(|cell| matches!(cell, Cell::Text(text) if find_ignoring_case(text, word)))
}

fn find_ignoring_case(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.len() >= word.len()
        && text
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
}

/// The filter as it is typed.
#[derive(Debug, Clone, Default)]
pub struct FilterField {
    /// The text.
    pub field: Field,
    /// Whether keys go into it.
    pub editing: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Health;

    fn row(name: &str, health: Health, status: &str) -> Row {
        Row {
            key: ObjectKey::new("shop", name),
            uid: None,
            health,
            cells: [Cell::Text(name.into()), Cell::Text(status.into())].into(),
        }
    }

    fn names(pods: &Pods) -> Vec<&str> {
        (0..pods.shown())
            .map(|i| &*pods.row(i).unwrap().key.name)
            .collect()
    }

    fn three() -> Pods {
        let mut pods = Pods::default();
        let rows = vec![
            row("b", Health::Good, "Running"),
            row("a", Health::Good, "Running"),
            row("z", Health::Failing, "CrashLoopBackOff"),
        ];
        pods.take(WatchItem::Page { rows, first: true }, Timestamp::UNIX_EPOCH);
        pods.take(WatchItem::Live, Timestamp::UNIX_EPOCH);
        pods.refresh(10);
        pods
    }

    #[test]
    fn a_frozen_server_makes_what_is_shown_stale_until_it_answers() {
        let now = Timestamp::UNIX_EPOCH;
        let mut pods = Pods::default();
        let problem = Problem::unreachable("ask", "no answer");
        pods.unanswered(&problem, now, Duration::from_secs(1));
        assert_eq!(pods.live, Live::Loading);
        pods.take(WatchItem::Live, now);
        pods.unanswered(&problem, now, Duration::from_secs(1));
        assert!(matches!(pods.live, Live::Stale { .. }));
        pods.answered();
        assert_eq!(pods.live, Live::Now);
        // A watch that broke off is true again only when it says so.
        let broken = WatchItem::Broken {
            problem,
            retry_in: Duration::from_secs(1),
            attempt: 1,
        };
        pods.take(broken, now);
        pods.answered();
        assert!(matches!(pods.live, Live::Stale { .. }));
    }

    #[test]
    fn problems_come_first_and_the_selection_stays_with_its_pod() {
        let mut pods = three();
        assert_eq!(names(&pods), ["z", "a", "b"]);
        pods.step(1, 10);
        pods.take(
            WatchItem::Changes(vec![
                Change::Set(row("b", Health::Failing, "Error")),
                Change::Gone(ObjectKey::new("shop", "z")),
            ]),
            Timestamp::UNIX_EPOCH,
        );
        pods.refresh(10);
        assert_eq!(names(&pods), ["b", "a"]);
        assert_eq!(pods.scroll.selected, Some(ObjectKey::new("shop", "a")));
    }

    #[test]
    fn a_new_list_keeps_the_selection_although_its_pod_comes_late() {
        let mut pods = three();
        pods.step(2, 10);
        pods.take(
            WatchItem::Page {
                rows: vec![row("a", Health::Good, "Running")],
                first: true,
            },
            Timestamp::UNIX_EPOCH,
        );
        pods.refresh(10);
        assert_eq!(
            names(&pods),
            ["z", "a", "b"],
            "the list is not complete yet"
        );
        pods.take(
            WatchItem::Page {
                rows: vec![row("b", Health::Good, "Running")],
                first: false,
            },
            Timestamp::UNIX_EPOCH,
        );
        pods.take(WatchItem::Live, Timestamp::UNIX_EPOCH);
        pods.refresh(10);
        assert_eq!(pods.scroll.selected, Some(ObjectKey::new("shop", "b")));
        assert_eq!(names(&pods), ["a", "b"]);
    }

    #[test]
    fn a_selection_stays_in_view_when_the_pane_shrinks() {
        let mut pods = three();
        pods.step(2, 10);
        assert_eq!(pods.scroll.offset, 0);
        pods.refresh(1);
        assert_eq!(pods.scroll.offset, 2);
    }

    #[test]
    fn words_have_to_be_there_or_must_not() {
        let mut pods = three();
        for (text, want) in [
            ("crash", vec!["z"]),
            ("!crash", vec!["a", "b"]),
            ("shop running !b", vec!["a"]),
            ("nothing", vec![]),
            ("!", vec!["z", "a", "b"]),
        ] {
            pods.set_filter(text);
            pods.refresh(10);
            assert_eq!(names(&pods), want, "{text}");
        }
    }
}
