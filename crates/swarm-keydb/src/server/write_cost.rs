//! Running estimate of the time that the server takes for each key written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time per key on SwarmKeyDb by default: the interval at which its write queue is flushed.
pub(crate) const MIN_COST: Duration = Duration::from_millis(100);

/// Upper limit of the estimate.
const MAX_COST: Duration = Duration::from_secs(10);

/// A running estimate. It rises faster than it falls, because a deadline that is too short does
/// more harm than one that is too long. A single slow reply cannot move it far.
#[derive(Debug)]
pub(crate) struct WriteCost(AtomicU64);

impl Default for WriteCost {
    fn default() -> Self {
        Self(AtomicU64::new(micros(MIN_COST)))
    }
}

impl WriteCost {
    /// Returns the estimate: zero on a server without this cost.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Sets whether writes have no cost on this server.
    pub(crate) fn set_free(&self, free: bool) {
        let known = self.0.load(Ordering::Relaxed);
        let cost = match (free, known) {
            (true, _) => 0,
            (false, 0) => micros(MIN_COST),
            (false, known) => known,
        };
        self.0.store(cost, Ordering::Relaxed);
    }

    /// Records the time that a key took.
    pub(crate) fn observe(&self, took: Duration) {
        let known = self.0.load(Ordering::Relaxed);
        if known == 0 {
            return;
        }
        let took = micros(took)
            .min(known.saturating_mul(8))
            .min(micros(MAX_COST));
        let next = if took > known {
            known + (took - known) / 4
        } else {
            known - (known - took) / 16
        };
        self.0.store(next.max(micros(MIN_COST)), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_observations_and_a_single_slow_reply_moves_it_little() {
        let cost = WriteCost::default();
        assert_eq!(cost.get(), MIN_COST);
        cost.observe(Duration::ZERO);
        assert_eq!(cost.get(), MIN_COST, "the minimum");
        cost.observe(Duration::from_secs(3600));
        assert!(cost.get() < 3 * MIN_COST, "{:?}", cost.get());
        for _ in 0..100 {
            cost.observe(Duration::from_millis(500));
        }
        assert!(cost.get().abs_diff(Duration::from_millis(500)) < Duration::from_millis(10));
        for _ in 0..100 {
            cost.observe(Duration::from_millis(100));
        }
        assert!(cost.get() < Duration::from_millis(110), "{:?}", cost.get());
    }

    #[test]
    fn a_server_without_a_write_queue_has_no_write_cost() {
        let cost = WriteCost::default();
        cost.set_free(true);
        cost.observe(Duration::from_secs(1));
        assert_eq!(cost.get(), Duration::ZERO);
        cost.set_free(false);
        assert_eq!(cost.get(), MIN_COST);
    }
}
