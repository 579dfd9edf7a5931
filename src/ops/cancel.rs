//! How a person stops an operation: asking once stops it and takes back what it did, asking again gives that up too.

use tokio_util::sync::CancellationToken;

/// The two ways to be stopped. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    stop: CancellationToken,
    abandon: CancellationToken,
}

impl Cancel {
    /// One that nobody has used yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first time: stop, and take back what was done. The second time: stop taking it back.
    pub fn cancel(&self) {
        if self.stop.is_cancelled() {
            self.abandon.cancel();
        } else {
            self.stop.cancel();
        }
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    pub(super) async fn abandoned(&self) {
        self.abandon.cancelled().await;
    }
}
