//! Connecting again because of a reply: the server is no primary any more, or has forgotten who the client is.

use tokio::time::Instant;

use super::{Driver, Role};

impl Driver {
    /// Follows the advice of a reply to leave the connection, and says whether it has been left. A server to which
    /// another connection makes no difference costs one in every `reconnect_max_delay` at the most.
    pub(super) fn has_left(&mut self) -> bool {
        let advised = self.engine.take_advice();
        if advised && self.role == Role::Leased {
            // Its holder has a session on it; nobody shall lease it after that.
            self.status.note_stale();
        }
        if advised && self.reconnect {
            let now = Instant::now();
            let pause = self.backoff.max();
            if (self.renewed).is_none_or(|renewed| now.duration_since(renewed) >= pause) {
                tracing::debug!("a reply asks for another connection");
                self.renewed = Some(now);
                self.engine.leave();
            }
        }
        // At the bound, the connection is left when it owes nothing that writes.
        self.engine.has_left() && !(self.asides.is_full() && self.engine.owes_write())
    }
}
