//! How many calls were pending at once during the last ten seconds.

use std::time::Duration;

use crate::runtime::Instant;

/// Seconds that are remembered.
const SECONDS: usize = 10;

/// Highest number of pending calls in each of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /// When the newest second began.
    since: Option<Instant>,
    /// The newest second is first.
    peaks: [usize; SECONDS],
    calls: usize,
}

impl Demand {
    /// Records that `calls` are pending from now on.
    pub(super) fn note(&mut self, now: Instant, calls: usize) {
        let since = *self.since.get_or_insert(now);
        let seconds = now.saturating_duration_since(since).as_secs();
        // What was pending last was still pending in the seconds that nobody looked.
        for _ in 0..seconds.min(SECONDS as u64) {
            self.peaks.rotate_right(1);
            self.raise(self.calls, true);
        }
        self.since = Some(since + Duration::from_secs(seconds));
        self.calls = calls;
        self.raise(calls, false);
    }

    /// Most calls that were pending at once.
    pub(super) fn peak(&self) -> usize {
        self.peaks.iter().copied().max().unwrap_or(0)
    }

    /// When the peak may be lower, if nothing else happens.
    pub(super) fn next_second(&self) -> Option<Instant> {
        self.since.map(|since| since + Duration::from_secs(1))
    }

    fn raise(&mut self, calls: usize, anew: bool) {
        if let Some(newest) = self.peaks.first_mut() {
            *newest = if anew { calls } else { calls.max(*newest) };
        }
    }
}
