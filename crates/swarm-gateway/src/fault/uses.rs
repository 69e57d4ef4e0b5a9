//! How often a planned fault applies.

use tokio::sync::watch;

/// Uses of a planned fault, shared by the plan and whoever planned it.
#[derive(Debug, Clone)]
pub(super) struct Uses(watch::Sender<Count>);

#[derive(Debug, Clone, Copy)]
struct Count {
    /// `None` if the fault applies until it is canceled.
    left: Option<u32>,
    applied: usize,
}

impl Uses {
    /// A fault that applies a number of times.
    pub(super) fn times(times: u32) -> Self {
        Self(watch::channel(Count::new(Some(times))).0)
    }

    /// A fault that applies until it is canceled.
    pub(super) fn until_canceled() -> Self {
        Self(watch::channel(Count::new(None)).0)
    }

    /// Applies the fault once. Returns `false` if it does not apply any more.
    pub(super) fn apply(&self) -> bool {
        self.0.send_if_modified(|count| {
            let applies = count.left != Some(0);
            if applies {
                count.left = count.left.map(|left| left.saturating_sub(1));
                count.applied += 1;
            }
            applies
        })
    }

    pub(super) fn cancel(&self) {
        self.0.send_modify(|count| count.left = Some(0));
    }

    pub(super) fn left(&self) -> Option<u32> {
        self.0.borrow().left
    }

    pub(super) fn applied(&self) -> usize {
        self.0.borrow().applied
    }

    /// Waits until the fault has applied `count` times.
    pub(super) async fn reached(&self, count: usize) {
        // The sender lives in `self`, so the wait cannot fail.
        let mut uses = self.0.subscribe();
        let _ = uses.wait_for(|uses| uses.applied >= count).await;
    }
}

impl Count {
    const fn new(left: Option<u32>) -> Self {
        Self { left, applied: 0 }
    }
}
