//! What a client can tell of itself: the state of its connection, and figures.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// The state of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The first connection is being made.
    Connecting,
    /// Commands are sent and answered.
    Connected,
    /// The connection was lost, or could not be made, and is being made again; commands wait.
    Reconnecting,
    /// The connection cannot be made, and what may go over HTTP does; other commands wait.
    Fallback,
    /// The client was closed, or its connection was lost for good.
    Closed,
}

/// Follows the state of a client's connection.
///
/// States that last shorter than it takes to look may be missed; the newest never is.
#[derive(Debug, Clone)]
pub struct StateWatch(watch::Receiver<State>);

impl StateWatch {
    /// The state now.
    pub fn get(&self) -> State {
        *self.0.borrow()
    }

    /// Waits for the next change. `None` when the client is gone, after which nothing changes any more.
    ///
    /// **Cancel safety:** no change is lost when the future is dropped.
    pub async fn changed(&mut self) -> Option<State> {
        self.0.changed().await.ok()?;
        Some(*self.0.borrow_and_update())
    }

    /// Waits until the connection is in a state, or the client is gone. Says which.
    ///
    /// **Cancel safety:** the future may be dropped at any time.
    pub async fn reached(&mut self, state: State) -> bool {
        self.0.wait_for(|now| *now == state).await.is_ok()
    }
}

/// Round trips shorter than so many powers of two microseconds are told apart; the last is over an hour.
const BUCKETS: usize = 32;

/// What a driver notes down while it works. Written by one task, read by many.
#[derive(Debug)]
pub(crate) struct Status {
    state: watch::Sender<State>,
    queued: AtomicUsize,
    in_flight: AtomicUsize,
    connections: AtomicU64,
    abandoned: AtomicUsize,
    unanswered: AtomicUsize,
    set_aside: AtomicUsize,
    /// A reply said that another connection would serve better.
    stale: AtomicBool,
    round_trips: [AtomicU64; BUCKETS],
}

impl Status {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(State::Connecting),
            queued: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
            abandoned: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            set_aside: AtomicUsize::new(0),
            stale: AtomicBool::new(false),
            round_trips: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    pub(crate) fn watch(&self) -> StateWatch {
        StateWatch(self.state.subscribe())
    }

    pub(crate) fn set(&self, state: State) {
        if self.state.send_replace(state) != state {
            tracing::debug!(?state, "connection state");
        }
        if state == State::Connected {
            self.connections.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_load(&self, queued: usize, in_flight: usize) {
        self.queued.store(queued, Ordering::Relaxed);
        self.in_flight.store(in_flight, Ordering::Relaxed);
    }

    /// Calls were given up because the client was closed.
    pub(crate) fn note_abandoned(&self, calls: usize) {
        self.abandoned.fetch_add(calls, Ordering::Relaxed);
    }

    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Calls that write were owed a reply when the client was closed.
    pub(crate) fn note_unanswered(&self, calls: usize) {
        self.unanswered.store(calls, Ordering::Relaxed);
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// How many connections are set aside.
    pub(crate) fn note_set_aside(&self, connections: usize) {
        self.set_aside.store(connections, Ordering::Relaxed);
    }

    pub(crate) fn set_aside(&self) -> usize {
        self.set_aside.load(Ordering::Relaxed)
    }

    /// A reply said that another connection would serve better than this one.
    pub(crate) fn note_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    pub(crate) fn note_round_trip(&self, took: Duration) {
        let micros =
            (took.as_secs().saturating_mul(1_000_000)).saturating_add(took.subsec_micros().into());
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        if let Some(count) = self.round_trips.get(bucket.min(BUCKETS - 1)) {
            // Nobody else writes.
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// The figures now. `bytes` is what the calls under way take of the budget.
    pub(crate) fn stats(&self, bytes: usize) -> Stats {
        Stats {
            state: *self.state.borrow(),
            queued: self.queued.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            bytes,
            leases: LeaseStats::default(),
            set_aside: self.set_aside(),
            reconnects: self.connections.load(Ordering::Relaxed).saturating_sub(1),
            subscriptions: 0,
            round_trips: RoundTrips(
                self.round_trips
                    .each_ref()
                    .map(|count| count.load(Ordering::Relaxed)),
            ),
        }
    }
}

/// Figures of a client at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// The state of the connection.
    pub state: State,
    /// Commands that wait to be sent.
    pub queued: usize,
    /// Commands that were sent and whose replies are owed, those that nobody waits for any more included.
    pub in_flight: usize,
    /// What all these take of [`queue_bytes`](crate::Options::queue_bytes); a small command takes its share of
    /// [`queue`](crate::Options::queue).
    pub bytes: usize,
    /// The connections beside the shared one.
    pub leases: LeaseStats,
    /// Connections that are set aside: nothing new is sent on them, and they stay open until the replies that they owe to commands
    /// that write have come, or [`drain_timeout`](crate::Options::drain_timeout) has passed. At most 8, beside leased connections,
    /// which count in [`leases`](Self::leases).
    pub set_aside: usize,
    /// How often the connection was made again.
    pub reconnects: u64,
    /// How many [`Subscription`](crate::Subscription)s there are, those included that are not acknowledged yet.
    pub subscriptions: usize,
    /// How long replies took, from when a command was sent.
    pub round_trips: RoundTrips,
}

/// Figures of the connections that are leased, for commands that block and exclusive handles, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseStats {
    /// How many there may be: [`Options::leases`](crate::Options::leases).
    pub size: usize,
    /// Those that are leased, being made or being closed. One that owes a reply to a command that writes is closed when that has
    /// come.
    pub in_use: usize,
    /// Those that are kept open for the next lease.
    pub idle: usize,
    /// Commands and tasks that wait for one.
    pub waiting: usize,
}

/// How long replies took, counted by powers of two microseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct RoundTrips([u64; BUCKETS]);

impl RoundTrips {
    /// How many replies came.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The time that a share of the replies (0.5 for the median, 0.99, …) did not exceed, rounded up to a power of
    /// two microseconds. `None` when none came.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank among counts, clamped to them"
        )]
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        let bucket = self.0.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(1 << bucket))
    }

    /// The counts: entry `n` is of replies that took less than 2^n microseconds and no less than half of that.
    pub const fn buckets(&self) -> &[u64] {
        &self.0
    }
}

impl fmt::Debug for RoundTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoundTrips")
            .field("count", &self.count())
            .field("median", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_bounds() {
        let status = Status::new();
        assert_eq!(status.stats(0).round_trips.quantile(0.5), None);
        for micros in [0, 1, 100, 100, 100, 100, 100, 100, 100, 5000] {
            status.note_round_trip(Duration::from_micros(micros));
        }
        status.note_round_trip(Duration::MAX);
        let round_trips = status.stats(0).round_trips;
        assert_eq!(round_trips.count(), 11);
        assert_eq!(round_trips.quantile(0.0), Some(Duration::from_micros(1)));
        assert_eq!(round_trips.quantile(0.5), Some(Duration::from_micros(128)));
        assert_eq!(round_trips.quantile(0.9), Some(Duration::from_micros(8192)));
    }
}
