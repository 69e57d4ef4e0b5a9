//! Observability of a client: the state of its connection, and metrics.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use swarm_transport::TransportError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::credentials::LoginVersion;
use crate::failure::Failure;

/// The state of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The client is opening its first connection.
    Connecting,
    /// The connection is established.
    Connected,
    /// The connection was lost or could not be established. The client is reconnecting, and
    /// commands wait.
    Reconnecting,
    /// The client cannot connect and uses the HTTP fallback; commands that it does not cover wait.
    Fallback,
    /// The client was closed, or lost its connection without reconnecting. This is the last state.
    Closed,
}

/// Receiver of state changes of a client's connection. Created by
/// [`Client::watch_state`](crate::Client::watch_state).
///
/// Only the latest state is kept: a receiver that polls late may miss short states in between.
#[derive(Debug, Clone)]
pub struct StateWatch {
    links: watch::Receiver<Link>,
    /// The state that [`changed`](Self::changed) returned last.
    last_seen: State,
}

impl StateWatch {
    /// Returns the current state.
    pub fn get(&self) -> State {
        self.links.borrow().state
    }

    /// Waits until the state differs from the one that this method returned last, initially the
    /// state at the time of [`watch_state`](crate::Client::watch_state). Returns `None` after
    /// [`State::Closed`], which is the last state.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no change.
    pub async fn changed(&mut self) -> Option<State> {
        let last_seen = self.last_seen;
        if last_seen == State::Closed {
            return None;
        }
        let link = self
            .links
            .wait_for(|now| now.state != last_seen)
            .await
            .ok()?;
        self.last_seen = link.state;
        Some(link.state)
    }

    /// Waits until the connection is in another state.
    pub(crate) async fn left(&mut self, state: State) {
        // An error means that the last state is `Closed`.
        let _closed = self.links.wait_for(|now| now.state != state).await;
    }

    /// Waits until the connection is in `state`, and returns true, or until the client is closed
    /// without reaching that state, and returns false.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn reached(&mut self, state: State) -> bool {
        let ended = |now: &Link| now.state == state || now.state == State::Closed;
        let reached = self.links.wait_for(ended).await;
        reached.is_ok_and(|now| now.state == state)
    }
}

/// The state of a connection, since when, and the last failure to connect.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) state: State,
    /// When the connection entered this state.
    pub(crate) since: Instant,
    /// Why there is no connection, if an attempt to connect has failed.
    pub(crate) failed: Option<FailedDial>,
}

/// Why an attempt to connect failed.
#[derive(Debug, Clone)]
pub(crate) struct FailedDial {
    /// The version of the credentials that the server or a gateway refused, if it did.
    pub(crate) refused: Option<LoginVersion>,
    pub(crate) failure: Failure,
    pub(crate) error: Arc<TransportError>,
}

/// Number of histogram buckets: one per power of two microseconds. The last one starts at about 18
/// minutes.
const BUCKETS: usize = 32;

/// State and metrics that a driver publishes. One task writes, any number read.
#[derive(Debug)]
pub(crate) struct Status {
    links: watch::Sender<Link>,
    queued: AtomicUsize,
    in_flight: AtomicUsize,
    connections: AtomicU64,
    abandoned: AtomicUsize,
    unanswered: AtomicUsize,
    set_aside: AtomicUsize,
    /// Number of shared connections of the client, and how many there may be.
    open: AtomicUsize,
    max_open: AtomicUsize,
    /// A round trip of the handshake in nanoseconds. Zero if there was none.
    handshake: AtomicU64,
    /// A [`Growth`].
    growth: AtomicU8,
    /// Whether a reply has asked for another connection.
    stale: AtomicBool,
    /// Whether the server escapes line breaks in its replies.
    escapes: AtomicBool,
    /// Whether the transport keeps a session on the server.
    has_session: AtomicBool,
    /// The credentials of the established connection: a [`LoginVersion`].
    login: AtomicU64,
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
            open: AtomicUsize::new(0),
            max_open: AtomicUsize::new(1),
            handshake: AtomicU64::new(0),
            growth: AtomicU8::new(0),
            stale: AtomicBool::new(false),
            escapes: AtomicBool::new(false),
            has_session: AtomicBool::new(false),
            login: AtomicU64::new(0),
            round_trips: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    pub(crate) fn watch(&self) -> StateWatch {
        let links = self.links.subscribe();
        let last_seen = links.borrow().state;
        StateWatch { links, last_seen }
    }

    /// Returns a receiver of the state together with its reason.
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

    /// Records that an attempt to connect failed.
    pub(crate) fn note_failed_dial(&self, failed: FailedDial) {
        self.links.send_modify(|link| link.failed = Some(failed));
    }

    /// Returns why a waiting command was not sent in time.
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

