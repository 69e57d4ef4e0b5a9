//! What is known about one endpoint: its failures, its circuit breaker and its probes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{EndpointId, Sequence};
use crate::failover::FailoverOptions;

/// How often the time that a breaker stays open, or that a return takes, may double.
const MAX_DOUBLINGS: u32 = 6;

/// A return that fails within this multiple of `failback_after` makes the next one take longer.
const PROBATION: u32 = 10;

#[derive(Debug)]
pub(super) struct Health {
    pub(super) id: EndpointId,
    pub(super) name: Arc<str>,
    /// Number of open connections.
    pub(super) connections: usize,
    /// Whether the last attempt to connect, or the last handshake, has failed, or a server has
    /// stopped answering since then.
    pub(super) is_suspect: bool,
    /// When the latest failures were.
    failures: VecDeque<Duration>,
    /// Attempts and connections that began before this one belong to a failure that was counted.
    counted: Sequence,
    /// Until when the breaker is open; half-open afterwards. `None` if it is closed.
    open_until: Option<Duration>,
    /// How often the breaker has opened without a connection that lasted.
    openings: u32,
    /// When the next probe is due.
    pub(super) probe_at: Duration,
    /// Since when every probe has succeeded.
    healthy_since: Option<Duration>,
    /// When the client returned to this endpoint.
    pub(super) returned: Option<Duration>,
    /// Number of returns in a row that have failed soon.
    failed_returns: u32,
}

impl Health {
    pub(super) const fn new(id: EndpointId, name: Arc<str>) -> Self {
        Self {
            id,
            name,
            connections: 0,
            is_suspect: false,
            failures: VecDeque::new(),
            counted: 0,
            open_until: None,
            openings: 0,
            probe_at: Duration::ZERO,
            healthy_since: None,
            returned: None,
            failed_returns: 0,
        }
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.open_until.is_none()
    }

    /// Whether this endpoint is tried first if it is in use.
    pub(super) const fn is_trusted(&self) -> bool {
        self.is_closed() && (self.connections > 0 || !self.is_suspect)
    }

    /// Lower ranks are tried first: no recent failure, some, half-open, open.
    pub(super) fn rank(&self, now: Duration, window: Duration) -> u8 {
        match self.open_until {
            Some(until) if until > now => 3,
            Some(_) => 2,
            None => {
                let is_recent = |at: &Duration| now.saturating_sub(*at) < window;
                u8::from(self.failures.iter().any(is_recent))
            }
        }
    }

    /// Counts a failure of something that began at `began`, unless it belongs to an incident that
    /// was counted. `current` is the latest sequence.
    pub(super) fn count_failure(
        &mut self,
        options: &FailoverOptions,
        began: Sequence,
        current: Sequence,
        now: Duration,
    ) {
        self.healthy_since = None;
        if began <= self.counted {
            return;
        }
        self.counted = current;
        while (self.failures.front()).is_some_and(|at| now.saturating_sub(*at) >= options.window) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let is_half_open = self.open_until.is_some_and(|until| until <= now);
        if self.failures.len() >= options.failures || is_half_open {
            self.open_breaker(options, current, now);
        }
    }

    pub(super) fn open_breaker(
        &mut self,
        options: &FailoverOptions,
        current: Sequence,
        now: Duration,
    ) {
        self.counted = current;
        self.failures.clear();
        self.healthy_since = None;
        let doubled = options.open_for.saturating_mul(1 << self.openings);
        self.open_until = Some(now.saturating_add(doubled));
        self.openings = (self.openings + 1).min(MAX_DOUBLINGS);
    }

    /// A connection has completed its handshake. The endpoint stays doubtful if it has failed
    /// before: only a connection that lasts shows more.
    pub(super) const fn close_breaker(&mut self) {
        self.is_suspect = false;
        self.open_until = None;
    }

    /// A connection has lasted.
    pub(super) const fn worked(&mut self) {
        self.openings = 0;
    }

    /// Forgets the failures, because probes have shown that the endpoint works.
    pub(super) fn forgive(&mut self) {
        self.failures.clear();
    }

    /// A probe has ended. Returns whether the endpoint has been healthy for long enough.
    pub(super) fn probed(&mut self, is_healthy: bool, after: Duration, now: Duration) -> bool {
        if !is_healthy {
            self.healthy_since = None;
            return false;
        }
        let since = *self.healthy_since.get_or_insert(now);
        now.saturating_sub(since) >= after.saturating_mul(1 << self.failed_returns)
    }

    /// The client leaves this endpoint because it has failed.
    pub(super) fn left(&mut self, after: Option<Duration>, now: Duration) {
        self.healthy_since = None;
        let Some((returned, after)) = self.returned.take().zip(after) else {
            return;
        };
        let is_soon = now.saturating_sub(returned) < after.saturating_mul(PROBATION);
        self.failed_returns = match is_soon {
            true => (self.failed_returns + 1).min(MAX_DOUBLINGS),
            false => 0,
        };
    }
}
