//! Metrics of a client, as its users see them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use swarm_transport::TransportError;

use super::State;
use crate::runtime::StdInstant;

/// Number of histogram buckets: one per power of two microseconds. The last one starts at about 18
/// minutes.
pub(super) const BUCKETS: usize = 32;

/// Snapshot of a client's metrics. Returned by [`Client::stats`](crate::Client::stats).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// State of the shared connection.
    pub state: State,
    /// Address of the server, without secrets. Of several servers, the one in use, or the last one
    /// while there is no connection. `None` with a custom connector that chooses
    /// among no servers.
    pub server: Option<Arc<str>>,
    /// How often the client has moved from one of several servers to another.
    pub moves: u64,
    /// When the shared connection was established. `None` while there is none.
    pub connected_since: Option<StdInstant>,
    /// Number of attempts to connect that have failed since there was a connection. Zero while
    /// there is one.
    pub attempts: u32,
    /// Why the shared connection was last lost or could not be established, even if the client has
    /// reconnected since.
    pub last_error: Option<Arc<TransportError>>,
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
    /// Messages that subscriptions have dropped because their buffers were full, as reported by
    /// [`Event::Lagged`](crate::Event::Lagged).
    pub dropped_messages: u64,
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
    pub(super) const fn of(number: u8) -> Self {
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
pub struct RoundTrips(pub(super) [u64; BUCKETS]);

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