    /// Records calls that were abandoned because the client was closed.
    pub(crate) fn note_abandoned(&self, calls: usize) {
        self.abandoned.fetch_add(calls, Ordering::Relaxed);
    }

    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Records the writes without a reply when the client was closed.
    pub(crate) fn note_unanswered(&self, calls: usize) {
        self.unanswered.store(calls, Ordering::Relaxed);
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Records the number of connections that were set aside.
    pub(crate) fn note_set_aside(&self, connections: usize) {
        self.set_aside.store(connections, Ordering::Relaxed);
    }

    pub(crate) fn set_aside(&self) -> usize {
        self.set_aside.load(Ordering::Relaxed)
    }

    /// Records the number of shared connections, how many there may be, and why.
    pub(crate) fn note_connections(&self, open: usize, max: usize, growth: Growth) {
        self.open.store(open, Ordering::Relaxed);
        self.max_open.store(max, Ordering::Relaxed);
        self.growth.store(growth as u8, Ordering::Relaxed);
    }

    /// Records a round trip of the handshake of the established connection.
    pub(crate) fn note_handshake(&self, round_trip: Duration) {
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        self.handshake.store(nanos.max(1), Ordering::Relaxed);
    }

    /// Returns a round trip of the handshake, if there was one.
    pub(crate) fn handshake(&self) -> Option<Duration> {
        let nanos = self.handshake.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// Records that a reply asked for another connection.
    pub(crate) fn note_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Records what is known about the established connection: whether the server escapes line
    /// breaks in its replies, whether there is a session, and the credentials.
    pub(crate) fn note_session(&self, escapes: bool, has_session: bool, login: LoginVersion) {
        self.escapes.store(escapes, Ordering::Relaxed);
        self.has_session.store(has_session, Ordering::Relaxed);
        self.login.store(login, Ordering::Relaxed);
    }

    /// Whether the transport of the established connection keeps a session on the server.
    pub(crate) fn has_session(&self) -> bool {
        self.has_session.load(Ordering::Relaxed)
    }

    /// Returns the credentials of the established connection.
    pub(crate) fn login(&self) -> LoginVersion {
        self.login.load(Ordering::Relaxed)
    }

    /// Whether no text in a reply can shift the replies that follow.
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
            // A single task writes, so no atomic addition is needed.
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// Returns the metrics now. `in_flight_bytes` is the part of the budget that is in use.
    pub(crate) fn stats(&self, in_flight_bytes: usize) -> Stats {
        Stats {
            state: self.links.borrow().state,
            queued: self.queued.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            in_flight_bytes,
            shared: SharedStats {
                open: self.open.load(Ordering::Relaxed),
                max: self.max_open.load(Ordering::Relaxed),
                growth: Growth::of(self.growth.load(Ordering::Relaxed)),
            },
            dedicated: DedicatedStats::default(),
            draining: self.set_aside(),
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

/// Snapshot of a client's metrics. Returned by [`Client::stats`](crate::Client::stats).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// State of the shared connection.
    pub state: State,
    /// Commands that wait to be sent.
    pub queued: usize,
    /// Commands that were sent and have no reply yet, including those whose caller has given up.
    /// Together with [`queued`](Self::queued), they count toward
    /// [`max_in_flight`](crate::ClientOptions::max_in_flight).
    pub in_flight: usize,
    /// Bytes of [`max_in_flight_bytes`](crate::ClientOptions::max_in_flight_bytes) that queued and
    /// sent commands occupy. A small command counts as `max_in_flight_bytes / max_in_flight`.
    pub in_flight_bytes: usize,
    /// Metrics of the shared connections.
    pub shared: SharedStats,
    /// Metrics of the dedicated connections.
    pub dedicated: DedicatedStats,
    /// Connections that the client no longer uses, but keeps open until the replies to their writes
    /// have arrived or [`drain_timeout`](crate::ClientOptions::drain_timeout) has passed. At most
    /// 8, not counting dedicated connections, which count in [`dedicated`](Self::dedicated) while
    /// they drain.
    pub draining: usize,
    /// Number of times that the client has reconnected.
    pub reconnects: u64,
    /// Open [`Subscription`](crate::Subscription)s, including those that the server has not
    /// acknowledged yet.
    pub subscriptions: usize,
    /// Histogram of the times from sending a command to its reply.
    pub round_trips: RoundTrips,
}

/// Metrics of the shared connections, which carry the commands of all tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedStats {
    /// Connections that commands are sent on. Zero while there is none.
    pub open: usize,
    /// Maximum number of connections: [`max_connections`](crate::ClientOptions::max_connections), or
    /// the default for the server.
    pub max: usize,
    /// Why there are this many.
    pub growth: Growth,
}

/// What the client has found out about its server, which decides how many shared connections it
/// opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Growth {
    /// One connection is enough, as far as is known.
    #[default]
    Single,
    /// Replies are slow, and commands wait: the client compares the speed of two connections.
    Trial,
    /// The server runs the commands of a connection one after another: the client opens as many
    /// connections as it has commands, up to the maximum.
    Serial,
}

impl Growth {
    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Trial,
            2 => Self::Serial,
            _ => Self::Single,
        }
    }
}

/// Metrics of the dedicated connections, which blocking commands and exclusive handles lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DedicatedStats {
    /// Maximum number of connections:
    /// [`max_dedicated_connections`](crate::ClientOptions::max_dedicated_connections).
    pub max: usize,
    /// Connections that are leased, connecting, being checked before they return to the pool, or
    /// closing. One with a pending write closes after the reply.
    pub in_use: usize,
    /// Connections that are open for the next lease, or for the shared ones when they grow.
    /// Together with [`in_use`](Self::in_use), at most [`max`](Self::max).
    pub idle: usize,
    /// Commands and tasks that wait for a connection.
    pub waiting: usize,
}

/// Histogram of round-trip times, with one bucket per power of two microseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct RoundTrips([u64; BUCKETS]);

impl RoundTrips {
    /// Returns the number of replies.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns an upper bound of a quantile `q`, such as 0.5 for the median: a power of two
    /// microseconds. Returns `None` if there are no replies yet. `q` outside of 0 to 1 is clamped.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
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
        let rank = ((count as f64 * q).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        let bucket = self.0.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(1 << bucket))
    }

    /// Returns the counts: entry `n` counts replies that took less than 2^n microseconds, but not
    /// less than half of that. The last entry has no upper bound.
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
