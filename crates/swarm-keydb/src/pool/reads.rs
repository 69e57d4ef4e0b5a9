//! Reads of a serial server: kept off the connections that carry writes, and let past the pool
//! where they overtake nothing.

use std::time::Duration;

use super::{ConnectionId, Mode, Need, OrderKeys, Pool, Position, Work};
use crate::runtime::Instant;

/// Time without reads after which the primary connection takes writes, too.
const MEMORY_OF_READS: Duration = Duration::from_secs(1);

impl<T> Pool<T> {
    /// Records a read that has bypassed the pool and is in flight on the primary connection.
    pub(crate) fn adopt_read(&mut self, keys: OrderKeys, now: Instant) -> Position {
        let position = self.order.adopt(keys, ConnectionId::PRIMARY);
        let work = Work {
            requests: 1,
            is_long: false,
        };
        self.started(position, ConnectionId::PRIMARY, Need::Reads, work, now);
        position
    }

    /// Whether the primary connection can take reads that do not pass through the pool. It has
    /// `calls` already.
    pub(crate) fn lets_reads_bypass(&self, calls: usize) -> bool {
        self.growth.mode() == Mode::Serial
            && self.connections.primary().is_some_and(|primary| {
                primary.writes == 0 && !primary.is_stuck && calls < self.window_for_reads()
            })
    }

    /// Whether no call that waits or is in flight must stay in order with one of these keys.
    pub(crate) fn is_free(&self, keys: &OrderKeys) -> bool {
        self.order.is_free(keys)
    }

    /// Records that a read bypasses the pool.
    pub(crate) const fn note_read(&mut self, now: Instant) {
        self.last_read = Some(now);
    }

    /// The primary connection carries one request at a time, or many.
    pub(crate) const fn set_pipelined(&mut self, is_pipelined: bool) {
        self.is_pipelined = is_pipelined;
    }

    /// How many reads may be in flight on the primary connection.
    fn window_for_reads(&self) -> usize {
        match self.is_pipelined {
            true => self.growth.window_for_reads(),
            false => 1,
        }
    }

    /// Whether the primary connection is kept for reads, and the others for everything else, as
    /// long as there are reads. So reads do not wait for writes, and are pipelined on one
    /// connection, in the dispatcher's own task.
    pub(super) fn spares_primary(&self, now: Instant) -> bool {
        let reads = |read: Instant| now.saturating_duration_since(read) < MEMORY_OF_READS;
        self.is_pipelined
            && self.growth.mode() == Mode::Serial
            && self.connections.len() > 1
            && self.last_read.is_some_and(reads)
            && self.connections.primary().is_some()
    }

    /// Returns the primary connection if it is kept for reads and may take another.
    pub(super) fn for_reads(&self, spares_primary: bool) -> Option<ConnectionId> {
        let primary = self
            .connections
            .primary()
            .filter(|primary| primary.writes == 0)?;
        let has_room = primary.in_flight < self.window_for_reads();
        (spares_primary && has_room).then_some(primary.id)
    }
}
