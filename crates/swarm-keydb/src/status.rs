//! What a client can tell of itself: the state of its connection, and figures.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use swarm_transport::TransportError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::credentials::LoginVersion;
use crate::engine::Failure;

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
pub struct StateWatch {
    links: watch::Receiver<Link>,
    /// What [`changed`](Self::changed) has told last.
    told: State,
}

impl StateWatch {
    /// Returns the current state.
    pub fn get(&self) -> State {
        self.links.borrow().state
    }

    /// Waits for the state to differ from the one that this method returned last, or from the state at the time of
    /// [`watch_state`](crate::Client::watch_state). Returns `None` after [`State::Closed`], which is the last state.
    ///
    /// **Cancel safety:** no change is lost when the future is dropped.
    pub async fn changed(&mut self) -> Option<State> {
        let told = self.told;
        if told == State::Closed {
            return None;
        }
        let link = self.links.wait_for(|now| now.state != told).await.ok()?;
        self.told = link.state;
        Some(link.state)
    }

    /// Waits until the connection is in a state. Returns whether it is: false when the client ended in another state.
    ///
    /// **Cancel safety:** the future may be dropped at any time.
    pub async fn reached(&mut self, state: State) -> bool {
        let ended = |now: &Link| now.state == state || now.state == State::Closed;
        let reached = self.links.wait_for(ended).await;
        reached.is_ok_and(|now| now.state == state)
    }
}

/// The state of a connection, and what there is to say about it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) state: State,
    /// When the connection came into this state.
    pub(crate) since: Instant,
    /// Why there is no connection, if an attempt to make one has failed.
    pub(crate) failed: Option<FailedDial>,
}

/// Why an attempt to connect failed.
#[derive(Debug, Clone)]
pub(crate) struct FailedDial {
    /// The server or a gateway refused the credentials, which were these.
    pub(crate) refused: Option<LoginVersion>,
    pub(crate) failure: Failure,
    pub(crate) error: Arc<TransportError>,
}

/// Round trips shorter than so many powers of two microseconds are told apart; the last is over an hour.
const BUCKETS: usize = 32;

/// What a driver notes down while it works. Written by one task, read by many.
#[derive(Debug)]
pub(crate) struct Status {
    links: watch::Sender<Link>,
    queued: AtomicUsize,
    in_flight: AtomicUsize,
    connections: AtomicU64,
    abandoned: AtomicUsize,
    unanswered: AtomicUsize,
    set_aside: AtomicUsize,
    /// A reply said that another connection would serve better.
    stale: AtomicBool,
    /// The server escapes line breaks in its replies.
    escapes: AtomicBool,
    round_trips: [AtomicU64; BUCKETS],
}

impl Status {
    pub(crate) fn new() -> Self {
        Self {
            links: watch::Sender::new(Link {
                state: State::Connecting,
                since: Instant::now(),
                failed: None,
            }),
            queued: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
            abandoned: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            set_aside: AtomicUsize::new(0),
            stale: AtomicBool::new(false),
            escapes: AtomicBool::new(false),
            round_trips: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    pub(crate) fn watch(&self) -> StateWatch {
        let links = self.links.subscribe();
        let told = links.borrow().state;
        StateWatch { links, told }
    }

    /// Follows the state together with the reason for it.
    pub(crate) fn links(&self) -> watch::Receiver<Link> {
        self.links.subscribe()
    }

    pub(crate) fn set(&self, state: State) {
        let changed = self.links.send_if_modified(|link| {
            let changed = link.state != state;
            if changed {
                link.state = state;
                link.since = Instant::now();
            }
            if state == State::Connected {
                link.failed = None;
            }
            changed
        });
        if changed {
            tracing::debug!(?state, "connection state");
        }
        if state == State::Connected {
            self.connections.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An attempt to connect failed.
    pub(crate) fn note_failed_dial(&self, failed: FailedDial) {
        self.links.send_modify(|link| link.failed = Some(failed));
    }

    /// Why a command that waits is not sent in time.
    pub(crate) fn why_unsent(&self) -> Failure {
        match &self.links.borrow().failed {
            Some(failed) => Failure::Unreachable(Arc::clone(&failed.error)),
            None => Failure::Timeout { sent: false },
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

    /// Notes whether the server of the connection that became ready escapes line breaks in its replies.
    pub(crate) fn note_escapes(&self, escapes: bool) {
        self.escapes.store(escapes, Ordering::Relaxed);
    }

    /// Whether no text in a reply can shift the replies behind it.
    pub(crate) fn escapes(&self) -> bool {
        self.escapes.load(Ordering::Relaxed)
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
            state: self.links.borrow().state,
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
    /// Those that are leased, being made, being checked before they go back into the pool, or being closed. One that owes a reply to a command that writes is closed when that has
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
    use swarm_transport::TransportErrorKind;

    use super::*;

    /// Stands for: a watch that tells what is no news, or has no end.
    #[tokio::test(start_paused = true)]
    async fn changes_are_told_once_and_end_with_the_last() {
        let status = Status::new();
        let mut watch = status.watch();
        for state in [State::Reconnecting, State::Reconnecting] {
            status.set(state);
            status.note_load(1, 0);
        }
        assert_eq!(watch.changed().await, Some(State::Reconnecting));
        // Nothing has changed, whatever else is noted.
        status.set(State::Reconnecting);
        let error = TransportError::new(TransportErrorKind::Refused, "nobody listens");
        status.note_failed_dial(FailedDial {
            refused: None,
            failure: Failure::Timeout { sent: false },
            error: Arc::new(error),
        });
        let second = Duration::from_secs(1);
        assert!(tokio::time::timeout(second, watch.changed()).await.is_err());
        // What is over before somebody looks is no change.
        status.set(State::Connected);
        status.set(State::Reconnecting);
        assert!(tokio::time::timeout(second, watch.changed()).await.is_err());
        status.set(State::Closed);
        assert_eq!(watch.changed().await, Some(State::Closed));
        for _ in 0..2 {
            assert_eq!(watch.changed().await, None);
        }
        assert_eq!(status.watch().changed().await, None);
        assert!(!watch.reached(State::Connected).await);
        assert!(watch.reached(State::Closed).await);
    }

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
