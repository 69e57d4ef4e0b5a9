//! Drains a connection because of a reply: the server is no longer the primary, or has forgotten
//! the client's identity.

use super::engine::Advice;
use super::{RequestReply, Role};
use crate::connection::Reconnect;
use crate::runtime::Instant;

impl RequestReply {
    /// Drains the connection if a reply asked for another one. Returns whether it has drained.
    #[inline]
    pub(super) fn is_drained(&mut self, reconnect: &mut Reconnect) -> bool {
        match self.engine.drain().take_advice() {
            Some(Advice::Reconnect) => self.drain_as_advised(reconnect),
            Some(Advice::Leave) => {
                self.leave_demoted();
                return false;
            }
            None => {}
        }
        if self.relocation.is_dialing() {
            return false;
        }
        // While too many connections are set aside, this one stays until no write is pending.
        self.engine.drain().is_done()
            && !(self.asides.is_full() && self.engine.pending().has_write())
    }

    #[cold]
    fn drain_as_advised(&mut self, reconnect: &mut Reconnect) {
        if self.role != Role::Shared {
            // The holder of a lease has a session on it, so it is not replaced, but never returns
            // to the pool. The dispatcher replaces a worker.
            self.status.note_stale();
        }
        if reconnect.may_drain(Instant::now()) {
            tracing::debug!("a reply asks for another connection; draining this one");
            self.engine.drain().start();
        }
    }

    /// The server is a replica now: sends nothing more to it, over no connection of the client.
    #[cold]
    fn leave_demoted(&mut self) {
        tracing::debug!("the server is no longer the primary; leaving it");
        self.engine.drain().start();
        if let Some(route) = self.engine.session().route() {
            route.retired();
        }
    }
}
