//! Faults for pushes: published messages and invalidations that are late or lost.

use tokio::sync::watch;

/// A fault for the pushes of all connections.
#[derive(Debug)]
pub(crate) struct PushFault {
    /// Whether pushes are sent after the fault.
    withholds: bool,
    /// Number of pushes that the fault has applied to.
    count: watch::Sender<usize>,
}

impl PushFault {
    pub(super) fn new(withholds: bool) -> Self {
        let count = watch::channel(0).0;
        Self { withholds, count }
    }

    /// Returns the number of pushes that the fault has applied to.
    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until the fault has applied to `count` pushes.
    pub(super) async fn reached(&self, count: usize) {
        // The sender lives in `self`, so the wait cannot fail.
        let mut pushes = self.count.subscribe();
        let _ = pushes.wait_for(|pushes| *pushes >= count).await;
    }

    /// Records a push. Returns whether it is sent after the fault; if not, it is lost.
    pub(crate) fn withholds(&self) -> bool {
        self.count.send_modify(|count| *count += 1);
        self.withholds
    }
}
