//! Delays before reconnecting.

use std::time::Duration;

use crate::runtime::Instant;

/// Maximum delay before reconnecting after a connection that had worked.
const REDIAL: Duration = Duration::from_millis(100);

/// Upper limit of Retry-After.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Exponential backoff with full jitter: each delay is uniformly distributed between zero and a
/// bound that doubles, so that clients that were disconnected together do not reconnect together.
///
/// The bound is reset after a connection that lasted at least as long as the bound. A server that
/// accepts connections and drops them is thus not dialed more often than an unreachable one.
#[derive(Debug)]
pub(super) struct Backoff {
    base: Duration,
    max: Duration,
    bound: Duration,
    connected: Option<Instant>,
}

impl Backoff {
    pub(super) const fn new(base: Duration, max: Duration) -> Self {
        Self {
            base,
            max,
            bound: base,
            connected: None,
        }
    }

    /// Returns the maximum delay.
    pub(super) const fn max(&self) -> Duration {
        self.max
    }

    /// Returns the delay after a connection was drained. Random, so that clients that drain
    /// together do not reconnect together.
    pub(super) fn drain_delay(&self) -> Duration {
        self.base.min(self.max).mul_f64(fastrand::f64())
    }

    /// Returns the delay after a connection that had worked was lost: short, but random, to spread
    /// the clients of a server. If that attempt fails, [`next_delay`](Self::next_delay) takes over.
    pub(super) fn redial_delay(&mut self, retry_after: Option<Duration>) -> Duration {
        self.reset();
        let delay = REDIAL.min(self.max).mul_f64(fastrand::f64());
        delay.max(requested(retry_after))
    }

    /// Records that a connection is ready.
    pub(super) const fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// Resets the bound.
    pub(super) const fn reset(&mut self) {
        self.bound = self.base;
    }

    /// Returns the delay after a connection was lost or could not be opened. At least Retry-After,
    /// capped.
    pub(super) fn next_delay(&mut self, now: Instant, retry_after: Option<Duration>) -> Duration {
        if self
            .connected
            .take()
            .is_some_and(|since| now.duration_since(since) >= self.bound)
        {
            self.bound = self.base;
        }
        let bound = self.bound.min(self.max);
        self.bound = bound.saturating_mul(2).min(self.max);
        bound.mul_f64(fastrand::f64()).max(requested(retry_after))
    }
}

/// Returns the server's Retry-After, capped.
pub(super) fn requested(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_over_behind_a_connection_that_outlasted_it() {
        let second = Duration::from_secs(1);
        let now = Instant::now();
        for _ in 0..100 {
            let mut backoff = Backoff::new(second, 4 * second);
            for bound in [1, 2, 4, 4] {
                assert!(backoff.next_delay(now, None) <= bound * second);
            }
            backoff.connected(now);
            backoff.next_delay(now + second, None);
            assert_eq!(backoff.bound, 4 * second);
            backoff.connected(now);
            backoff.next_delay(now + 4 * second, None);
            assert_eq!(backoff.bound, 2 * second);
        }
    }

    /// Simulates 1,000 clients that lose their server at the same time, for the duration of an
    /// outage. Returns the time of each attempt to connect, and of each that succeeds.
    async fn dials_behind_a_restart(outage: Duration) -> (Vec<Duration>, Vec<Duration>) {
        let start = Instant::now();
        let clients: Vec<_> = (0..1000)
            .map(|_| {
                tokio::spawn(async move {
                    let base = Duration::from_millis(250);
                    let mut backoff = Backoff::new(base, Duration::from_secs(5));
                    backoff.connected(start);
                    let mut dials = Vec::new();
                    tokio::time::sleep(backoff.redial_delay(None)).await;
                    loop {
                        dials.push(start.elapsed());
                        if start.elapsed() >= outage {
                            return dials;
                        }
                        tokio::time::sleep(backoff.next_delay(Instant::now(), None)).await;
                    }
                })
            })
            .collect();
        let (mut all, mut last) = (Vec::new(), Vec::new());
        for client in clients {
            let dials = client.await.unwrap();
            last.extend(dials.last());
            all.extend(dials);
        }
        (all, last)
    }

    /// How many of these moments are within the fullest ten milliseconds.
    fn crowd(moments: &[Duration]) -> usize {
        let mut moments = moments.to_vec();
        moments.sort_unstable();
        let width = Duration::from_millis(10);
        let within = |at: usize| {
            let end = moments.partition_point(|moment| *moment < moments[at] + width);
            end - at
        };
        (0..moments.len()).map(within).max().unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_clients_behind_one_restart_stay_spread() {
        for milliseconds in [0, 20, 300, 2000, 20_000] {
            let outage = Duration::from_millis(milliseconds);
            let (all, last) = dials_behind_a_restart(outage).await;
            // Spread evenly over the shortest pause, it is 100 in ten milliseconds.
            let (all, back) = (crowd(&all), crowd(&last));
            assert!(all < 200 && back < 200, "{outage:?}: {all} {back}");
            let slowest = last.iter().max().copied().unwrap_or_default();
            assert!(slowest <= outage + Duration::from_secs(5), "{slowest:?}");
            if outage.is_zero() {
                assert!(slowest <= REDIAL, "{slowest:?}");
            }
        }
    }

    #[test]
    fn a_connection_that_worked_makes_waits_start_over() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, 8 * second);
        for _ in 0..4 {
            backoff.next_delay(Instant::now(), None);
        }
        assert!(backoff.redial_delay(None) <= REDIAL);
        assert_eq!(backoff.bound, second);
        assert_eq!(backoff.redial_delay(Some(7 * second)), 7 * second);
        // One that a user wants shorter is.
        let tiny = Duration::from_millis(1);
        assert!(Backoff::new(tiny, tiny).redial_delay(None) <= tiny);
    }

    #[test]
    fn waits_are_spread_over_the_whole_window() {
        let window = Duration::from_secs(1);
        let mut hits = [0; 4];
        for _ in 0..200 {
            let mut backoff = Backoff::new(window, window);
            for delay in [
                backoff.next_delay(Instant::now(), None),
                backoff.drain_delay(),
            ] {
                hits[usize::try_from(delay.as_millis() / 250).unwrap()] += 1;
            }
        }
        assert!(hits.iter().all(|hits| *hits > 50), "{hits:?}");
    }

    #[test]
    fn a_server_that_asks_for_more_time_gets_it_within_reason() {
        let now = Instant::now();
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
        for (asked, given) in [(7, 7), (3600, 60)] {
            let delay = backoff.next_delay(now, Some(Duration::from_secs(asked)));
            assert_eq!(delay, Duration::from_secs(given));
        }
        assert!(backoff.next_delay(now, None) <= Duration::from_millis(1));
    }
}
