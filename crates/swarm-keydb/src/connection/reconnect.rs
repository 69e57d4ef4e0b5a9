//! Reconnect policy: whether and when to reconnect. Used by all connections, leases and consumers.

use std::sync::Arc;
use std::time::Duration;

use swarm_transport::TransportError;

use super::backoff::{Backoff, requested};
use super::{Disconnect, Session};
use crate::credentials::LoginVersion;
use crate::failure::Failure;
use crate::runtime::Instant;

/// How long a connection lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// It could not be opened, or its handshake did not complete.
    Failed,
    /// Its handshake completed, and the server did not reply after that.
    Ready,
    /// The server replied after the handshake.
    Replied,
}

impl Lifetime {
    pub(super) const fn of(session: &Session) -> Self {
        match (session.is_ready(), session.has_replied()) {
            (false, _) => Self::Failed,
            (true, false) => Self::Ready,
            (true, true) => Self::Replied,
        }
    }
}

/// A lost connection or failed attempt to connect, and what follows.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) error: Arc<TransportError>,
    pub(crate) lifetime: Lifetime,
    pub(crate) next: Next,
}

impl Loss {
    /// Names the server.
    pub(super) fn at(mut self, address: Option<&Arc<str>>) -> Self {
        if let Next::Failed(setback) = &mut self.next {
            setback.failure = setback.failure.clone().at(address);
        }
        self
    }
}

/// What follows the end of a connection.
#[derive(Debug)]
pub(crate) enum Next {
    /// Reconnect at once: the next handshake omits what failed in this one, uses other credentials,
    /// or is with another endpoint.
    AtOnce,
    /// Reconnect after a short delay: the connection was drained, and nothing has failed.
    Drained,
    Failed(Setback),
}

/// Why a connection failed.
#[derive(Debug)]
pub(crate) struct Setback {
    /// Failure of commands that were not sent.
    pub(crate) failure: Failure,
    /// The credentials of the connection.
    pub(crate) login: LoginVersion,
    /// Whether the server or a gateway refused these credentials.
    pub(crate) refused: bool,
    /// Whether the HTTP fallback may be used.
    pub(crate) may_fall_back: bool,
    /// Whether the client does not reconnect.
    pub(crate) is_final: bool,
}

/// Reconnect policy of one owner of connections.
#[derive(Debug)]
pub(crate) struct Reconnect {
    enabled: bool,
    backoff: Backoff,
    /// When a reply last caused a connection to be drained.
    drained: Option<Instant>,
}

impl Reconnect {
    /// Delays grow from `base` to `max`.
    pub(crate) const fn new(base: Duration, max: Duration) -> Self {
        Self {
            enabled: true,
            backoff: Backoff::new(base, max),
            drained: None,
        }
    }

    /// Sets whether to reconnect at all.
    pub(crate) const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    pub(crate) const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// A connection has completed its handshake.
    pub(super) const fn connected(&mut self, now: Instant) {
        self.backoff.connected(now);
    }

    /// Decides what follows the end of a connection. `used` is the version of its credentials,
    /// `current` the latest version. `has_alternative` tells whether the connector has another
    /// endpoint, which has not failed.
    pub(super) fn judge(
        &self,
        disconnect: Disconnect,
        lifetime: Lifetime,
        used: LoginVersion,
        current: LoginVersion,
        has_alternative: bool,
    ) -> Loss {
        let may_fall_back = disconnect.may_fall_back();
        let is_unreadable_hello = disconnect.is_unreadable_hello();
        let is_drained = matches!(disconnect, Disconnect::Drained);
        let is_elsewhere = match disconnect {
            // A connection that does not reconnect has lost its session.
            Disconnect::Moved => self.enabled,
            _ => has_alternative && lifetime == Lifetime::Failed,
        };
        let refusal = disconnect.refused_credentials().cloned();
        let error = Arc::new(disconnect.into_error());
        let failure = match refusal {
            Some(error) => Failure::Auth {
                sent: false,
                address: None,
                error,
            },
            None => Failure::lost(false, &error),
        };
        let refused = failure.is_about_credentials();
        let is_outdated = (refused || is_drained) && used != current;
        let next = if is_unreadable_hello || is_outdated || is_elsewhere {
            Next::AtOnce
        } else if is_drained {
            Next::Drained
        } else {
            Next::Failed(Setback {
                failure,
                login: used,
                refused,
                may_fall_back,
                is_final: !self.enabled,
            })
        };
        Loss {
            error,
            lifetime,
            next,
        }
    }

    /// Returns how long to wait before the next attempt to connect.
    pub(super) fn delay_after(&mut self, loss: &Loss, now: Instant) -> Duration {
        match (&loss.next, loss.lifetime) {
            (Next::AtOnce, _) => Duration::ZERO,
            (Next::Drained, _) => self.backoff.drain_delay(),
            (Next::Failed(_), Lifetime::Replied) => {
                self.backoff.redial_delay(loss.error.retry_after())
            }
            (Next::Failed(_), Lifetime::Failed | Lifetime::Ready) => {
                self.backoff.next_delay(now, loss.error.retry_after())
            }
        }
    }

    /// Returns whether a connection may be drained because a reply asks for another one. A server
    /// that keeps asking costs at most one connection in the longest reconnect delay, since nothing
    /// says that another connection helps.
    pub(crate) fn may_drain(&mut self, now: Instant) -> bool {
        let pause = self.backoff.max();
        let may = self.enabled
            && (self.drained).is_none_or(|drained| now.duration_since(drained) >= pause);
        if may {
            self.drained = Some(now);
        }
        may
    }

    /// Returns how long to wait before work that failed is tried again, honoring the server's
    /// Retry-After.
    pub(crate) fn retry_delay(&mut self, error: Option<&TransportError>, now: Instant) -> Duration {
        let retry_after = error.and_then(TransportError::retry_after);
        self.backoff.next_delay(now, retry_after)
    }

    /// Returns the delay before another attempt to connect, or `None` if another attempt would fail
    /// the same way.
    pub(crate) fn dial_delay(&mut self, failure: &Failure, now: Instant) -> Option<Duration> {
        match failure {
            Failure::Lost { error, .. } if self.enabled => Some(self.retry_delay(Some(error), now)),
            _ => None,
        }
    }

    /// Records success, so that the next delay is short again.
    pub(crate) const fn succeeded(&mut self) {
        self.backoff.reset();
    }
}

/// How long a server asks not to be dialed again by Retry-After, capped.
pub(crate) fn requested_delay(error: &TransportError) -> Option<Duration> {
    error.retry_after().map(|delay| requested(Some(delay)))
}
