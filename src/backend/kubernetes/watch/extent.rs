//! As much as a person may see: all in one watch, or each permitted namespace by itself, and what is missing in words.
//!
//! Only a refusal leads from one watch of all to many. While many are watched, the server is asked now and then whether
//! the rights are others, or there are new namespaces.

use std::{collections::VecDeque, time::Duration};

use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Wanted,
    apart::{Apart, Told},
    areas::{Areas, areas},
    one, pause,
};
use crate::{
    backend::{Error, ErrorKind, Unseen, WatchItem},
    domain::ProblemKind,
};

/// Rights and namespaces change rarely. A namespace more that is refused makes it longer by a second, so that asking
/// for them again is one request a second at most.
const AGAIN: Duration = Duration::from_secs(60);

pub(super) fn watch(wanted: Wanted) -> BoxStream<'static, WatchItem> {
    let source = if wanted.scope.namespaces.is_empty() {
        Source::Whole(one(&wanted, wanted.scope.clone()))
    } else {
        Source::Unknown
    };
    let extent = Extent {
        wanted,
        source,
        ready: VecDeque::new(),
        told: Unseen::default(),
        failures: 0,
    };
    stream::unfold(extent, |mut extent| async move {
        let item = extent.next().await;
        Some((item, extent))
    })
    .boxed()
}

struct Extent {
    wanted: Wanted,
    source: Source,
    /// What is to be told: what follows from one item of a watch.
    ready: VecDeque<WatchItem>,
    /// What was last said to be missing.
    told: Unseen,
    /// Failures to find out, since the last success.
    failures: u32,
}

enum Source {
    /// One watch of everything.
    Whole(BoxStream<'static, WatchItem>),
    /// What may be seen is to be found out.
    Unknown,
    /// It is found out again then.
    Pause(Instant),
    Apart(Box<Spread>),
}

/// Many watches, and the next look at the rights.
struct Spread {
    apart: Apart,
    since: Instant,
    again: BoxFuture<'static, Result<Areas, Error>>,
}

impl Extent {
    async fn next(&mut self) -> WatchItem {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item;
            }
            match &mut self.source {
                Source::Whole(items) => {
                    let Some(item) = items.next().await else {
                        self.source = Source::Unknown;
                        continue;
                    };
                    if is_refusal(&item)
                        && let Ok(Areas::Apart(open, missing)) = areas(&self.wanted).await
                    {
                        self.spread(open, missing);
                        continue;
                    }
                    return item;
                }
                Source::Unknown => match areas(&self.wanted).await {
                    Ok(found) => self.begin(found),
                    Err(error) => self.fail(error),
                },
                Source::Pause(until) => {
                    sleep_until(*until).await;
                    self.source = Source::Unknown;
                }
                Source::Apart(spread) => {
                    tokio::select! {
                        told = spread.apart.next() => match told {
                            Told::Items(items) => {
                                self.ready.extend(items);
                                let unseen = spread.apart.unseen();
                                self.tell(unseen);
                            }
                            Told::Anew => self.anew(),
                        },
                        found = &mut spread.again => match found {
                            Ok(Areas::Apart(open, missing)) if spread.apart.is_of(&open, &missing) => {
                                spread.again = look_again(&self.wanted, &missing);
                            }
                            Ok(found) => self.begin(found),
                            // The watches themselves say what is wrong with the server.
                            Err(_) => {
                                let unseen = spread.apart.unseen();
                                spread.again = look_again(&self.wanted, &unseen);
                            }
                        },
                    }
                }
            }
        }
    }

    fn begin(&mut self, found: Areas) {
        match found {
            Areas::Whole => {
                self.tell(Unseen::default());
                self.source = Source::Whole(one(&self.wanted, self.wanted.scope.clone()));
            }
            Areas::Apart(open, missing) => self.spread(open, missing),
        }
    }

    fn spread(&mut self, open: Vec<String>, missing: Unseen) {
        self.tell(missing.clone());
        self.source = Source::Apart(Box::new(Spread {
            again: look_again(&self.wanted, &missing),
            apart: Apart::new(&self.wanted, open, missing),
            since: Instant::now(),
        }));
    }

    fn tell(&mut self, unseen: Unseen) {
        if self.told != unseen {
            self.told.clone_from(&unseen);
            self.ready.push_back(WatchItem::Unseen(unseen));
        }
    }

    /// A new list of all: at once, unless the last one is hardly older.
    fn anew(&mut self) {
        if let Source::Apart(spread) = &self.source
            && spread.since.elapsed() >= AGAIN
        {
            self.failures = 0;
            self.source = Source::Unknown;
            return;
        }
        let what = format!("watch {}", self.wanted.kind.plural);
        let why = "the server forgets what it has just listed";
        self.fail(Error::new(ErrorKind::Failed, what, why));
    }

    fn fail(&mut self, error: Error) {
        self.failures += 1;
        let retry_in = pause(self.failures);
        self.source = Source::Pause(Instant::now() + retry_in);
        self.ready.push_back(WatchItem::Broken {
            problem: error.into(),
            retry_in,
            attempt: self.failures,
        });
    }
}

fn is_refusal(item: &WatchItem) -> bool {
    matches!(item, WatchItem::Broken { problem, .. } if problem.kind == ProblemKind::Refused)
}

/// What may be seen after a while.
fn look_again(wanted: &Wanted, missing: &Unseen) -> BoxFuture<'static, Result<Areas, Error>> {
    let more = u64::try_from(missing.refused.len()).unwrap_or(u64::MAX);
    let after = AGAIN.saturating_add(Duration::from_secs(more));
    let wanted = wanted.clone();
    Box::pin(async move {
        sleep(after).await;
        areas(&wanted).await
    })
}
