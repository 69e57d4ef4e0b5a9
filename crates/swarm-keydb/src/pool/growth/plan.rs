//! What to do next: open a connection, close one, or neither.

use std::time::Duration;

use super::connection::{Connection, Phase};
use super::{Growth, Plan};
use crate::pool::ConnectionId;
use crate::runtime::Instant;

/// Mean slow gap, in seconds, below which a connection can be opened at any time. A longer one is
/// waited for: the handshake then shows whether the server as a whole is stalled.
const SHORT_GAP: f64 = 0.01;

/// Time without a slow reply, and replies in it, after which a server is no longer serial.
const FAST: Duration = Duration::from_secs(60);
const FAST_REPLIES: usize = 1000;

/// Time between two connections that are closed because they are idle.
const BETWEEN_CLOSES: Duration = Duration::from_secs(1);

impl Growth {
    /// Returns the next thing to do. Call it after each change, until it returns [`Plan::Keep`].
    ///
    /// `waiting` counts the calls that only lack a connection, not those that wait for another call
    /// on their key. `in_flight` counts the calls that were sent on a connection and not answered.
    pub(crate) fn plan(
        &mut self,
        now: Instant,
        waiting: usize,
        in_flight: impl Fn(ConnectionId) -> usize,
    ) -> Plan {
        self.deadline = None;
        if self.hold().is_some_and(|until| now >= until) {
            (self.hold, self.refused_until) = (None, None);
            self.is_stalled_as_a_whole = false;
        }
        if let Some(trial) = &mut self.trial {
            trial.has_load |= waiting > 0;
        }
        self.judge_trial(now);
        self.judge_handshakes(now);
        if self.connections.len() < self.smallest() {
            return self.open(now);
        }
        if self.serial_since.is_some() {
            return self.plan_serial(now, waiting, &in_flight);
        }
        if self.trial.is_some() {
            return self.plan_trial(now);
        }
        self.plan_single(now, waiting, &in_flight)
    }

    fn plan_serial(
        &mut self,
        now: Instant,
        waiting: usize,
        in_flight: &impl Fn(ConnectionId) -> usize,
    ) -> Plan {
        let connections = self.connections.iter();
        let calls = connections
            .map(|known| in_flight(known.id))
            .fold(waiting, usize::saturating_add);
        self.demand.note(now, calls);
        let is_fast = |slow: Instant| now.saturating_duration_since(slow) >= FAST;
        if self.fast_replies >= FAST_REPLIES && self.last_slow.is_some_and(is_fast) {
            self.end_trial(now);
            return self.plan_single(now, waiting, in_flight);
        }
        if self.connections.len() < calls.min(self.largest()) {
            return match self.is_stalled(now, in_flight) {
                true => self.open(now),
                false => Plan::Keep,
            };
        }
        let (open, smallest) = (self.open_connections(), self.smallest());
        if open <= calls.max(smallest) {
            return Plan::Keep;
        }
        if open <= self.demand.peak().max(smallest) {
            self.deadline = self.demand.next_second();
            return Plan::Keep;
        }
        if let Some(at) = self.next_close.filter(|at| now < *at) {
            self.deadline = Some(at);
            return Plan::Keep;
        }
        let plan = self.close_newest(|id| in_flight(id) == 0);
        if plan != Plan::Keep {
            self.next_close = Some(now + BETWEEN_CLOSES);
        }
        plan
    }

    fn plan_trial(&mut self, now: Instant) -> Plan {
        let on_trial = self.connections.iter().filter(|known| known.is_on_trial);
        let opened = on_trial.count();
        if self.trial.is_some_and(|trial| opened < trial.size) {
            return self.open_on_trial(now);
        }
        self.deadline = self.trial.and_then(|trial| trial.deadline());
        Plan::Keep
    }

    fn plan_single(
        &mut self,
        now: Instant,
        waiting: usize,
        in_flight: &impl Fn(ConnectionId) -> usize,
    ) -> Plan {
        if self.connections.len() > self.smallest() {
            return match self.open_connections() > self.smallest() {
                true => self.close_newest(|_| true),
                false => Plan::Keep,
            };
        }
        let slow = self.connections.iter().map(|known| &known.meter);
        let mut slow = slow.filter(|meter| meter.is_slow(now));
        let Some(pace) = slow.find_map(|meter| meter.pace()) else {
            return Plan::Keep;
        };
        let waits = |known: &Connection| in_flight(known.id) > 1;
        if self.connections.len() >= self.largest()
            || waiting == 0 && !self.connections.iter().any(waits)
            || !self.is_stalled(now, in_flight)
        {
            return Plan::Keep;
        }
        if let Some(until) = self.hold() {
            self.deadline = Some(until);
            return Plan::Keep;
        }
        self.begin_trial(pace);
        self.open_on_trial(now)
    }

    /// Whether a connection owes a reply that is slow already. Otherwise sets the deadline to when
    /// one may be.
    fn is_stalled(&mut self, now: Instant, in_flight: &impl Fn(ConnectionId) -> usize) -> bool {
        let Some(lone) = self.lone else {
            return false;
        };
        for known in self.connections.iter().filter(|known| known.is_open()) {
            let Some(at) = known
                .meter
                .stalled_at(lone)
                .filter(|_| in_flight(known.id) > 0)
            else {
                continue;
            };
            if now >= at || known.meter.pace().is_some_and(|pace| pace < SHORT_GAP) {
                return true;
            }
            self.deadline = Some(self.deadline.map_or(at, |deadline| deadline.min(at)));
        }
        false
    }

    fn open_on_trial(&mut self, now: Instant) -> Plan {
        let plan = self.open(now);
        if let (Plan::Open(_), Some(connection)) = (plan, self.connections.last_mut()) {
            connection.is_on_trial = true;
        }
        plan
    }

    /// Opens a connection unless there is a hold. Never more at once than there are open, so that
    /// a server which has just started is not overrun.
    fn open(&mut self, now: Instant) -> Plan {
        if let Some(until) = self.hold() {
            self.deadline = Some(until.max(now));
            return Plan::Keep;
        }
        let workers = self.connections.iter().skip(1);
        let dialing = workers.filter(|known| known.is_dialing()).count();
        if dialing >= self.open_connections() {
            return Plan::Keep;
        }
        let Some(id) = self.last_id.checked_add(1) else {
            return Plan::Keep;
        };
        self.last_id = id;
        self.connections.push(Connection::new(ConnectionId(id)));
        Plan::Open(ConnectionId(id))
    }

    /// Closes the newest connection that `may_close` allows, but never the primary one.
    fn close_newest(&mut self, may_close: impl Fn(ConnectionId) -> bool) -> Plan {
        let workers = self.connections.iter_mut().skip(1).rev();
        let mut workers = workers.filter(|known| known.is_open() && may_close(known.id));
        match workers.next() {
            Some(connection) => {
                connection.phase = Phase::Closing;
                Plan::Close(connection.id)
            }
            None => Plan::Keep,
        }
    }
}
