//! Running estimate of the time that the server takes for each key written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a key takes on SwarmKeyDb as it is shipped: its write queue is flushed at this interval.
pub(crate) const LEAST: Duration = Duration::from_millis(100);

/// The most that is believed.
const MOST: Duration = Duration::from_secs(10);

/// A running estimate. It rises faster than it falls, for a deadline that is too short does more harm than one that is too
/// long, and a single slow reply cannot move it far.
#[derive(Debug)]
pub(crate) struct WriteCost(AtomicU64);

impl Default for WriteCost {
    fn default() -> Self {
        Self(AtomicU64::new(micros(LEAST)))
    }
}

impl WriteCost {
    /// Zero on a server that writes at once.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Whether the server writes at once.
    pub(crate) fn set_free(&self, free: bool) {
        let known = self.0.load(Ordering::Relaxed);
        let cost = match (free, known) {
            (true, _) => 0,
            (false, 0) => micros(LEAST),
            (false, known) => known,
        };
        self.0.store(cost, Ordering::Relaxed);
    }

    /// A key took so long.
    pub(crate) fn observe(&self, took: Duration) {
        let known = self.0.load(Ordering::Relaxed);
        if known == 0 {
            return;
        }
        let took = micros(took).min(known.saturating_mul(8)).min(micros(MOST));
        let next = if took > known {
            known + (took - known) / 4
        } else {
            known - (known - took) / 16
        };
        self.0.store(next.max(micros(LEAST)), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_what_is_observed_and_one_slow_reply_moves_it_little() {
        let cost = WriteCost::default();
        assert_eq!(cost.get(), LEAST);
        cost.observe(Duration::ZERO);
        assert_eq!(cost.get(), LEAST, "never less");
        cost.observe(Duration::from_secs(3600));
        assert!(cost.get() < 3 * LEAST, "{:?}", cost.get());
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
    fn a_server_that_writes_at_once_costs_nothing() {
        let cost = WriteCost::default();
        cost.set_free(true);
        cost.observe(Duration::from_secs(1));
        assert_eq!(cost.get(), Duration::ZERO);
        cost.set_free(false);
        assert_eq!(cost.get(), LEAST);
    }
}
