//! Draining a connection because of a reply: the server is no primary any more, or has forgotten who the client is.

use tokio::time::Instant;

use super::{RequestReply, Role};
use crate::connection::Reconnect;

impl RequestReply {
    /// Drains the connection if a reply asks for another one. Returns whether it is drained.
    #[inline]
    pub(super) fn is_drained(&mut self, reconnect: &mut Reconnect) -> bool {
        if self.engine.take_drain_advice() {
            self.drain_as_advised(reconnect);
        }
        // While too many connections are set aside, this one stays until it owes no reply to a write.
        self.engine.is_drained() && !(self.asides.is_full() && self.engine.owes_write())
    }

    #[cold]
    fn drain_as_advised(&mut self, reconnect: &mut Reconnect) {
        if self.role == Role::Leased {
            // Its holder has a session on it. It never returns to the pool.
            self.status.note_stale();
        }
        if reconnect.may_drain(Instant::now()) {
            tracing::debug!("a reply asks for another connection");
            self.engine.drain();
        }
    }
}
