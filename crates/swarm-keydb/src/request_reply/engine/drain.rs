//! Leaving a connection in good order: for another one, when the server says that it serves no longer, or for good.

use super::slot::Slot;
use super::{Caller, Engine, Failure};
use crate::server::is_about_the_server;

/// Whether a connection is to be left for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Drain {
    #[default]
    No,
    /// The server answered an error by which another connection would serve better.
    Advised,
    /// Nothing more is sent; what is in flight is still answered.
    Draining,
    /// As above, and it takes as long as it takes: the client has another connection, or needs none.
    SetAside,
}

impl Drain {
    pub(super) const fn sends_no_more(self) -> bool {
        matches!(self, Self::Draining | Self::SetAside)
    }
}

impl<C: Caller> Engine<C> {
    /// Looks whether an error advises to leave. It was answered to a request that did not run. A list of words does so only if
    /// it is all that the server says about its own state: other lists may be values that somebody wrote.
    pub(super) fn note_failure(&mut self, failure: &Failure) {
        let Failure::Server(error) = failure else {
            return;
        };
        let certain = !self.session.server().array_errors || is_about_the_server(error.as_str());
        let codes = &self.session.settings.reconnect_on;
        if self.session.is_stateful()
            && certain
            && self.drain == Drain::No
            && codes.iter().any(|code| **code == *error.code())
        {
            self.drain = Drain::Advised;
        }
    }

    /// Whether the server has advised to leave since this was asked last.
    pub(crate) fn take_drain_advice(&mut self) -> bool {
        let advised = self.drain == Drain::Advised;
        if advised {
            self.drain = Drain::No;
        }
        advised
    }

    /// Sends no further call over this connection. A unit that is being sent is sent to its end.
    pub(crate) fn drain(&mut self) {
        self.drain = Drain::Draining;
    }

    /// Whether the connection is to be left, and nobody waits for anything on it any more. A server forgets a transaction that is
    /// not ended when its connection is.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain == Drain::Draining && !self.in_flight.iter().any(Slot::is_awaited)
    }

    /// Fails all calls, for the client is closed. Says how many somebody still waited for.
    pub(crate) fn abandon(&mut self) -> usize {
        let mut abandoned = 0_usize;
        self.fallback.look_again();
        for call in self.waiting.drain(..) {
            abandoned = abandoned.saturating_add(usize::from(!call.body.caller.is_gone()));
            call.fail_unsent(|_| Failure::Closed { sent: false });
        }
        for slot in self.in_flight.iter_mut().chain(self.fallback.slots_mut()) {
            abandoned = abandoned.saturating_add(usize::from(slot.is_awaited()));
            slot.abandon();
        }
        abandoned
    }
}
