//! The clock of a failover.

use std::time::Duration;

use crate::BoxFuture;

/// Clock and timers of a [`Failover`](super::Failover).
///
/// With a transport feature enabled, that is tokio's clock, unless
/// [`with_clock`](super::Failover::with_clock) is called.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time since a moment that does not change.
    fn now(&self) -> Duration;

    /// Waits for this long.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// Tokio's clock.
#[cfg(feature = "net")]
#[derive(Debug)]
pub(super) struct TokioClock(tokio::time::Instant);

#[cfg(feature = "net")]
impl TokioClock {
    pub(super) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[cfg(feature = "net")]
impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
