//! Who wrote the lines: each source once, a number in every line.

use std::{collections::HashMap, sync::Arc};

use crate::domain::log_source::Source;

/// The number of a source within one store; the same for all lines that do not say where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub(super) u32);

/// A source of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    /// Who it is; none for lines that do not say where they come from.
    pub source: Option<Arc<Source>>,
    /// Which of [`KnownSource::COLOURS`] colours tells it from its neighbours. The same pod gets the same one again,
    /// unless another source had it first.
    pub colour: u8,
}

impl KnownSource {
    /// How many colours there are to tell sources apart.
    pub const COLOURS: u8 = 12;
}

/// As many sources are looked for by their address before their names are hashed.
const NEAR: usize = 16;

/// Every source that was ever seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    list: Vec<KnownSource>,
    numbers: HashMap<Option<Arc<Source>>, u32>,
}

impl Sources {
    /// The number of a source, if it was seen before.
    pub(super) fn find(&self, source: Option<&Arc<Source>>) -> Option<SourceId> {
        // Few sources write most lines, and one of them many in a row, but a look at all of them is still cheaper
        // than to hash their names.
        let same = |known: &KnownSource| match (&known.source, source) {
            (Some(known), Some(source)) => Arc::ptr_eq(known, source),
            (None, None) => true,
            _ => false,
        };
        (0..)
            .zip(self.list.iter().take(NEAR))
            .find(|(_, known)| same(known))
            .map(|(number, _)| SourceId(number))
            .or_else(|| self.numbers.get(&source.cloned()).copied().map(SourceId))
    }

    /// Takes in a source that was not seen before.
    pub(super) fn add(&mut self, source: Option<Arc<Source>>) -> SourceId {
        // More than four thousand million sources cannot be told apart any more.
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let colour =
            self.free_colour(&source.as_ref().map(ToString::to_string).unwrap_or_default());
        self.list.push(KnownSource {
            source: source.clone(),
            colour,
        });
        self.numbers.insert(source, number);
        SourceId(number)
    }

    /// The colour that the name stands for, or the next one that nobody has while there is one.
    fn free_colour(&self, name: &str) -> u8 {
        // FNV: the same on every machine and in every run.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let count = u64::from(KnownSource::COLOURS);
        let nth = |n: u64| u8::try_from((hash % count + n) % count).unwrap_or(0);
        (0..count)
            .map(nth)
            .find(|colour| self.list.iter().all(|source| source.colour != *colour))
            .unwrap_or_else(|| nth(0))
    }

    pub(super) fn get(&self, id: SourceId) -> Option<&KnownSource> {
        self.list.get(id.0 as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SourceId, &KnownSource)> {
        (0..).map(SourceId).zip(&self.list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(pod: &str) -> Arc<Source> {
        Arc::new(Source {
            pod: pod.into(),
            ..Source::default()
        })
    }

    #[test]
    fn sources_keep_their_number_and_their_colour() {
        let mut sources = Sources::default();
        let ids: Vec<_> = (0..30)
            .map(|n| sources.add(Some(source(&format!("web-{n}")))))
            .collect();
        assert_eq!(sources.find(sources.list[7].source.as_ref()), Some(ids[7]));
        assert_eq!(sources.find(Some(&source("web-7"))), Some(ids[7]));
        assert_eq!(sources.find(Some(&source("web-27"))), Some(ids[27]));
        assert_eq!(sources.find(Some(&source("db"))), None);
        assert_eq!(sources.find(None), None);
        let mut first: Vec<_> = sources.iter().take(12).map(|(_, one)| one.colour).collect();
        first.sort_unstable();
        // The first ones can all be told apart.
        assert_eq!(first, (0..KnownSource::COLOURS).collect::<Vec<_>>());
        let mut others = Sources::default();
        let id = others.add(Some(source("web-0")));
        assert_eq!(
            others.get(id).map(|one| one.colour),
            sources.get(ids[0]).map(|one| one.colour)
        );
    }
}
