//! Setting a connection aside: no new calls are sent on it, and it stays open until pending replies have arrived.
//!
//! Some servers abort a running command when its connection ends: SwarmKeyDb stops in the middle of an EXEC. So a
//! connection on which a reply to a write is pending is never closed just because the client needs another one.

use super::deadlines::earlier;
use super::drain::Drain;
use super::sent::SentCall;
use super::{Caller, Engine};
use crate::connection::Session;

impl<C: Caller> Engine<C> {
    /// Whether a reply to a write is pending.
    pub(in crate::request_reply) fn owes_write(&self) -> bool {
        self.in_flight.iter().any(SentCall::owes_write)
    }

    /// Number of writes whose replies are pending.
    pub(in crate::request_reply) fn owed_writes(&self) -> usize {
        self.in_flight
            .iter()
            .filter(|slot| slot.owes_write())
            .count()
    }

    /// Whether a reply to a write is pending whose deadline has not passed, even if its caller has left.
    pub(in crate::request_reply) fn owes_write_in_time(&self) -> bool {
        self.in_flight
            .iter()
            .any(|slot| slot.is_pending() && slot.owes_write())
    }

    /// Splits off the connection with all calls in flight. Calls that were not sent stay, for another connection.
    pub(in crate::request_reply) fn set_aside(&mut self) -> Self {
        let next = Self::new(self.session.settings.clone());
        let mut aside = std::mem::replace(self, next);
        std::mem::swap(&mut self.waiting, &mut aside.waiting);
        std::mem::swap(&mut self.fallback, &mut aside.fallback);
        self.take_backlog_along();
        self.earliest = aside.earliest;
        aside.drain = Drain::SetAside;
        aside.session.trust();
        aside
    }

    /// Continues on another connection, whose handshake is done.
    pub(in crate::request_reply) fn adopt(&mut self, session: Session) {
        self.session = session;
        self.unreachable = None;
    }

    /// Takes back the calls that a lost connection, which was set aside, leaves to be resent. They are sent first.
    pub(in crate::request_reply) fn take_back(&mut self, aside: &mut Self) {
        for call in aside.waiting.drain(..).rev() {
            self.earliest = earlier(self.earliest, call.deadline);
            self.waiting.push_front(call);
        }
        self.fallback.look_again();
    }
}
