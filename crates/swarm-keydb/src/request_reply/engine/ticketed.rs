//! Tickets of calls that a pool has dispatched.

use super::call::{Call, Caller};

impl<C: Caller> Call<C> {
    /// Sets the ticket of a call that a pool has dispatched. The call keeps it until the server
    /// owes it nothing.
    pub(in crate::request_reply) fn set_ticket(&mut self, ticket: C::Ticket) {
        self.slow_mut().ticket = Some(ticket);
    }

    pub(in crate::request_reply) fn take_ticket(&mut self) -> Option<C::Ticket> {
        self.slow.as_mut()?.ticket.take()
    }

    pub(in crate::request_reply) fn ticket(&self) -> Option<&C::Ticket> {
        self.slow.as_ref()?.ticket.as_ref()
    }

    /// Whether the call carries what only calls to a slow server carry.
    #[inline]
    pub(super) const fn is_slow(&self) -> bool {
        self.slow.is_some()
    }

    /// The call is about to be sent over a connection.
    pub(super) fn note_sending(&mut self) {
        let slow = self.slow.as_mut();
        if let Some(ticket) = slow.and_then(|slow| slow.ticket.as_mut()) {
            C::sent(ticket);
        }
    }

    /// The call has timed out and need not stay in order with later calls: see [`Caller::freed`].
    pub(super) fn free(&mut self, only_reads: bool) {
        let slow = self.slow.as_mut();
        if let Some(ticket) = slow.and_then(|slow| slow.ticket.as_mut()) {
            C::freed(ticket, only_reads);
        }
    }

    /// Whether the call has timed out and stays in order with later calls.
    pub(super) fn is_late_in_order(&self) -> bool {
        self.caller.is_none() && self.ticket().is_some_and(|ticket| !C::is_freed(ticket))
    }

    /// The connection over which the call was sent is lost.
    pub(super) fn note_lost(&mut self) {
        let slow = self.slow.as_mut();
        if let Some(ticket) = slow.and_then(|slow| slow.ticket.as_mut()) {
            C::lost(ticket);
        }
    }
}
