//! The world's time: tokio's, which a test can stop and move, put into the calendar.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The moment at which the world began, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    begun: Instant,
    calendar: Timestamp,
}

impl Clock {
    /// A clock that shows a moment now.
    pub(super) fn start(calendar: Timestamp) -> Self {
        Self {
            begun: Instant::now(),
            calendar,
        }
    }

    /// Now, in the calendar.
    pub(super) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// A moment, in the calendar.
    pub(super) fn at(&self, moment: Instant) -> Timestamp {
        match moment.checked_duration_since(self.begun) {
            Some(later) => self.calendar.checked_add(later).unwrap_or(self.calendar),
            None => self.before(self.begun.saturating_duration_since(moment)),
        }
    }

    /// So long before the world began.
    pub(super) fn before(&self, age: Duration) -> Timestamp {
        self.calendar.checked_sub(age).unwrap_or(self.calendar)
    }
}
