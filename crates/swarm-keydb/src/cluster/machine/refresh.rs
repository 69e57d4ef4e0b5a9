//! When to fetch the topology: one fetch at a time, with jitter and a delay that grows.

use std::time::Duration;

use super::NodeId;
use crate::runtime::Instant;

/// Shortest and longest time between two fetches that something has requested.
pub(super) const SHORTEST: Duration = Duration::from_millis(50);
pub(super) const LONGEST: Duration = Duration::from_secs(1);

/// Time between fetches that nothing has requested, which find new replicas.
const PERIOD: Duration = Duration::from_secs(60);

/// When to fetch the topology.
#[derive(Debug)]
pub(super) struct Refresh {
    state: State,
    /// Minimum time between two fetches.
    interval: Duration,
    /// When the last fetch ended.
    last: Option<Instant>,
    /// The node that knows best, because another one has named it.
    hint: Option<NodeId>,
    failures: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing was fetched yet.
    New,
    Due(Instant),
    Running {
        /// Whether another fetch was requested meanwhile.
        again: bool,
    },
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            state: State::New,
            interval: SHORTEST,
            last: None,
            hint: None,
            failures: 0,
        }
    }
}

impl Refresh {
    /// Names the node to ask first.
    pub(super) const fn ask(&mut self, node: NodeId) {
        self.hint = Some(node);
    }

    /// Requests a fetch. Clients that learn of a change at the same time spread their fetches.
    pub(super) fn request(&mut self, now: Instant, random: &mut fastrand::Rng) {
        match &mut self.state {
            State::New => {}
            State::Running { again } => *again = true,
            State::Due(at) => {
                let earliest = self.last.map_or(now, |last| now.max(last + self.interval));
                if *at > earliest + self.interval {
                    *at = earliest + self.interval.mul_f64(random.f64());
                }
            }
        }
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when the next fetch is due, unless one is running.
    pub(super) const fn next(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) => Some(at),
            _ => None,
        }
    }

    /// Starts a fetch if one is due. Returns the node to ask first, if there is a hint.
    pub(super) fn start(&mut self, now: Instant) -> Option<Option<NodeId>> {
        match self.state {
            State::Due(at) if at > now => return None,
            State::Running { .. } => return None,
            _ => {}
        }
        self.state = State::Running { again: false };
        Some(self.hint.take())
    }

    pub(super) fn succeeded(&mut self, now: Instant, again: bool, random: &mut fastrand::Rng) {
        self.failures = 0;
        self.ended(now, again, random);
    }

    pub(super) fn failed(&mut self, now: Instant, random: &mut fastrand::Rng) {
        self.failures = self.failures.saturating_add(1);
        self.ended(now, true, random);
    }

    fn ended(&mut self, now: Instant, again: bool, random: &mut fastrand::Rng) {
        let is_quiet = (self.last).is_none_or(|last| now.duration_since(last) > 2 * LONGEST);
        self.interval = match is_quiet && self.failures == 0 {
            true => SHORTEST,
            false => (2 * self.interval).min(LONGEST),
        };
        self.last = Some(now);
        let again = again || matches!(self.state, State::Running { again: true });
        self.state = State::Due(now + PERIOD.mul_f64(0.9 + random.f64() / 5.0));
        if again {
            self.request(now, random);
        }
    }
}
