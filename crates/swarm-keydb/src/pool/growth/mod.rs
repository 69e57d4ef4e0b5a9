//! When to open and close connections, and how many calls may be in flight on each.
//!
//! One connection is best for a server that runs the commands of all connections in one thread, or
//! behind a thin line. A server that runs the commands of each connection one after another, and
//! is slow, needs as many connections as there are calls. The two look alike on one connection.
//! Therefore `Growth` tries a second connection once replies are slow and calls wait, and compares
//! the pace: if each connection keeps its own, the server is serial per connection.

mod demand;
mod meter;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::{ConnectionId, Limits};
use demand::Demand;
use meter::Meter;

/// Calls in flight on a connection of a serial server: one that runs, and one behind it, which
/// hides the round trip. All others wait in the pool, where they can go to any connection.
const SERIAL_WINDOW: usize = 2;

/// Slow gaps on each connection that decide a trial.
const TRIAL_GAPS: usize = 4;

/// A trial with too few slow gaps ends after this time.
const TRIAL: Duration = Duration::from_secs(3);

/// Time after a trial that failed until the next one.
const AFTER_TRIAL: Duration = Duration::from_secs(60);

/// Time after the server refused a connection until the next attempt, at least. At most twice.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// Time after an attempt that failed until the next one. Doubles with each failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Longest time after an attempt that failed.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Time between two connections that are closed because they are idle.
const BETWEEN_CLOSES: Duration = Duration::from_secs(1);

/// What the pool must do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing.
    Keep,
    /// Open a connection, after a short random delay, and report its end with
    /// [`Growth::opened`] or [`Growth::closed`].
    Open(ConnectionId),
    /// Send nothing more on this connection, close it when it owes no reply, and report that with
    /// [`Growth::closed`].
    Close(ConnectionId),
}

/// What is known about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The server has not been found serial: as many connections as the minimum.
    Single,
    /// One more connection is open, or being opened, to find out whether the server is serial.
    Trial,
    /// The server runs the commands of one connection one after another: as many connections as
    /// calls.
    Serial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Dialing,
    Open,
    Closing,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    phase: Phase,
    /// Whether a reply has arrived on it.
    has_answered: bool,
    meter: Meter,
}

impl Connection {
    fn new(id: ConnectionId) -> Self {
        Self {
            id,
            phase: Phase::Dialing,
            has_answered: false,
            meter: Meter::default(),
        }
    }

    fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }
}

/// A trial that is in progress.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// Mean slow gap before it, in seconds.
    pace: f64,
    /// When the last of its connections was opened.
    since: Option<Instant>,
}

/// Decides when to open and close connections, and how many calls may be in flight on each.
#[derive(Debug)]
pub(crate) struct Growth {
    limits: Limits,
    /// Shortest round trip, which no other request prolonged.
    lone: Option<Duration>,
    /// The primary connection is first, and never removed.
    connections: Vec<Connection>,
    last_id: u32,
    serial: bool,
    trial: Option<Trial>,
    /// No connection is opened before this time.
    hold: Option<Instant>,
    /// Attempts that failed since the last one that succeeded.
    failures: u32,
    demand: Demand,
    /// No idle connection is closed before this time.
    next_close: Option<Instant>,
    deadline: Option<Instant>,
}

