//! Clock that keys expire by: the system clock, or a manual one for tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// Time source for key expiry and blocking reads.
///
/// Clones share the same time. A clock created by [`Clock::manual`] stands still until
/// [`advance`](Self::advance) moves it, so tests of key expiry do not have to wait.
///
/// # Examples
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
    /// Milliseconds since the Unix epoch; `None` for the system clock.
    manual: Option<Arc<watch::Sender<i64>>>,
}

impl Clock {
    /// Returns the system clock.
    pub const fn system() -> Self {
        Self { manual: None }
    }

    /// Returns a clock that starts at the current system time and changes only through
    /// [`advance`](Self::advance).
    pub fn manual() -> Self {
        let (time, _) = watch::channel(system_millis());
        Self {
            manual: Some(Arc::new(time)),
        }
    }

    /// Advances a manual clock and wakes everything that waits for the new time. Has no effect on
    /// the system clock.
    pub fn advance(&self, by: Duration) {
        if let Some(time) = &self.manual {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            time.send_modify(|now| *now = now.saturating_add(by));
        }
    }

    /// Returns whether the clock changes only through [`advance`](Self::advance).
    pub const fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// Returns the time in milliseconds since the Unix epoch.
    pub fn unix_millis(&self) -> i64 {
        match &self.manual {
            Some(time) => *time.borrow(),
            None => system_millis(),
        }
    }

    /// Waits for a duration, measured by the manual clock or, for the system clock, by Tokio.
    pub(crate) async fn pause(&self, time: Duration) {
        if self.manual.is_some() {
            let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            self.until(self.unix_millis().saturating_add(time)).await;
        } else {
            tokio::time::sleep(time).await;
        }
    }

    /// Waits like [`until`](Self::until), or forever without a deadline.
    pub(crate) async fn until_some(&self, deadline: Option<i64>) {
        match deadline {
            Some(deadline) => self.until(deadline).await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the clock reaches `deadline`, in milliseconds since the Unix epoch.
    pub(crate) async fn until(&self, deadline: i64) {
        if let Some(time) = &self.manual {
            // The sender lives in `self`, so the wait cannot fail.
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
