//! Adaptive read size of a consumer: about the number of entries that it processes in a second.

use std::time::Duration;

/// Number of entries per stream in the first read.
const FIRST: u64 = 10;

/// Time that processing the entries of one read should take. Entries in the buffer of a slow
/// consumer would wait there while another consumer may be idle.
const TARGET: Duration = Duration::from_secs(1);

/// Number of entries to read, adapted to the rate at which the application takes them.
#[derive(Debug)]
pub(super) struct Prefetch {
    count: u64,
    max: u64,
}

impl Prefetch {
    pub(super) fn new(max: u64) -> Self {
        Self {
            count: FIRST.min(max),
            max,
        }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Adapts to the time that the application needed for the entries of one read, over `streams`
    /// streams.
    pub(super) fn adapt(&mut self, entries: u64, streams: u64, took: Duration) {
        if entries == 0 {
            return;
        }
        let took = took.as_nanos().max(1);
        let pace = TARGET.as_nanos().saturating_mul(entries.into()) / took;
        let per_stream = u64::try_from(pace).unwrap_or(u64::MAX) / streams.max(1);
        // A partial read says nothing about a larger one, so the count at most doubles.
        let doubled = self.count.saturating_mul(2).min(self.max);
        self.count = per_stream.clamp(1, doubled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_fast_consumer_reads_more_at_a_time_up_to_the_limit() {
        let mut prefetch = Prefetch::new(100);
        let mut counts = Vec::new();
        for _ in 0..5 {
            counts.push(prefetch.count());
            prefetch.adapt(prefetch.count(), 1, Duration::ZERO);
        }
        assert_eq!(counts, [10, 20, 40, 80, 100]);
        assert_eq!(Prefetch::new(3).count(), 3);
    }

    #[test]
    fn a_slow_consumer_reads_what_it_processes_in_a_second() {
        let mut prefetch = Prefetch::new(100);
        prefetch.adapt(10, 1, 2 * SECOND);
        assert_eq!(prefetch.count(), 5);
        prefetch.adapt(5, 1, 60 * SECOND);
        assert_eq!(prefetch.count(), 1);
        prefetch.adapt(1, 1, SECOND / 10);
        assert_eq!(prefetch.count(), 2);
        prefetch.adapt(0, 1, 60 * SECOND);
        assert_eq!(prefetch.count(), 2, "nothing was read");
    }

    #[test]
    fn entries_of_several_streams_share_the_time() {
        let mut prefetch = Prefetch::new(100);
        prefetch.adapt(40, 4, 2 * SECOND);
        assert_eq!(prefetch.count(), 5);
    }
}