impl Growth {
    /// Knows no connection until the primary one is [`opened`](Self::opened).
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            lone: None,
            connections: vec![Connection::new(ConnectionId::PRIMARY)],
            last_id: 0,
            serial: false,
            trial: None,
            hold: None,
            failures: 0,
            demand: Demand::default(),
            next_close: None,
            deadline: None,
        }
    }

    /// Records the round trip of a request that waited for no other: those of a handshake, after
    /// [`opened`](Self::opened). The shortest counts. There is no growth before the first.
    pub(crate) fn note_round_trip(&mut self, lone: Duration) {
        self.lone = Some(self.lone.map_or(lone, |known| known.min(lone)));
    }

    /// A connection can send calls. The primary connection may be opened again and again.
    pub(crate) fn opened(&mut self, id: ConnectionId, now: Instant) {
        if !self.connections.iter().any(Connection::is_open) {
            // The client may have moved to another network.
            self.lone = None;
        }
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        if connection.phase != Phase::Dialing {
            return;
        }
        connection.phase = Phase::Open;
        if let Some(trial) = &mut self.trial {
            trial.since = Some(now);
        }
    }

    /// A connection is gone, or could not be opened.
    pub(crate) fn closed(&mut self, id: ConnectionId, now: Instant) {
        let Some(at) = self.connections.iter().position(|known| known.id == id) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        let (phase, has_answered) = (connection.phase, connection.has_answered);
        if id == ConnectionId::PRIMARY {
            *connection = Connection::new(id);
        } else {
            self.connections.remove(at);
            if phase != Phase::Closing && !has_answered {
                self.failures = self.failures.saturating_add(1);
                let delay = AFTER_FAILURE.saturating_mul(1 << (self.failures - 1).min(8));
                self.hold_until(now + delay.min(LONGEST_AFTER_FAILURE));
            }
        }
        if phase != Phase::Closing {
            self.trial = None;
        }
    }

    /// The server refuses more connections. There is no growth for 30 to 60 seconds, by `random`
    /// from 0 to 1, which spreads the clients of one server.
    pub(crate) fn refused(&mut self, now: Instant, random: f64) {
        self.trial = None;
        self.hold_until(now + AFTER_REFUSAL.mul_f64(1.0 + random.clamp(0.0, 1.0)));
    }

    /// Records `replies` that arrived together. `round_trip` is the time since the request of the
    /// first of them was sent.
    pub(crate) fn answered(
        &mut self,
        id: ConnectionId,
        round_trip: Duration,
        replies: usize,
        now: Instant,
    ) {
        if let Some(lone) = &mut self.lone {
            *lone = round_trip.min(*lone);
        }
        let lone = self.lone;
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        connection.has_answered = true;
        if let Some(lone) = lone {
            connection.meter.note(round_trip, replies, lone, now);
        }
        if id != ConnectionId::PRIMARY {
            self.failures = 0;
        }
    }

    /// How many calls may be in flight on a connection: none unless it is open.
    pub(crate) fn window(&self, id: ConnectionId) -> usize {
        match self.connections.iter().find(|known| known.id == id) {
            Some(connection) if connection.is_open() => match self.serial {
                true => SERIAL_WINDOW,
                false => connection.meter.window(),
            },
            _ => 0,
        }
    }

    /// What is known about the server.
    pub(crate) const fn mode(&self) -> Mode {
        match (self.serial, &self.trial) {
            (true, _) => Mode::Serial,
            (false, Some(_)) => Mode::Trial,
            (false, None) => Mode::Single,
        }
    }

    /// Whether calls may be in flight on several connections, now or soon, so that the pool must
    /// keep their order.
    pub(crate) fn is_pooled(&self) -> bool {
        self.serial || self.connections.len() > 1
    }

    /// Forgets what is known about the server, because another one is in its place.
    pub(crate) fn reset(&mut self) {
        self.lone = None;
        self.serial = false;
        self.trial = None;
        self.hold = None;
        self.failures = 0;
        self.demand = Demand::default();
        for connection in &mut self.connections {
            connection.meter = Meter::default();
        }
    }

    /// When [`plan`](Self::plan) is due even if nothing happens.
    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }

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
        if self.hold.is_some_and(|until| now >= until) {
            self.hold = None;
        }
        self.judge(now);
        if self.serial {
            return self.plan_serial(now, waiting, in_flight);
        }
        if let Some(trial) = &self.trial {
            if let Some(since) = trial.since {
                self.deadline = Some(since + trial_limit(trial.pace));
            }
            return Plan::Keep;
        }
        self.plan_single(now, waiting, in_flight)
    }

    fn plan_serial(
        &mut self,
        now: Instant,
        waiting: usize,
        in_flight: impl Fn(ConnectionId) -> usize,
    ) -> Plan {
        let calls = self
            .connections
            .iter()
            .map(|connection| in_flight(connection.id))
            .fold(waiting, usize::saturating_add);
        self.demand.note(now, calls);
        if self.connections.len() < calls.clamp(self.smallest(), self.largest()) {
            return self.open(now);
        }
        let needed = self.demand.peak().max(self.smallest());
        let open = self.open_connections();
        if open <= calls.max(self.smallest()) {
            return Plan::Keep;
        }
        if open <= needed {
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

    fn plan_single(
        &mut self,
        now: Instant,
        waiting: usize,
        in_flight: impl Fn(ConnectionId) -> usize,
    ) -> Plan {
        let base = self.smallest();
        if self.connections.len() < base {
            return self.open(now);
        }
        if self.connections.len() > base {
            return match self.open_connections() > base {
                true => self.close_newest(|_| true),
                false => Plan::Keep,
            };
        }
        let pace = self
            .connections
            .iter()
            .filter(|known| known.meter.is_slow(now))
            .find_map(|known| known.meter.pace());
        let Some(pace) = pace else {
            return Plan::Keep;
        };
        let waits = waiting > 0 || self.connections.iter().any(|known| in_flight(known.id) > 1);
        if !waits || self.connections.len() >= self.largest() {
            return Plan::Keep;
        }
        let plan = self.open(now);
        if plan != Plan::Keep {
            self.trial = Some(Trial { pace, since: None });
            for connection in &mut self.connections {
                connection.meter.forget_gaps();
            }
        }
        plan
    }

    /// Ends the trial when enough is known, or will not be.
    fn judge(&mut self, now: Instant) {
        let Some(Trial {
            pace,
            since: Some(since),
        }) = self.trial
        else {
            return;
        };
        let open = || self.connections.iter().filter(|known| known.is_open());
        if open().all(|known| known.meter.slow_gaps() >= TRIAL_GAPS) {
            let sum: f64 = open().filter_map(|known| known.meter.pace()).sum();
            self.trial = None;
            if sum / open().count() as f64 <= 1.3 * pace {
                self.serial = true;
                self.demand = Demand::default();
                // The connections of the trial were needed.
                self.demand.note(now, self.open_connections());
                return;
            }
        } else if now < since + trial_limit(pace) {
            return;
        }
        self.trial = None;
        self.hold_until(now + AFTER_TRIAL);
        for connection in &mut self.connections {
            connection.meter.forget_gaps();
        }
    }

    /// Opens a connection unless there is a hold. Never more at once than there are open, so that
    /// a server which has just started is not overrun.
    fn open(&mut self, now: Instant) -> Plan {
        if let Some(until) = self.hold {
            self.deadline = Some(until.max(now));
            return Plan::Keep;
        }
        let workers = self.connections.iter().skip(1);
        let dialing = workers.filter(|known| known.phase == Phase::Dialing);
        if dialing.count() >= self.open_connections() {
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
        match workers
            .filter(|known| known.is_open())
            .find(|known| may_close(known.id))
        {
            Some(connection) => {
                connection.phase = Phase::Closing;
                Plan::Close(connection.id)
            }
            None => Plan::Keep,
        }
    }

    fn open_connections(&self) -> usize {
        self.connections
            .iter()
            .filter(|known| known.is_open())
            .count()
    }

    fn hold_until(&mut self, until: Instant) {
        self.hold = Some(self.hold.map_or(until, |hold| hold.max(until)));
    }

    const fn smallest(&self) -> usize {
        match self.limits.min {
            0 => 1,
            min => min,
        }
    }

    fn largest(&self) -> usize {
        self.limits.max.max(self.smallest())
    }

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|known| known.id == id)
    }
}

/// How long a trial may take: a slow server needs more time for as many gaps.
fn trial_limit(pace: f64) -> Duration {
    TRIAL.max(Duration::from_secs_f64(8.0 * pace))
}
