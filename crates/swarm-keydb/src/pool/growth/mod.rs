//! When to open and close connections, and how many calls may be in flight on each.
//!
//! One connection is best for a server that runs the commands of all connections in one thread, or
//! behind a thin line. A server that runs the commands of each connection one after another, and
//! is slow, needs as many connections as there are calls. The two look alike on one connection.
//! Therefore `Growth` tries a second connection once replies are slow and calls wait, and compares
//! the pace: if each connection keeps its own, the server is serial per connection.

//!
//! The pace alone proves little where the server stalls as a whole, in a long command or a pause of
//! its memory management: all connections then wait equally long. Therefore a connection is opened
//! while another is stalled, and its handshake must be fast.
//!
//! A server is also asked for no more than it can do. As long as it may be serial, a connection has
//! only so many calls in flight as keep the server busy. All others wait in the pool, where they
//! can go to any connection.

mod connection;
mod demand;
mod meter;
mod plan;
#[cfg(test)]
mod tests;
mod trial;

use std::time::Duration;

use super::{ConnectionId, Limits};
use crate::runtime::Instant;
use connection::{Connection, Phase};
use demand::Demand;
use meter::Meter;
use trial::{Handshakes, Trial};

/// Time after the server refused a connection until the next attempt, at least. At most twice.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// Time after an attempt that failed until the next one. Doubles with each failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Longest time after an attempt that failed.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(30);

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
    /// More connections are open, or being opened, to find out whether the server is serial.
    Trial,
    /// The server runs the commands of one connection one after another: as many connections as
    /// calls.
    Serial,
}

