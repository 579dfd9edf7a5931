//! In which namespaces a person may list a kind, found out by asking: each for one object.

use futures::{StreamExt as _, stream};

use super::{
    Wanted,
    answer::TABLE,
    list::{Version, names},
};
use crate::backend::{
    Error, ErrorKind, Unseen,
    kubernetes::request::{Ask, collection},
};

/// A server lets only so many requests of one client in at a time.
const SIDE_BY_SIDE: usize = 24;

/// Namespaces that are watched one by one, each with a connection of its own. Who may see more than these may mostly
/// see all.
const MOST: usize = 100;

/// Where the objects may be seen.
#[derive(PartialEq, Eq)]
pub(super) enum Areas {
    /// In one list of all.
    Whole,
    /// In these namespaces, of which there is one at least, and what is missing then.
    Apart(Vec<String>, Unseen),
}

/// Finds out where the objects may be seen.
///
/// # Errors
/// When they may be seen nowhere, or the server does not answer.
pub(super) async fn areas(wanted: &Wanted) -> Result<Areas, Error> {
    let mut unseen = Unseen::default();
    let candidates = if !wanted.scope.namespaces.is_empty() {
        wanted.scope.namespaces.clone()
    } else if may_list(wanted, "")
        .await
        .is_ok_and(|refusal| refusal.is_none())
    {
        return Ok(Areas::Whole);
    } else {
        match names(&wanted.wire, &mut Version::default()).await {
            Ok(names) => names,
            Err(error) if error.kind == ErrorKind::Forbidden => {
                unseen.only = Some(wanted.home.clone());
                vec![wanted.home.clone()]
            }
            Err(error) => return Err(error),
        }
    };
    let asked = candidates.into_iter().map(|name| async move {
        let refusal = may_list(wanted, &name).await;
        (name, refusal)
    });
    let mut asked = stream::iter(asked).buffered(SIDE_BY_SIDE);
    let (mut open, mut why) = (Vec::new(), None);
    while let Some((name, refusal)) = asked.next().await {
        if let Some(refusal) = refusal? {
            why.get_or_insert(refusal);
            unseen.refused.push(name);
        } else if open.len() < MOST {
            open.push(name);
        } else {
            unseen.beyond += 1;
        }
    }
    match why {
        Some(refusal) if open.is_empty() => Err(refusal),
        _ if open.is_empty() => {
            let what = format!("list {}", wanted.kind.plural);
            let why = "they may not be listed together, and there is no namespace";
            Err(Error::new(ErrorKind::Forbidden, what, why))
        }
        _ => Ok(Areas::Apart(open, unseen)),
    }
}

/// The refusal where a namespace may not be listed; an empty one is all of them.
async fn may_list(wanted: &Wanted, namespace: &str) -> Result<Option<Error>, Error> {
    let kind = wanted.kind;
    let mut ask = Ask::get(collection(kind, namespace))
        .with("limit", "1")
        .with("labelSelector", &wanted.scope.selector)
        .with("fieldSelector", &wanted.scope.fields());
    if !kind.whole {
        ask = ask.with("includeObject", "None").accepting(TABLE);
    }
    let what = format!("list {}", kind.plural);
    match wanted.wire.bytes(&what, ask).await {
        Ok(_) => Ok(None),
        Err(error) if error.kind == ErrorKind::Forbidden => Ok(Some(error)),
        Err(error) => Err(error),
    }
}
