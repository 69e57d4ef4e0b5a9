//! Pool of the shared connections of a client: which call goes to which connection, and how many
//! connections there are. Sans-IO: performs no I/O and reads no clock.
//!
//! A server may run the commands of one connection strictly one after another. The client then
//! needs as many connections as it has calls. `growth` decides when to open and close connections
//! and how many calls may be in flight on each; `order` keeps calls on a common key in order.
//!
//! Calls wait here, and not in a connection or in the server's socket buffer: what has not been
//! sent can still go to another connection, be withdrawn, or fail as not sent.
//!
//! While no connection is open, calls go to the queue of the primary connection, where the HTTP
//! fallback finds them. They hold their names there, so they stay in order with calls in flight on
//! connections that are no longer used.

mod aside;
mod connections;
mod growth;
mod keys;
mod name_set;
mod order;
mod reads;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use connections::{Connection, Connections};
use growth::Growth;
pub(crate) use growth::{Mode, Plan};
pub(crate) use keys::OrderKeys;
pub(crate) use name_set::NameSet;
pub(crate) use order::Position;
use order::{Order, Place};

use crate::runtime::Instant;

/// Number of connections that the pool may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections that are kept open even when idle, at least 1.
    pub(crate) min: usize,
    /// Most connections at a time, including those that are being opened or closed.
    pub(crate) max: usize,
}

/// A connection of the pool. No ID is used twice, except for the primary connection's, which
/// survives a reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(u32);

impl ConnectionId {
    /// The client's first connection. It is never closed to shrink the pool, and reconnects by
    /// itself.
    pub(crate) const PRIMARY: Self = Self(0);

    /// Stands for a dedicated connection, for which a job holds its names.
    pub(crate) const DEDICATED: Self = Self(u32::MAX);

    /// Stands for the connections that were set aside.
    const ASIDE: Self = Self(u32::MAX - 1);

    const fn is_worker(self) -> bool {
        !matches!(self, Self::PRIMARY | Self::ASIDE | Self::DEDICATED)
    }
}

/// What a waiting job needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Any connection.
    Connection,
    /// Any connection, for reads only. A serial server answers them at once, unless the connection
    /// owes the reply to a write.
    Reads,
    /// The primary connection, with nothing else in flight: it changes that connection.
    Primary,
    /// No connection: its names are held for commands that run on a dedicated one.
    Names,
}

/// How much work a job is for the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) requests: u32,
    /// Whether it is expected to take so long that no other job should wait behind it on the same
    /// connection.
    pub(crate) is_long: bool,
}

/// A job that leaves the pool.
#[derive(Debug)]
pub(crate) struct Dispatched<T> {
    pub(crate) position: Position,
    pub(crate) connection: ConnectionId,
    pub(crate) job: T,
}

/// Waiting jobs, and the connections that they may go to.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    order: Order,
    waiting: BTreeMap<Position, (T, Need)>,
    /// Jobs that need no connection, waiting or in flight.
    holds: usize,
    in_flight: HashMap<Position, InFlight>,
    connections: Connections,
    /// Number of jobs that have gone to connections.
    started: u64,
    growth: Growth,
    limits: Limits,
    /// When a read was sent last.
    last_read: Option<Instant>,
    /// Whether a connection carries more than one request at a time.
    is_pipelined: bool,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    connection: ConnectionId,
    need: Need,
    work: Work,
    sent: Instant,
}