/// Decides when to open and close connections, and how many calls may be in flight on each.
#[derive(Debug)]
pub(crate) struct Growth {
    limits: Limits,
    /// Shortest round trip, which no other request prolonged.
    lone: Option<Duration>,
    /// By ID. The primary connection is first, and never removed.
    connections: Vec<Connection>,
    last_id: u32,
    /// Since when the server is known to be serial.
    serial_since: Option<Instant>,
    trial: Option<Trial>,
    handshakes: Handshakes,
    /// Replies are slow, but those on a new connection are, too: calls that wait here would gain
    /// nothing.
    is_stalled_as_a_whole: bool,
    last_slow: Option<Instant>,
    /// Replies since then.
    fast_replies: usize,
    /// Trials that decided nothing since the last one that did.
    unclear_trials: u32,
    /// No connection is opened before this time.
    hold: Option<Instant>,
    /// Nor before this one, because the server has refused a connection.
    refused_until: Option<Instant>,
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
            serial_since: None,
            trial: None,
            handshakes: Handshakes::default(),
            is_stalled_as_a_whole: false,
            last_slow: None,
            fast_replies: 0,
            unclear_trials: 0,
            hold: None,
            refused_until: None,
            failures: 0,
            demand: Demand::default(),
            next_close: None,
            deadline: None,
        }
    }

    /// A connection can send calls. The primary connection may be opened again and again.
    ///
    /// `handshake` is the round trip of one request of the handshake. On the first connection, it
    /// shows how long a request takes that waits for no other; there is no growth before that is
    /// known. On further ones, it shows whether the server as a whole is busy.
    pub(crate) fn opened(&mut self, id: ConnectionId, handshake: Option<Duration>, now: Instant) {
        let is_first = self.open_connections() == 0;
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        if connection.phase != Phase::Dialing {
            return;
        }
        connection.phase = Phase::Open;
        connection.meter.opened(now);
        if id == ConnectionId::PRIMARY && self.failures > 0 {
            // The other attempts have failed because the server was gone, not at a limit of its.
            self.failures = 0;
            (self.hold, self.refused_until) = (None, None);
        }
        if is_first {
            // The client may have moved to another network.
            self.lone = None;
        }
        if let (Some(handshake), Some(lone)) = (handshake, self.lone) {
            self.handshakes.note(handshake, lone);
        }
        if let Some(handshake) = handshake {
            self.lone = Some(self.lone.map_or(handshake, |known| known.min(handshake)));
        }
        if let Some(trial) = &mut self.trial {
            trial.since = Some(now);
        }
    }

    /// A connection is gone, or could not be opened.
    pub(crate) fn closed(&mut self, id: ConnectionId, now: Instant) {
        let Some(at) = self.position_of(id) else {
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
            // No attempt begins during a hold: this one began together with the one that failed,
            // and failed for the same reason.
            let is_on_hold = self.hold().is_some_and(|until| now < until);
            if phase != Phase::Closing && !has_answered && !is_on_hold {
                self.failures = self.failures.saturating_add(1);
                let delay = AFTER_FAILURE.saturating_mul(1 << (self.failures - 1).min(8));
                self.hold_until(now + delay.min(LONGEST_AFTER_FAILURE));
            }
        }
        if phase != Phase::Closing {
            self.forget_trial();
        }
    }

    /// The server refuses more connections. There is no growth for 30 to 60 seconds, by `random`
    /// from 0 to 1, which spreads the clients of one server.
    pub(crate) fn refused(&mut self, now: Instant, random: f64) {
        self.forget_trial();
        let until = now + AFTER_REFUSAL.mul_f64(1.0 + random.clamp(0.0, 1.0));
        self.refused_until = self.refused_until.max(Some(until));
    }

    /// The server has not refused a connection, but was about to go away.
    pub(crate) const fn pardon(&mut self) {
        self.refused_until = None;
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
        let (lone, is_limited) = (self.lone, !self.is_stalled_as_a_whole);
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        connection.has_answered = true;
        let Some(lone) = lone else {
            return connection.meter.open_window(replies);
        };
        let is_slow = connection.meter.note(round_trip, replies, lone, now);
        connection
            .meter
            .set_window(replies, lone, is_slow, is_limited);
        if is_slow {
            self.last_slow = Some(now);
            self.fast_replies = 0;
        } else {
            self.fast_replies = self.fast_replies.saturating_add(replies);
        }
        if id != ConnectionId::PRIMARY {
            self.failures = 0;
        }
    }

    /// How many calls may be in flight on a connection: none unless it is open.
    pub(crate) fn window(&self, id: ConnectionId) -> usize {
        let known = self.position_of(id).and_then(|at| self.connections.get(at));
        let Some(connection) = known.filter(|known| known.is_open()) else {
            return 0;
        };
        match (self.serial_since, self.lone) {
            (Some(_), Some(lone)) => connection.meter.serial_window(lone),
            _ => connection.meter.window(),
        }
    }

    /// How many calls may be in flight on the primary connection while it carries only reads.
    pub(crate) fn window_for_reads(&self) -> usize {
        let primary = self.connections.first().filter(|known| known.is_open());
        primary.map_or(0, |primary| primary.meter.window())
    }

    /// What is known about the server.
    pub(crate) const fn mode(&self) -> Mode {
        match (self.serial_since, &self.trial) {
            (Some(_), _) => Mode::Serial,
            (None, Some(_)) => Mode::Trial,
            (None, None) => Mode::Single,
        }
    }

    /// Whether calls may be in flight on several connections, now or soon, so that the pool must
    /// keep their order.
    pub(crate) fn is_pooled(&self) -> bool {
        self.serial_since.is_some() || self.connections.len() > 1
    }

    /// Forgets what is known about the server, because another one is in its place.
    pub(crate) fn reset(&mut self) {
        self.lone = None;
        self.serial_since = None;
        self.forget_trial();
        self.handshakes = Handshakes::default();
        self.is_stalled_as_a_whole = false;
        self.unclear_trials = 0;
        (self.hold, self.refused_until) = (None, None);
        self.failures = 0;
        self.demand = Demand::default();
        for connection in &mut self.connections {
            connection.meter = Meter::default();
        }
    }

    /// Another kind of server is in place of the previous one.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.reset();
    }

    /// When [`plan`](Self::plan) is due even if nothing happens.
    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn open_connections(&self) -> usize {
        self.connections
            .iter()
            .filter(|known| known.is_open())
            .count()
    }

    /// No connection is opened before this time.
    fn hold(&self) -> Option<Instant> {
        self.hold.max(self.refused_until)
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
        let at = self.position_of(id)?;
        self.connections.get_mut(at)
    }

    fn position_of(&self, id: ConnectionId) -> Option<usize> {
        self.connections
            .binary_search_by_key(&id, |known| known.id)
            .ok()
    }
}
