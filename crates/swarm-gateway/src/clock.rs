//! The time that keys expire by: the system's, or one that a test moves by hand.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// The time that expiry and blocking reads go by.
///
/// Clones show the same time. A clock made by [`Clock::manual`] stands still until [`advance`](Self::advance) moves it,
/// so that a test of a time to live waits for nothing:
///
/// ```
/// use std::time::Duration;
/// use swarm_gateway::Clock;
///
/// let clock = Clock::manual();
/// let before = clock.unix_millis();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.unix_millis() - before, 60_000);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds since 1970, when a test sets them.
    manual: Option<Arc<watch::Sender<i64>>>,
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self { manual: None }
    }

    /// A clock that starts at the system's time and moves only by [`advance`](Self::advance).
    pub fn manual() -> Self {
        let (time, _) = watch::channel(system_millis());
        Self {
            manual: Some(Arc::new(time)),
        }
    }

    /// Moves a manual clock ahead, and with it whatever waits for its time. Does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Some(time) = &self.manual {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            time.send_modify(|now| *now = now.saturating_add(by));
        }
    }

    /// Milliseconds since the start of 1970.
    pub fn unix_millis(&self) -> i64 {
        match &self.manual {
            Some(time) => *time.borrow(),
            None => system_millis(),
        }
    }

    /// Returns after a time: a manual clock's own, or Tokio's.
    pub(crate) async fn pause(&self, time: Duration) {
        if self.manual.is_some() {
            let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            self.until(self.unix_millis().saturating_add(time)).await;
        } else {
            tokio::time::sleep(time).await;
        }
    }

    /// As [`until`](Self::until); never without a deadline.
    pub(crate) async fn until_some(&self, deadline: Option<i64>) {
        match deadline {
            Some(deadline) => self.until(deadline).await,
            None => std::future::pending().await,
        }
    }

    /// Returns once the clock shows `deadline`, in milliseconds since 1970.
    pub(crate) async fn until(&self, deadline: i64) {
        if let Some(time) = &self.manual {
            // The sender lives in `self`, so waiting cannot fail.
            let _ = time.subscribe().wait_for(|now| *now >= deadline).await;
            return;
        }
        loop {
            let left = deadline.saturating_sub(system_millis());
            let Ok(left @ 1..) = u64::try_from(left) else {
                return;
            };
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
    }
}

fn system_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
