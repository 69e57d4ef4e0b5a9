//! How long to wait before dialing again.

use std::time::Duration;

/// Exponential backoff with full jitter: each wait is drawn evenly from zero to a bound that doubles, so that clients cut
/// off together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    base: Duration,
    max: Duration,
    bound: Duration,
}

impl Backoff {
    pub(super) const fn new(base: Duration, max: Duration) -> Self {
        Self {
            base,
            max,
            bound: base,
        }
    }

    pub(super) fn next_delay(&mut self) -> Duration {
        let bound = self.bound.min(self.max);
        self.bound = bound.saturating_mul(2).min(self.max);
        bound.mul_f64(fastrand::f64())
    }

    /// A connection works: the next loss starts over.
    pub(super) const fn reset(&mut self) {
        self.bound = self.base;
    }
}