impl<T> Pool<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            order: Order::default(),
            waiting: BTreeMap::new(),
            holds: 0,
            in_flight: HashMap::new(),
            connections: Connections::default(),
            started: 0,
            growth: Growth::new(limits),
            limits,
            last_read: None,
            is_pipelined: true,
        }
    }

    /// Adds a job behind all others.
    pub(crate) fn submit(&mut self, job: T, keys: OrderKeys, need: Need) {
        let position = self.order.push(keys);
        self.holds += usize::from(need == Need::Names);
        self.waiting.insert(position, (job, need));
    }

    /// Records a call that is in flight on the primary connection already.
    pub(crate) fn adopt(&mut self, keys: OrderKeys, work: Work, now: Instant) -> Position {
        let position = self.order.adopt(keys, ConnectionId::PRIMARY);
        self.started(position, ConnectionId::PRIMARY, Need::Connection, work, now);
        position
    }

    /// Returns the next job that can leave the pool, if any.
    pub(crate) fn next(
        &mut self,
        work: impl Fn(&T) -> Work,
        now: Instant,
    ) -> Option<Dispatched<T>> {
        let spares_primary = self.spares_primary(now);
        let free = self.least_loaded(spares_primary);
        let for_reads = self.for_reads(spares_primary);
        if free.is_none() && for_reads.is_none() && self.holds == 0 {
            return None;
        }
        let (position, connection) = self.order.ready().find_map(|position| {
            let (_, need) = self.waiting.get(&position)?;
            let connection = match (need, self.order.place(position)) {
                (Need::Names, Place::Anywhere) => ConnectionId::DEDICATED,
                (Need::Primary, Place::Anywhere) => self.with_room(ConnectionId::PRIMARY)?,
                (Need::Connection, Place::Anywhere) => free?,
                (Need::Reads, Place::Anywhere) => for_reads.or(free)?,
                (Need::Reads, Place::Only(ConnectionId::PRIMARY)) if spares_primary => for_reads?,
                // Only reads are in flight there, and end soon.
                (Need::Connection, Place::Only(ConnectionId::PRIMARY)) if spares_primary => {
                    return None;
                }
                (Need::Connection | Need::Reads, Place::Only(holder)) => self.with_room(holder)?,
                _ => return None,
            };
            Some((position, connection))
        })?;
        let (job, need) = self.waiting.remove(&position)?;
        self.order.start(position, connection);
        self.started(position, connection, need, work(&job), now);
        Some(Dispatched {
            position,
            connection,
            job,
        })
    }

    fn started(
        &mut self,
        position: Position,
        connection: ConnectionId,
        need: Need,
        work: Work,
        sent: Instant,
    ) {
        let flight = InFlight {
            connection,
            need,
            work,
            sent,
        };
        self.in_flight.insert(position, flight);
        if need == Need::Reads {
            self.last_read = Some(sent);
        }
        self.started += 1;
        let started = self.started;
        if let Some(connection) = self.connections.get_mut(connection) {
            connection.last_started = started;
            connection.add(need, work);
        }
    }

    /// The reply to a job in flight has arrived, or names are no longer held. Returns how long the
    /// job took, if it was on a worker.
    pub(crate) fn finished(&mut self, position: Position, now: Instant) -> Option<Duration> {
        let flight = self.ended(position)?;
        self.order.remove(position);
        if flight.need == Need::Names {
            return None;
        }
        if let Some(connection) = self.connections.get_mut(flight.connection) {
            connection.is_stuck = false;
        }
        let took = now.saturating_duration_since(flight.sent);
        let replies = flight.work.requests.max(1);
        let count = usize::try_from(replies).unwrap_or(usize::MAX);
        self.growth
            .answered(flight.connection, took / replies, count, now);
        (flight.connection != ConnectionId::PRIMARY).then_some(took)
    }

    /// A job in flight has ended without a reply: its caller left before it was sent, or its
    /// connection was lost. That says nothing about the pace of the server.
    pub(crate) fn unanswered(&mut self, position: Position) {
        let Some(flight) = self.ended(position) else {
            return;
        };
        self.order.remove(position);
        if let Some(connection) = self.connections.get_mut(flight.connection) {
            connection.is_stuck &= connection.in_flight > 0;
        }
    }

    fn ended(&mut self, position: Position) -> Option<InFlight> {
        let flight = self.in_flight.remove(&position)?;
        self.holds -= usize::from(flight.need == Need::Names);
        if let Some(connection) = self.connections.get_mut(flight.connection) {
            let writes = usize::from(flight.need != Need::Reads);
            connection.in_flight = connection.in_flight.saturating_sub(1);
            connection.writes = connection.writes.saturating_sub(writes);
            let long = usize::from(flight.work.is_long);
            connection.long = connection.long.saturating_sub(long);
        }
        Some(flight)
    }

    /// Passes all waiting jobs to `keep`, in order, and removes those that it does not return.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(T) -> Option<T>) {
        for (position, (job, need)) in std::mem::take(&mut self.waiting) {
            match keep(job) {
                Some(job) => {
                    self.waiting.insert(position, (job, need));
                }
                None => {
                    self.order.remove(position);
                    self.holds -= usize::from(need == Need::Names);
                }
            }
        }
    }

    /// Returns the waiting jobs, in order.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &T> {
        self.waiting.values().map(|(job, _)| job)
    }

    /// Whether any job is in flight.
    pub(crate) fn has_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Number of jobs in flight on workers.
    pub(crate) fn in_flight_on_workers(&self) -> usize {
        let on_worker = |flight: &&InFlight| flight.connection.is_worker();
        self.in_flight.values().filter(on_worker).count()
    }

    /// Whether a job is in flight on another connection than the primary one.
    fn has_in_flight_elsewhere(&self) -> bool {
        let mut flights = self.in_flight.values();
        flights.any(|flight| flight.connection != ConnectionId::PRIMARY)
    }

    /// Number of jobs in flight on a connection.
    pub(crate) fn in_flight(&self, id: ConnectionId) -> usize {
        self.connections.in_flight(id)
    }

    /// A connection takes calls from now on. `handshake` is one of its round trips.
    pub(crate) fn opened(&mut self, id: ConnectionId, handshake: Option<Duration>, now: Instant) {
        self.growth.opened(id, handshake, now);
        let Some(connection) = self.connections.open(id) else {
            return;
        };
        // The primary connection may have calls already: in its queue, and on the fallback.
        for flight in self
            .in_flight
            .values()
            .filter(|flight| flight.connection == id)
        {
            connection.add(flight.need, flight.work);
        }
    }

    /// A connection takes no more calls, or could not be opened. Calls in flight on it keep their
    /// names until they end.
    pub(crate) fn closed(&mut self, id: ConnectionId, now: Instant) {
        self.growth.closed(id, now);
        self.connections.remove(id);
        if id == ConnectionId::PRIMARY {
            // Another connection will have its ID.
            self.set_aside();
        }
    }

    /// The server refuses more connections. `random` is from 0 to 1.
    pub(crate) fn refused(&mut self, now: Instant, random: f64) {
        self.growth.refused(now, random);
    }

    /// The refusal was none: the server was about to go away.
    pub(crate) const fn pardon(&mut self) {
        self.growth.pardon();
    }

    /// Another server may be in place of the previous one.
    pub(crate) fn forget(&mut self) {
        self.growth.reset();
    }

    /// Another kind of server is in place of the previous one.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.growth.set_limits(limits);
    }

    /// Returns the connection with the fewest calls in flight, if it may take another. Among idle
    /// ones, the one that was used last: its state is in the caches, and those that are not needed
    /// stay idle and can be closed. Among others, the one that has been busy for longest.
    fn least_loaded(&self, spares_primary: bool) -> Option<ConnectionId> {
        if !self.is_open() {
            return Some(ConnectionId::PRIMARY);
        }
        let connections = self.connections.iter();
        let with_room = connections.filter(|connection| {
            self.has_room(connection) && !(spares_primary && connection.id == ConnectionId::PRIMARY)
        });
        let load = |connection: &&Connection| match connection.in_flight {
            0 => (0, u64::MAX - connection.last_started),
            in_flight => (in_flight, connection.last_started),
        };
        Some(with_room.min_by_key(load)?.id)
    }

    /// Whether the primary connection takes calls.
    pub(crate) fn has_primary(&self) -> bool {
        self.connections.primary().is_some()
    }

    fn with_room(&self, id: ConnectionId) -> Option<ConnectionId> {
        if !self.is_open() && id == ConnectionId::PRIMARY {
            return Some(id);
        }
        let connection = self.connections.get(id)?;
        self.has_room(connection).then_some(id)
    }

    fn has_room(&self, connection: &Connection) -> bool {
        let waits_long = connection.long > 0 && self.growth.mode() == Mode::Serial;
        !waits_long
            && !connection.is_stuck
            && connection.in_flight < self.growth.window(connection.id)
    }

    /// Whether some connection takes calls.
    pub(crate) const fn is_open(&self) -> bool {
        !self.connections.is_empty()
    }

    /// Number of connections that take calls.
    pub(crate) const fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Records replies that arrived together on the primary connection while calls do not pass
    /// through the pool: see [`Growth::answered`].
    #[inline]
    pub(crate) fn answered(&mut self, round_trip: Duration, replies: usize, now: Instant) {
        self.growth
            .answered(ConnectionId::PRIMARY, round_trip, replies, now);
    }

    /// How many calls may be in flight on the primary connection.
    #[inline]
    pub(crate) fn window(&self) -> usize {
        self.growth.window(ConnectionId::PRIMARY)
    }

    /// Returns what to do next about the number of connections.
    pub(crate) fn plan(&mut self, now: Instant) -> Plan {
        let spares_primary = self.spares_primary(now);
        let (order, enough) = (&self.order, self.limits.max);
        let lacks_connection = |position: &Position| order.place(*position) == Place::Anywhere;
        let waiting = order.ready().filter(lacks_connection).take(enough).count();
        let Self {
            growth,
            connections,
            ..
        } = self;
        growth.plan(now, waiting, |id| match id {
            // However many reads there are, they do not need other connections.
            ConnectionId::PRIMARY if spares_primary => 1,
            _ => connections.in_flight(id),
        })
    }

    /// Like [`plan`](Self::plan), while calls do not pass through the pool.
    pub(crate) fn plan_single(&mut self, now: Instant, waiting: usize, in_flight: usize) -> Plan {
        self.growth.plan(now, waiting, |id| match id {
            ConnectionId::PRIMARY => in_flight,
            _ => 0,
        })
    }

    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        self.growth.next_deadline()
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.growth.mode()
    }

    /// Whether calls may be in flight on several connections, now or soon, or names are held: calls
    /// must pass through the pool.
    pub(crate) fn is_needed(&self) -> bool {
        self.growth.is_pooled() || self.holds > 0 || self.has_in_flight_elsewhere()
    }
}
