//! Jobs in flight whose connection is no longer used, or that nobody waits for.

use super::{ConnectionId, Need, OrderKeys, Pool, Position};

impl<T> Pool<T> {
    /// A job in flight may go to another connection, because its own is gone or owes an overdue
    /// reply. It returns to its place in the order, with its names. A worker takes no other job
    /// until a reply has arrived.
    pub(crate) fn returned(&mut self, position: Position, job: T, keys: OrderKeys, need: Need) {
        let Some(flight) = self.ended(position) else {
            return self.submit(job, keys, need);
        };
        if !self.order.put_back(position, keys.clone()) {
            return self.submit(job, keys, need);
        }
        self.holds += usize::from(need == Need::Names);
        self.waiting.insert(position, (job, need));
        if flight.connection.is_worker()
            && let Some(connection) = self.connections.get_mut(flight.connection)
        {
            connection.is_stuck = connection.in_flight > 0;
        }
    }

    /// A job in flight has timed out, and its reply is still owed. If it `only_reads`, it need not
    /// stay in order any more: nobody will learn what. Otherwise, its connection is silent. It
    /// keeps its names, but fences no longer wait for it, and if it is one, nothing waits for it.
    pub(crate) fn freed(&mut self, position: Position, only_reads: bool) {
        if only_reads {
            self.order.remove(position);
        } else {
            self.order.note_late(position);
        }
    }

    /// The client no longer uses its primary connection, and keeps it open for the calls in flight.
    /// Another takes its place.
    pub(crate) fn set_aside(&mut self) {
        self.order
            .rename(ConnectionId::PRIMARY, ConnectionId::ASIDE);
        for flight in self.in_flight.values_mut() {
            if flight.connection == ConnectionId::PRIMARY {
                flight.connection = ConnectionId::ASIDE;
            }
        }
        if let Some(connection) = self.connections.get_mut(ConnectionId::PRIMARY) {
            (connection.in_flight, connection.writes) = (0, 0);
            (connection.long, connection.is_stuck) = (0, false);
        }
    }

    /// A job in flight on a connection that was set aside keeps only calls with these keys waiting.
    pub(crate) fn rekey_aside(&mut self, position: Position, keys: OrderKeys) {
        self.order.rekey(position, keys, ConnectionId::ASIDE);
    }
}
