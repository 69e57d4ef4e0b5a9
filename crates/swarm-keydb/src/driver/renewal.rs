//! Connecting again because of a reply: the server is no primary any more, or has forgotten who the client is.

use tokio::time::Instant;

use super::Driver;

impl Driver {
    /// Follows the advice of a reply to leave the connection, and says whether it has been left. A server to which
    /// another connection makes no difference costs one in every `reconnect_max_delay` at the most.
    pub(super) fn has_left(&mut self) -> bool {
        if self.engine.take_advice() && self.reconnect {
            let now = Instant::now();
            let pause = self.backoff.max();
            if (self.renewed).is_none_or(|renewed| now.duration_since(renewed) >= pause) {
                tracing::debug!("a reply asks for another connection");
                self.renewed = Some(now);
                self.engine.leave();
            }
        }
        self.engine.has_left()
    }
}
