//! Setting a connection aside: nothing more is sent on it, and it stays open until the replies that it owes have come.
//!
//! Some servers abort what runs when its connection ends: SwarmKeyDb stops in the middle of an EXEC. So a connection that owes
//! a reply to a command that writes is never closed just because the client needs another one.

use super::drain::Drain;
use super::slot::Slot;
use super::{Caller, Engine};
use crate::connection::Session;

impl<C: Caller> Engine<C> {
    /// Whether the server owes a reply to a command that writes.
    pub(crate) fn owes_write(&self) -> bool {
        self.in_flight.iter().any(Slot::owes_write)
    }

    /// How many calls that write are owed a reply.
    pub(crate) fn owed_writes(&self) -> usize {
        self.in_flight
            .iter()
            .filter(|slot| slot.owes_write())
            .count()
    }

    /// Whether a call that writes is owed a reply and its deadline has not passed, whether its caller waits or not.
    pub(crate) fn owes_write_in_time(&self) -> bool {
        self.in_flight
            .iter()
            .any(|slot| slot.is_pending() && slot.owes_write())
    }

    /// Takes the connection and all that is in flight on it apart. What waits stays, for another connection.
    pub(crate) fn set_aside(&mut self) -> Self {
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
    pub(crate) fn adopt(&mut self, session: Session) {
        self.session = session;
        self.unreachable = None;
    }

    /// Takes the calls over that wait on a connection which was set aside and is gone. They go first.
    pub(crate) fn take_back(&mut self, aside: &mut Self) {
        for call in aside.waiting.drain(..).rev() {
            self.note_deadline(call.deadline);
            self.waiting.push_front(call);
        }
        self.fallback.look_again();
    }

    pub(crate) const fn is_doubted(&self) -> bool {
        self.session.is_doubted()
    }

    /// Whether another connection is to be asked whether the server lives. True once for each doubt.
    pub(crate) const fn take_doubt(&mut self) -> bool {
        self.session.take_unexamined_doubt()
    }
}
