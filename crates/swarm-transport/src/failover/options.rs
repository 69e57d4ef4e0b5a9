//! Options of a failover.

use std::time::Duration;

/// When a [`Failover`](super::Failover) leaves an endpoint, and when it returns to one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_transport::failover::FailoverOptions;
///
/// let options = FailoverOptions::new()
///     .failures(2)
///     .failback_after(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options have no effect until they are passed to a failover"]
pub struct FailoverOptions {
    pub(super) failures: usize,
    pub(super) window: Duration,
    pub(super) slow_after: Duration,
    pub(super) open_for: Duration,
    pub(super) failback_after: Option<Duration>,
    pub(super) is_weighted: bool,
}

impl Default for FailoverOptions {
    fn default() -> Self {
        Self {
            failures: 3,
            window: Duration::from_secs(60),
            slow_after: Duration::from_secs(1),
            open_for: Duration::from_secs(5),
            failback_after: None,
            is_weighted: false,
        }
    }
}

impl FailoverOptions {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets after how many failures within the [window](Self::window) the circuit breaker of an
    /// endpoint opens. At least 1, at most 1000; default 3.
    ///
    /// Failures are attempts to connect that fail, connections that do not complete their
    /// handshake, connections that are lost within ten seconds, and connections that stop
    /// answering. What fails together, as the connections of a client do when a server stops,
    /// counts once. While another connection to an endpoint is open, a failed attempt does not make
    /// the client leave it before the breaker opens, unless the endpoint refuses connections.
    pub fn failures(mut self, failures: usize) -> Self {
        self.failures = failures.clamp(1, 1000);
        self
    }

    /// Sets how long a failure counts. Default 60 s.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets how long an attempt to connect, or a handshake, may take before the next endpoint is
    /// tried beside it. Default 1 s.
    ///
    /// If the other endpoint connects first, the breaker of the slow one opens at once. If all
    /// endpoints are slow, none is blamed, and each may take as long as the caller allows.
    pub const fn slow_after(mut self, time: Duration) -> Self {
        self.slow_after = time;
        self
    }

    /// Sets how long an open breaker keeps an endpoint from being used while another one works.
    /// Doubles each time the breaker opens again, up to 64 times this value. Default 5 s.
    ///
    /// Afterwards, the breaker is half-open: one attempt to connect may find out whether the
    /// endpoint works. If no other endpoint is left, an open breaker keeps nothing from being
    /// tried.
    pub const fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    /// Makes clients return to a preferred endpoint once that has answered probes for this long.
    /// Default: they stay where they are until that endpoint fails.
    ///
    /// A probe opens a connection and sends PING, a few times in this period, and at most every
    /// 100 ms. If a return fails soon, the time doubles, up to 64 times this value, so that an
    /// endpoint that answers probes but does not work is not returned to again and again.
    pub fn failback_after(mut self, time: Duration) -> Self {
        self.failback_after = Some(time);
        self
    }

    /// Spreads clients over the endpoints at random, in proportion to their
    /// [weights](super::Candidate::weight). Each client has an order of its own, and prefers the
    /// endpoints in that order. Default: all clients prefer the endpoints in the order given.
    pub const fn weighted(mut self) -> Self {
        self.is_weighted = true;
        self
    }
}
