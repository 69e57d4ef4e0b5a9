//! Setting a connection aside: nothing more is sent on it, and it stays open until the replies that it owes have come.
//!
//! Some servers abort what runs when its connection ends: SwarmKeyDb stops in the middle of an EXEC. So a connection that owes
//! a reply to a command that writes is never closed just because the client needs another one.

use std::time::Instant;

use super::leave::Leave;
use super::slot::Slot;
use super::{Caller, Engine, Phase};

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
        let next = self.another();
        let mut aside = std::mem::replace(self, next);
        std::mem::swap(&mut self.waiting, &mut aside.waiting);
        std::mem::swap(&mut self.detour, &mut aside.detour);
        self.take_backlog_along();
        self.earliest = aside.earliest;
        aside.leave = Leave::SetAside;
        aside.trust();
        aside
    }

    /// An engine of the same settings that has no connection and no calls.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.settings.clone())
    }

    /// Goes on over the connection of another engine, which has served no calls.
    pub(crate) fn adopt(&mut self, other: Self) {
        self.phase = Phase::Ready;
        self.server = other.server;
        self.heartbeat = other.heartbeat;
        self.session = other.session;
        self.peer = other.peer;
        self.served = other.served;
        self.unreachable = None;
        self.heard = other.heard;
        self.settings.credentials = other.settings.credentials;
    }

    /// Takes the calls over that wait on a connection which was set aside and is gone. They go first.
    pub(crate) fn take_back(&mut self, aside: &mut Self) {
        for call in aside.waiting.drain(..).rev() {
            self.note_deadline(call.deadline);
            self.waiting.push_front(call);
        }
        self.detour.look_again();
    }

    /// The server is silent although it owes a reply. Nothing more is sent until it is heard.
    pub(super) fn doubt(&mut self, now: Instant) {
        self.doubted = Some(now);
        self.question = true;
    }

    pub(super) fn trust(&mut self) {
        self.doubted = None;
        self.question = false;
    }

    /// Whether the server has been silent for so long, although it was asked meanwhile, that no command can be the reason.
    pub(super) fn is_beyond_doubt(&self, now: Instant) -> bool {
        let limit = self
            .heard
            .and_then(|heard| heard.checked_add(self.settings.drain_timeout));
        self.is_doubted() && limit.is_some_and(|limit| limit <= now)
    }

    pub(crate) const fn is_doubted(&self) -> bool {
        self.doubted.is_some()
    }

    /// Whether another connection is to be asked whether the server lives. True once for each doubt.
    pub(crate) fn take_question(&mut self) -> bool {
        std::mem::take(&mut self.question)
    }
}
