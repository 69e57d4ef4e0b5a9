//! Setting a connection aside: the engine sends no new calls on it, and keeps it open until pending
//! replies have arrived.
//!
//! Some servers abort a running command when its connection ends: SwarmKeyDb stops in the middle of
//! an EXEC. The client therefore never closes a connection with a pending write just because it
//! needs another one.

use super::call::earlier;
use super::drain::Drain;
use super::{Caller, Engine};

impl<C: Caller> Engine<C> {
    /// Splits off the connection with all calls in flight. Calls that have not been sent stay, for
    /// another connection.
    pub(in crate::request_reply) fn set_aside(&mut self) -> Self {
        let next = Self::new(self.session.settings.clone());
        let mut aside = std::mem::replace(self, next);
        std::mem::swap(&mut self.waiting, &mut aside.waiting);
        std::mem::swap(&mut self.fallback, &mut aside.fallback);
        self.take_backlog_along();
        self.earliest = aside.earliest;
        self.window = aside.window;
        // Calls that have timed out may have got tickets just now.
        aside.earliest = earlier(aside.earliest, aside.session.quiet_at());
        aside.drain = Drain::SetAside;
        aside.session.clear_suspicion();
        aside
    }

    /// Takes back the calls of a lost connection that was set aside, to resend them. They are sent
    /// first.
    pub(in crate::request_reply) fn take_back(&mut self, aside: &mut Self) {
        for call in aside.waiting.drain(..).rev() {
            self.earliest = earlier(self.earliest, call.deadline());
            self.waiting.push_front(call);
        }
        self.fallback.rescan();
    }
}
