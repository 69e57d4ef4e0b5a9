//! Connections that take calls, and how much is in flight on each.

use super::{ConnectionId, Need, Work};

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) in_flight: usize,
    /// When it got its last job, by their number.
    pub(super) last_started: u64,
    /// Those in flight that are not only reads.
    pub(super) writes: usize,
    /// How many of these are long.
    pub(super) long: usize,
    /// Whether it owes an overdue reply and has returned the jobs behind that one.
    pub(super) is_stuck: bool,
}

impl Connection {
    pub(super) fn add(&mut self, need: Need, work: Work) {
        self.in_flight += 1;
        self.writes += usize::from(need != Need::Reads);
        self.long += usize::from(work.is_long);
    }
}

/// Sorted by ID, so that each is found quickly however many there are.
#[derive(Debug, Default)]
pub(super) struct Connections(Vec<Connection>);

impl Connections {
    /// Adds a connection, unless it is known.
    pub(super) fn open(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let at = self.position(id).err()?;
        let connection = Connection {
            id,
            in_flight: 0,
            last_started: 0,
            writes: 0,
            long: 0,
            is_stuck: false,
        };
        self.0.insert(at, connection);
        self.0.get_mut(at)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) {
        if let Ok(at) = self.position(id) {
            self.0.remove(at);
        }
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.0.get(self.position(id).ok()?)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let at = self.position(id).ok()?;
        self.0.get_mut(at)
    }

    /// Returns the primary connection, if it takes calls.
    pub(super) fn primary(&self) -> Option<&Connection> {
        // Its ID is the lowest.
        let first = self.0.first();
        first.filter(|connection| connection.id == ConnectionId::PRIMARY)
    }

    /// Number of jobs in flight on a connection.
    pub(super) fn in_flight(&self, id: ConnectionId) -> usize {
        self.get(id).map_or(0, |connection| connection.in_flight)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.iter()
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the position of a connection, or the one that it would have.
    fn position(&self, id: ConnectionId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |connection| connection.id)
    }
}
