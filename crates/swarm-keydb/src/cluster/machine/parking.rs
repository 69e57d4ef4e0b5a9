//! Parked calls of one slot, in the order in which they were submitted.

use std::collections::VecDeque;

use super::{NodeId, Payload, Ticket};
use crate::runtime::Instant;

/// A call that waits to be sent.
pub(super) struct Parked<C> {
    pub(super) ticket: Ticket,
    pub(super) call: C,
    /// The node that an ASK named, for the next attempt.
    pub(super) ask: Option<NodeId>,
    /// When a delay ends.
    pub(super) not_before: Option<Instant>,
    /// Whether it was sent before, so that later calls may have been sent behind it.
    pub(super) was_sent: bool,
}

impl<C> Parked<C> {
    pub(super) const fn new(ticket: Ticket, call: C) -> Self {
        Self {
            ticket,
            call,
            ask: None,
            not_before: None,
            was_sent: false,
        }
    }

    /// Returns when the call expires or its delay ends.
    pub(super) fn attention_at(&self) -> Instant {
        let deadline = self.ticket.deadline;
        self.not_before.map_or(deadline, |at| at.min(deadline))
    }
}

/// Parked calls of one slot.
pub(super) struct Parking<C>(VecDeque<Parked<C>>);

impl<C> Default for Parking<C> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<C: Payload> Parking<C> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn front(&self) -> Option<&Parked<C>> {
        self.0.front()
    }

    pub(super) fn pop_front(&mut self) -> Option<Parked<C>> {
        self.0.pop_front()
    }

    /// Inserts a call at its place in the order of submission.
    pub(super) fn insert(&mut self, parked: Parked<C>) {
        let number = parked.ticket.number;
        let at = self.0.partition_point(|other| other.ticket.number < number);
        self.0.insert(at, parked);
    }

    /// Removes the calls that were submitted before one that may have run, were sent before it, and
    /// would change what it has done if they ran now.
    pub(super) fn take_overtaken(
        &mut self,
        number: u64,
        conflicts: impl Fn(&C) -> bool,
    ) -> Vec<Parked<C>> {
        self.take(|parked| {
            parked.was_sent && parked.ticket.number < number && conflicts(&parked.call)
        })
    }

    /// Removes the calls whose deadline has passed. Drops those that nobody waits for.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<Parked<C>> {
        self.0.retain(|parked| !parked.call.is_gone());
        self.take(|parked| parked.ticket.deadline <= now)
    }

    fn take(&mut self, which: impl Fn(&Parked<C>) -> bool) -> Vec<Parked<C>> {
        if !self.0.iter().any(&which) {
            return Vec::new();
        }
        let (taken, kept) = std::mem::take(&mut self.0).into_iter().partition(which);
        self.0 = kept;
        Vec::from(taken)
    }

    /// Returns when a call expires or its delay ends. Only the first call can be sent.
    pub(super) fn attention_at(&self) -> Option<Instant> {
        self.0.iter().map(Parked::attention_at).min()
    }

    pub(super) fn into_calls(self) -> impl Iterator<Item = C> {
        self.0.into_iter().map(|parked| parked.call)
    }
}
