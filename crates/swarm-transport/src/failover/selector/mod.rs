//! Decides which endpoint to use. Sans-IO: what has happened and the time go in, and the order of
//! attempts, the endpoint in use and the probes that are due come out.

mod health;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::FailoverOptions;
use health::Health;

/// Identifies an endpoint for the life of a failover. Never zero.
pub(super) type EndpointId = u64;

/// A number that grows with every attempt to connect. What began before a failure was counted
/// belongs to the same incident.
pub(super) type Sequence = u64;

/// A connection that is lost sooner counts as a failure of its endpoint.
const MIN_UPTIME: Duration = Duration::from_secs(10);

/// How an attempt to connect failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DialFailure {
    /// Nothing listens there.
    Refused,
    Other,
}

/// How a connection ended that its owner did not close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// It did not complete its handshake.
    Handshake,
    /// It was lost.
    Lost,
    /// The server did not answer any more.
    Unresponsive,
}

/// The endpoints, in order of preference, and the one in use.
#[derive(Debug)]
pub(super) struct Selector {
    options: FailoverOptions,
    endpoints: Vec<Health>,
    active: Option<EndpointId>,
    /// The endpoint that was in use last, if none is.
    last: Option<EndpointId>,
    next_id: EndpointId,
    sequence: Sequence,
    moves: u64,
}

impl Selector {
    pub(super) const fn new(options: FailoverOptions) -> Self {
        Self {
            options,
            endpoints: Vec::new(),
            active: None,
            last: None,
            next_id: 1,
            sequence: 0,
            moves: 0,
        }
    }

    /// Replaces the endpoints, in order of preference. An endpoint whose name was known keeps its
    /// identity and its history. Returns the identities.
    pub(super) fn set_endpoints(&mut self, names: &[Arc<str>]) -> Vec<EndpointId> {
        let mut known = std::mem::take(&mut self.endpoints);
        for name in names {
            let health = match known.iter().position(|health| health.name == *name) {
                Some(at) => known.swap_remove(at),
                None => {
                    let id = self.next_id;
                    self.next_id += 1;
                    Health::new(id, Arc::clone(name))
                }
            };
            self.endpoints.push(health);
        }
        if self.active.is_some_and(|id| self.find(id).is_none()) {
            self.active = None;
        }
        self.endpoints.iter().map(|health| health.id).collect()
    }

    /// Forgets an endpoint. If it is found again, it is another one.
    pub(super) fn retire(&mut self, id: EndpointId) {
        self.endpoints.retain(|health| health.id != id);
        if self.active == Some(id) {
            self.active = None;
        }
    }

    /// The endpoint in use. `None` before the first connection, and after the endpoint in use has
    /// failed or was removed, until there is a connection to another.
    pub(super) const fn active(&self) -> Option<EndpointId> {
        self.active
    }

    /// How often the endpoint in use has changed.
    pub(super) const fn moves(&self) -> u64 {
        self.moves
    }

    /// Begins an attempt to connect, or a probe.
    pub(super) const fn begin(&mut self) -> Sequence {
        self.sequence += 1;
        self.sequence
    }

    /// Returns all endpoints in the order in which to try them.
    pub(super) fn order(&self, now: Duration) -> Vec<EndpointId> {
        let mut order: Vec<_> = self
            .endpoints
            .iter()
            .map(|health| {
                let rank = health.rank(now, self.options.window);
                (rank, self.active != Some(health.id), health.id)
            })
            .collect();
        // Stable, so that the order of preference decides in the end.
        order.sort_by_key(|(rank, is_other, _)| (*rank, *is_other));
        let mut order: Vec<_> = order.into_iter().map(|(_, _, id)| id).collect();
        // The endpoint in use is left when it cannot be reached, or its breaker opens, not when a
        // connection to it is lost.
        if let Some(active) = self.active
            && self.find(active).is_some_and(Health::is_trusted)
            && let Some(at) = order.iter().position(|id| *id == active)
            && let Some(front) = order.get_mut(..=at)
        {
            front.rotate_right(1);
        }
        order
    }

    /// Whether there are connections to the endpoint in use, and its breaker is closed.
    pub(super) fn is_connected(&self) -> bool {
        self.active.is_some_and(|active| self.is_usable(active))
    }

    /// Whether there are connections to an endpoint whose breaker is closed.
    fn is_usable(&self, id: EndpointId) -> bool {
        self.find(id)
            .is_some_and(|health| health.connections > 0 && health.is_closed())
    }

    /// Whether an endpoint other than this one has not failed recently.
    pub(super) fn has_alternative(&self, id: EndpointId, now: Duration) -> bool {
        let window = self.options.window;
        (self.endpoints.iter()).any(|health| health.id != id && health.rank(now, window) == 0)
    }

    /// An attempt to connect has failed. Returns whether its caller should fail, too, instead of
    /// trying another endpoint, because other connections to this one are in use.
    pub(super) fn dial_failed(
        &mut self,
        id: EndpointId,
        began: Sequence,
        failure: DialFailure,
        now: Duration,
    ) -> bool {
        if let Some(health) = self.find_mut(id) {
            health.is_suspect = true;
        }
        self.count(id, began, now);
        if failure == DialFailure::Refused && self.active == Some(id) && self.is_replaceable(id) {
            self.leave(now);
        }
        self.active == Some(id) && self.is_usable(id)
    }

