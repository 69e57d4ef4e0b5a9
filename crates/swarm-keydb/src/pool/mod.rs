//! Several shared connections behind one client. Sans-IO: performs no I/O and reads no clock.
//!
//! A server may run the commands of one connection strictly one after another. The client then
//! needs as many connections as it has calls. `growth` decides when to open and close
//! connections, and how many calls may be in flight on each. `keys` finds out which calls must stay
//! in order.

mod growth;
mod keys;

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
}
