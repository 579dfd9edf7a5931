//! What kind of mark a row of a store is; its words are its text.

use crate::domain::MarkEvent;

/// What a mark says, without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MarkKind {
    /// A pod is followed from here on.
    Joined = 1,
    /// It does not exist any more.
    Gone,
    /// A container was started again.
    Restarted,
    /// It ended for good.
    Ended,
    /// Another revision takes over.
    Rollout,
    /// Lines are missing here, or may be.
    Gap,
    /// After an interruption the log goes on without a line missing.
    Reconnected,
    /// Not everything that is asked for is followed.
    Limited,
    /// Something does not work for now.
    Problem,
    /// Anything else.
    Note,
}

impl MarkKind {
    const ALL: [Self; 10] = [
        Self::Joined,
        Self::Gone,
        Self::Restarted,
        Self::Ended,
        Self::Rollout,
        Self::Gap,
        Self::Reconnected,
        Self::Limited,
        Self::Problem,
        Self::Note,
    ];

    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Gone => "gone",
            Self::Restarted => "restarted",
            Self::Ended => "ended",
            Self::Rollout => "rollout",
            Self::Gap => "gap",
            Self::Reconnected => "reconnected",
            Self::Limited => "limited",
            Self::Problem => "problem",
            Self::Note => "note",
        }
    }

    /// The kind of an event.
    #[must_use]
    pub const fn of(event: &MarkEvent) -> Self {
        match event {
            MarkEvent::Joined => Self::Joined,
            MarkEvent::Gone => Self::Gone,
            MarkEvent::Restarted(_) => Self::Restarted,
            MarkEvent::Ended(_) => Self::Ended,
            MarkEvent::Rollout { .. } => Self::Rollout,
            MarkEvent::Gap(_) => Self::Gap,
            MarkEvent::Reconnected => Self::Reconnected,
            MarkEvent::Limited { .. } => Self::Limited,
            MarkEvent::Problem(_) => Self::Problem,
            MarkEvent::Note(_) => Self::Note,
        }
    }

    /// As a byte for a table of lines; zero is a line.
    pub(super) const fn to_byte(kind: Option<Self>) -> u8 {
        match kind {
            Some(kind) => kind as u8,
            None => 0,
        }
    }

    /// What [`Self::to_byte`] made.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_as_a_byte() {
        for kind in MarkKind::ALL {
            assert_eq!(
                MarkKind::from_byte(MarkKind::to_byte(Some(kind))),
                Some(kind)
            );
        }
        assert_eq!(MarkKind::from_byte(MarkKind::to_byte(None)), None);
    }
}
