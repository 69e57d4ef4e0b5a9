//! The calls that have not been answered.

use super::sent::SentCall;
use super::{Caller, Engine};

/// View of an engine's calls that have not been answered. `queued` and `in_flight` cost nothing;
/// the others scan the calls.
pub(in crate::request_reply) struct Pending<'a, C: Caller>(&'a Engine<C>);

impl<'a, C: Caller> Pending<'a, C> {
    #[inline]
    pub(super) const fn of(engine: &'a Engine<C>) -> Self {
        Self(engine)
    }

    /// Returns the number of calls that have not been sent.
    #[inline]
    pub(in crate::request_reply) fn queued(&self) -> usize {
        self.0.waiting.len()
    }

    /// Returns the number of calls in flight.
    #[inline]
    pub(in crate::request_reply) fn in_flight(&self) -> usize {
        self.0.in_flight.len() + self.0.fallback.slots().len()
    }

    /// Whether a caller still waits for a reply.
    pub(in crate::request_reply) fn is_awaited(&self) -> bool {
        let Engine {
            waiting,
            in_flight,
            fallback,
            ..
        } = self.0;
        waiting.iter().any(|call| call.is_awaited())
            || (in_flight.iter().chain(fallback.slots())).any(SentCall::is_awaited)
    }

    /// Whether a write is pending: sent over the connection, and without a reply.
    pub(in crate::request_reply) fn has_write(&self) -> bool {
        self.0.in_flight.iter().any(SentCall::has_pending_write)
    }

    /// Whether a write is pending whose deadline has not passed, even if its caller has given up.
    pub(in crate::request_reply) fn has_unexpired_write(&self) -> bool {
        let mut in_flight = self.0.in_flight.iter();
        in_flight.any(|slot| slot.is_pending() && slot.has_pending_write())
    }

    /// Returns the number of pending writes.
    pub(in crate::request_reply) fn writes(&self) -> usize {
        let in_flight = self.0.in_flight.iter();
        in_flight.filter(|slot| slot.has_pending_write()).count()
    }
}