    /// Another endpoint has connected while this one took too long.
    pub(super) fn dial_slow(&mut self, id: EndpointId, now: Duration) {
        let sequence = self.sequence;
        let options = self.options.clone();
        if let Some(health) = self.find_mut(id) {
            health.open_breaker(&options, sequence, now);
        }
        self.leave_if_open(id, now);
    }

    /// An attempt to connect has succeeded. Returns false if the connection must not be used,
    /// because the client uses another endpoint.
    pub(super) fn dialed(&mut self, id: EndpointId, now: Duration) -> bool {
        if self.find(id).is_none() {
            return false;
        }
        if let Some(active) = self.active
            && active != id
        {
            if self.is_usable(active) {
                return false;
            }
            self.leave(now);
        }
        self.enter(id);
        if let Some(health) = self.find_mut(id) {
            health.connections += 1;
        }
        true
    }

    /// A connection has completed its handshake.
    pub(super) fn established(&mut self, id: EndpointId) {
        if let Some(health) = self.find_mut(id) {
            health.close_breaker();
        }
    }

    /// A connection has ended in another way than its owner wanted.
    pub(super) fn lost(
        &mut self,
        id: EndpointId,
        began: Sequence,
        opened: Duration,
        loss: Loss,
        now: Duration,
    ) {
        let counts = match loss {
            Loss::Handshake | Loss::Unresponsive => true,
            Loss::Lost => now.saturating_sub(opened) < MIN_UPTIME,
        };
        if let Some(health) = self.find_mut(id) {
            health.is_suspect |= loss != Loss::Lost;
        }
        if counts {
            self.count(id, began, now);
        } else if let Some(health) = self.find_mut(id) {
            health.worked();
        }
    }

    /// A connection is gone, whatever the reason.
    pub(super) fn closed(&mut self, id: EndpointId) {
        if let Some(health) = self.find_mut(id) {
            health.connections = health.connections.saturating_sub(1);
        }
    }

    /// Returns an endpoint to probe now.
    pub(super) fn next_probe(&mut self, now: Duration) -> Option<EndpointId> {
        let after = self.options.failback_after?;
        let preferred = self.preferred();
        let health = (self.endpoints.get_mut(..preferred)?.iter_mut())
            .find(|health| health.probe_at <= now)?;
        health.probe_at = now + (after / 4).clamp(Duration::from_millis(100), MIN_UPTIME);
        Some(health.id)
    }

    /// Returns when the next probe is due.
    pub(super) fn next_probe_at(&self) -> Option<Duration> {
        self.options.failback_after?;
        let preferred = self.endpoints.get(..self.preferred())?;
        preferred.iter().map(|health| health.probe_at).min()
    }

    /// A probe has ended. Returns whether the client returns to that endpoint.
    pub(super) fn probed(&mut self, id: EndpointId, is_healthy: bool, now: Duration) -> bool {
        let Some(after) = self.options.failback_after else {
            return false;
        };
        let preferred = self.preferred();
        let Some(at) = self.endpoints.iter().position(|health| health.id == id) else {
            return false;
        };
        let Some(health) = self.endpoints.get_mut(at) else {
            return false;
        };
        if !health.probed(is_healthy, after, now) || at >= preferred {
            return false;
        }
        health.returned = Some(now);
        health.close_breaker();
        health.forgive();
        self.enter(id);
        true
    }

    /// Number of endpoints that are preferred to the one in use.
    fn preferred(&self) -> usize {
        let active = self.active;
        let at = (self.endpoints.iter()).position(|health| Some(health.id) == active);
        at.unwrap_or_default()
    }

    fn count(&mut self, id: EndpointId, began: Sequence, now: Duration) {
        let sequence = self.sequence;
        let options = self.options.clone();
        if let Some(health) = self.find_mut(id) {
            health.count_failure(&options, began, sequence, now);
        }
        self.leave_if_open(id, now);
    }

    /// Leaves the endpoint in use if its breaker is open and that of another is not.
    fn leave_if_open(&mut self, id: EndpointId, now: Duration) {
        let is_open = self.find(id).is_some_and(|health| !health.is_closed());
        if self.active == Some(id) && is_open && self.is_replaceable(id) {
            self.leave(now);
        }
    }

    /// Whether the breaker of another endpoint is closed.
    fn is_replaceable(&self, id: EndpointId) -> bool {
        (self.endpoints.iter()).any(|health| health.id != id && health.is_closed())
    }

    fn leave(&mut self, now: Duration) {
        let after = self.options.failback_after;
        if let Some(active) = self.active.take()
            && let Some(health) = self.find_mut(active)
        {
            health.left(after, now);
        }
    }

    fn enter(&mut self, id: EndpointId) {
        if self.last != Some(id) {
            self.moves += u64::from(self.last.is_some());
            self.last = Some(id);
        }
        self.active = Some(id);
    }

    fn find(&self, id: EndpointId) -> Option<&Health> {
        self.endpoints.iter().find(|health| health.id == id)
    }

    fn find_mut(&mut self, id: EndpointId) -> Option<&mut Health> {
        self.endpoints.iter_mut().find(|health| health.id == id)
    }
}
