//! Order of later calls with those on connections that the client no longer uses.
//!
//! A connection that is set aside still owes replies, and the server may still run what was sent on
//! it. Its calls keep their names, so that no later call overtakes them over another connection.

use super::{CommandOrder, Dispatcher, Engine, Job, Limits, OrderKeys, Position, ReplySender};
use crate::request_reply::engine::Call;
use crate::runtime::Instant;

impl Dispatcher {
    /// The primary connection is about to be set aside with its calls in flight, and another takes
    /// its place.
    pub(in crate::request_reply) fn set_aside(
        &mut self,
        engine: &mut Engine<ReplySender>,
        now: Instant,
    ) {
        if self.engaged {
            self.adopt(engine, now);
            // They may have names of calls in flight on the old connection.
            self.take_back(engine, now);
        } else {
            self.engage(engine, now);
        }
        self.pool.set_aside();
        self.fence_calls_elsewhere(engine);
        for call in engine.pooled().in_flight() {
            if let Some(keys) = self.keys_aside(call)
                && let Some(ticket) = call.ticket()
            {
                self.pool.rekey_aside(ticket.position(), keys);
            }
        }
        self.is_changed = true;
    }

    /// Calls that have left the pool, and are on the fallback or wait for it, do not count as on
    /// the next connection. If all calls stay in order, everything waits for them.
    pub(in crate::request_reply) fn fence_calls_elsewhere(
        &mut self,
        engine: &mut Engine<ReplySender>,
    ) {
        if self.order != CommandOrder::All {
            return;
        }
        let mut fence = |call: &mut Call<ReplySender>| {
            if let Some(ticket) = call.ticket() {
                let keys = OrderKeys::of(call.requests.iter(), &self.hasher).into_fence();
                self.pool.rekey_aside(ticket.position(), keys);
            }
        };
        engine.pooled().on_fallback().for_each(&mut fence);
        engine.pooled().waiting().for_each(fence);
    }

    /// Returns what a call keeps waiting once its connection is set aside, if that changes. A read
    /// may be overdue for long, and other reads may overtake it.
    fn keys_aside(&self, call: &Call<ReplySender>) -> Option<OrderKeys> {
        let requests = call.requests.iter();
        match self.order {
            CommandOrder::None => None,
            CommandOrder::All => Some(OrderKeys::of(requests, &self.hasher).into_fence()),
            CommandOrder::PerKey if call.writes() => None,
            CommandOrder::PerKey => Some(OrderKeys::of_overtaken(requests, &self.hasher)),
        }
    }

    /// Takes back the calls that wait in the engine, to their places.
    pub(in crate::request_reply) fn take_back(
        &mut self,
        engine: &mut Engine<ReplySender>,
        now: Instant,
    ) {
        self.is_changed = true;
        for mut call in engine.pooled().take_waiting() {
            match call.take_ticket() {
                Some(ticket) => self.put_back(engine, ticket.redeem(), call, now),
                None => self.enqueue(engine, call, now),
            }
        }
    }

    /// Returns a call that was dispatched to its place.
    pub(super) fn put_back(
        &mut self,
        engine: &mut Engine<ReplySender>,
        position: Position,
        call: Box<Call<ReplySender>>,
        now: Instant,
    ) {
        self.note_check(engine, &call, now);
        let (keys, need) = self.place_of(&call);
        self.pool.returned(position, Job::Call(call), keys, need);
    }

    /// The server needs at most this many connections. If `is_temporary`, it needs only one, and
    /// the dispatcher is of use only until no call is in flight elsewhere.
    pub(in crate::request_reply) fn set_limits(
        &mut self,
        limits: Limits,
        is_temporary: bool,
        now: Instant,
    ) {
        self.is_temporary = is_temporary;
        if self.pool.limits() != limits {
            // Another kind of server.
            for id in self.workers.release_all() {
                self.pool.closed(id, now);
            }
            self.pool.set_limits(limits);
        }
    }

    /// Whether the server needs no other connection than the primary one.
    pub(in crate::request_reply) const fn is_temporary(&self) -> bool {
        self.is_temporary
    }

    /// Whether the dispatcher is of no use any more.
    pub(in crate::request_reply) fn is_done(&self) -> bool {
        self.is_temporary
            && !self.engaged
            && !self.wanted
            && !self.pool.has_in_flight()
            && self.workers.is_empty()
    }
}
