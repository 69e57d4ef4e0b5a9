//! Draining a connection: the engine sends no new calls and waits for pending replies, because the
//! client switches to another connection or closes.

use super::in_flight::InFlight;
use super::sent::SentCall;
use super::{Caller, Engine, Failure};
use crate::server::is_about_the_server;

/// Whether a connection is being drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Drain {
    #[default]
    No,
    /// The server replied with an error that asks for another connection.
    Advised,
    /// The server must be a primary, and has replied that it takes no writes.
    Demoted,
    /// No new calls are sent; calls in flight are still answered.
    Draining,
    /// Like `Draining`, but without a limit on silence: the client uses another connection, or
    /// needs none.
    SetAside,
}

impl Drain {
    pub(super) const fn sends_no_more(self) -> bool {
        matches!(self, Self::Draining | Self::SetAside)
    }
}

/// What a reply advises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::request_reply) enum Advice {
    /// Another connection may lead to another server, or restore the client's identity.
    Reconnect,
    /// The server is no longer the primary.
    Leave,
}

/// View of an engine that drains its connection.
pub(in crate::request_reply) struct Draining<'a, C: Caller> {
    drain: &'a mut Drain,
    in_flight: &'a InFlight<C>,
}

impl<'a, C: Caller> Draining<'a, C> {
    #[inline]
    pub(super) const fn of(engine: &'a mut Engine<C>) -> Self {
        let Engine {
            drain, in_flight, ..
        } = engine;
        Self { drain, in_flight }
    }

    /// Returns what the server has advised since the last call.
    #[inline]
    pub(in crate::request_reply) fn take_advice(self) -> Option<Advice> {
        let advice = match *self.drain {
            Drain::Advised => Advice::Reconnect,
            Drain::Demoted => Advice::Leave,
            Drain::No | Drain::Draining | Drain::SetAside => return None,
        };
        *self.drain = Drain::No;
        Some(advice)
    }

    /// Stops sending new calls over this connection. A batch that was begun is sent completely.
    pub(in crate::request_reply) fn start(self) {
        *self.drain = Drain::Draining;
    }

    /// Sends calls again, over another connection.
    pub(in crate::request_reply) fn end(self) {
        *self.drain = Drain::No;
    }

    /// Whether the connection is draining and no caller waits for a reply over it. The server
    /// discards an unfinished transaction when the connection closes.
    #[inline]
    pub(in crate::request_reply) fn is_done(&self) -> bool {
        *self.drain == Drain::Draining && !self.in_flight.iter().any(SentCall::is_awaited)
    }
}

impl<C: Caller> Engine<C> {
    /// Checks whether an error asks for another connection. An error that arrived as an array
    /// counts only if its text is one that servers use about their own state: any other array may
    /// be a value that someone wrote.
    pub(super) fn note_failure(&mut self, failure: &Failure) {
        let Failure::Server(error) = failure else {
            return;
        };
        let certain = !self.session.server().array_errors || is_about_the_server(error.as_str());
        let settings = &self.session.settings;
        let is_open = matches!(self.drain, Drain::No | Drain::Advised);
        if !self.session.is_stateful() || !certain || !is_open {
            return;
        }
        if settings.needs_primary && error.code() == "READONLY" {
            self.drain = Drain::Demoted;
        } else if (settings.reconnect_on.iter()).any(|code| **code == *error.code()) {
            self.drain = Drain::Advised;
        }
    }

    /// Fails all calls because the client is closed. Returns the number of calls that a caller
    /// still waited for.
    pub(in crate::request_reply) fn abandon(&mut self) -> usize {
        let mut abandoned = 0_usize;
        self.fallback.rescan();
        for mut call in self.waiting.drain(..) {
            abandoned = abandoned.saturating_add(usize::from(call.is_awaited()));
            call.fail_unsent(|_| Failure::Closed { sent: false });
        }
        for slot in self.in_flight.iter_mut().chain(self.fallback.slots_mut()) {
            abandoned = abandoned.saturating_add(usize::from(slot.is_awaited()));
            slot.fail(&Failure::Closed { sent: true });
        }
        abandoned
    }
}
