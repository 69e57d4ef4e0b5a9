//! Calls that wait in a pool, and that the pool hands to this engine or to another one.

use std::time::Duration;

use super::call::Call;
use super::sent::SentCall;
use super::{Caller, Engine};
use crate::failure::Wait;
use crate::runtime::Instant;

/// View of an engine whose calls come from a pool.
pub(in crate::request_reply) struct Pooled<'a, C: Caller>(&'a mut Engine<C>);

impl<'a, C: Caller> Pooled<'a, C> {
    #[inline]
    pub(super) const fn of(engine: &'a mut Engine<C>) -> Self {
        Self(engine)
    }

    /// Sets how many calls may be in flight. Zero holds all calls back.
    #[inline]
    pub(in crate::request_reply) const fn set_window(self, calls: usize) {
        self.0.window = calls;
    }

    /// Starts the timeout of a call that will wait in the pool.
    pub(in crate::request_reply) fn admit(
        self,
        call: &mut Call<C>,
        permit: C::Permit,
        now: Instant,
    ) {
        self.0.admit(call, permit, now);
    }

    /// Takes a call from the pool, to send it after those taken before.
    pub(in crate::request_reply) fn enqueue(self, call: Box<Call<C>>, now: Instant) {
        self.0.note_check(&call, now);
        self.0.waiting.push_back(call);
    }

    /// Returns all calls that have not been sent, in order.
    pub(in crate::request_reply) fn take_waiting(
        self,
    ) -> impl Iterator<Item = Box<Call<C>>> + use<C> {
        self.0.fallback.rescan();
        std::mem::take(&mut self.0.waiting).into_iter()
    }

    /// Returns the calls in flight.
    pub(in crate::request_reply) fn in_flight(self) -> impl Iterator<Item = &'a mut Call<C>> {
        let slots = self.0.in_flight.iter_mut();
        slots.filter_map(|slot: &mut SentCall<C>| slot.call.as_deref_mut())
    }

    /// Returns the calls in flight on the HTTP fallback.
    pub(in crate::request_reply) fn on_fallback(self) -> impl Iterator<Item = &'a mut Call<C>> {
        let slots = self.0.fallback.slots_mut();
        slots.filter_map(|slot: &mut SentCall<C>| slot.call.as_deref_mut())
    }

    /// Returns the calls that wait to be sent.
    pub(in crate::request_reply) fn waiting(self) -> impl Iterator<Item = &'a mut Call<C>> {
        self.0.waiting.iter_mut().map(|call| &mut **call)
    }

    /// Whether calls may be sent: the connection is ready, and no call is left on the fallback.
    pub(in crate::request_reply) fn is_usable(&self) -> bool {
        self.0.session.is_ready() && self.0.fallback.is_empty()
    }

    /// Expected time of the server for each key written.
    pub(in crate::request_reply) fn key_cost(&self) -> Duration {
        self.0.session.settings.learned.write_cost()
    }

    /// When a call that waits in the pool must be checked.
    pub(in crate::request_reply) fn check_at(&self, call: &Call<C>, now: Instant) -> Instant {
        self.0.check_at(call, now)
    }

    /// Whether commands reach the server over this connection or the HTTP fallback.
    pub(in crate::request_reply) fn reaches_server(&self) -> bool {
        self.0.reaches_server()
    }

    /// Fails a waiting call if its deadline has passed and is not extended, as it may be while
    /// commands reach the server. Returns whether it ended, because of that or because its caller
    /// has left.
    pub(in crate::request_reply) fn expire(
        &self,
        call: &mut Call<C>,
        now: Instant,
        reachable: bool,
    ) -> bool {
        self.0.expire_waiting(call, now, reachable, || Wait::Pool)
    }

    /// The call leaves the pool for the primary connection. If that is lost, the call waits for the
    /// next one no longer than its timeout.
    pub(in crate::request_reply) fn take(self, mut call: Box<Call<C>>, now: Instant) {
        if self.0.session.is_ready() {
            self.restart(&mut call, now);
        } else {
            call.take_back_growth();
        }
        self.enqueue(call, now);
    }

    /// The call is about to be sent over a connection: only what that connection does counts from
    /// now on.
    pub(in crate::request_reply) fn restart(&self, call: &mut Call<C>, now: Instant) {
        let key = self.key_cost();
        let restarted = call.pace_mut().and_then(|pace| pace.restart(now, key));
        if let Some(deadline) = restarted
            && !call.starts_when_sent()
        {
            call.set_deadline(deadline);
        }
    }
}
