//! The latest failover that is known, by which answers of sentinels that lag behind are recognized.

use std::time::Duration;

use crate::runtime::Instant;

/// How long a sentinel may take to hear of a failover. Later, a lower epoch means that the
/// sentinels were set up again.
const LAG: Duration = Duration::from_secs(30);

/// The highest epoch of a primary that a sentinel has told.
#[derive(Debug, Default)]
pub(super) struct Latest {
    epoch: u64,
    /// When a sentinel has told it last.
    confirmed: Option<Instant>,
}

impl Latest {
    /// Returns whether an answer counts: not if it is from before the latest failover.
    pub(super) fn admit(&mut self, epoch: Option<u64>) -> bool {
        let Some(epoch) = epoch else {
            return true;
        };
        let now = Instant::now();
        let is_recent = (self.confirmed).is_some_and(|at| now.duration_since(at) < LAG);
        if epoch < self.epoch && is_recent {
            return false;
        }
        self.epoch = epoch;
        self.confirmed = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_from_before_the_latest_failover_do_not_count() {
        let mut latest = Latest::default();
        assert!(latest.admit(None) && latest.admit(Some(3)) && latest.admit(Some(3)));
        assert!(!latest.admit(Some(2)), "a sentinel that lags behind");
        assert!(latest.admit(Some(4)) && latest.admit(None));
        tokio::time::advance(LAG - Duration::from_secs(1)).await;
        assert!(!latest.admit(Some(0)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(latest.admit(Some(0)), "the sentinels were set up again");
    }
}
