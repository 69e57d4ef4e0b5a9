//! The primary connection while it is the only one, and the changes to and from a pool of several.

use std::task::{Context, Poll};
use std::time::Duration;

use super::{ConnectionId, Dispatcher, Ended, Engine, Job, Plan, ReplySender, Status, keys_of};
use crate::request_reply::engine::Call;
use crate::runtime::Instant;

/// Replies within this time are never slow, so there is nothing to plan.
const SLOWEST_FAST_REPLY: Duration = Duration::from_millis(1);

/// Number of calls in flight, as far as it matters: whether one waits for another. Heartbeats do
/// not count.
pub(super) fn in_flight(engine: &mut Engine<ReplySender>) -> usize {
    engine.pooled().in_flight().take(2).count()
}

impl Dispatcher {
    /// The primary connection is ready. `handshake` is a round trip of its handshake.
    pub(in crate::request_reply) fn connected(
        &mut self,
        engine: &mut Engine<ReplySender>,
        handshake: Duration,
        now: Instant,
    ) {
        if self.is_temporary {
            // The pool counts no connection, so calls go straight to the engine.
            engine.pooled().set_window(usize::MAX);
            return;
        }
        // A transport without sessions sends one request at a time.
        self.pool.set_pipelined(engine.session().is_stateful());
        self.pool
            .opened(ConnectionId::PRIMARY, Some(handshake), now);
        if self.engaged {
            // It was lost and is back. The pool knows how many calls it may have, and which of
            // those that have waited for it may go to others.
            self.take_back(engine, now);
            engine.pooled().set_window(usize::MAX);
            self.is_changed = true;
            return;
        }
        self.plan_single(0, 0, now);
        if self.pool.is_needed() {
            // Nothing may be sent before the pool knows its keys.
            self.wanted = true;
            engine.pooled().set_window(0);
        } else {
            engine.pooled().set_window(self.pool.window());
        }
    }

    /// How many calls may be in flight while the pool is not engaged.
    fn window(&self) -> usize {
        match self.is_temporary {
            true => usize::MAX,
            false => self.pool.window(),
        }
    }

    /// The primary connection is lost.
    pub(in crate::request_reply) fn disconnected(&mut self, now: Instant) {
        if self.refusal.take().is_some() {
            // The server was going away. It has not refused a connection.
            self.pool.pardon();
        }
        self.pool.closed(ConnectionId::PRIMARY, now);
        self.is_changed = true;
    }

    /// The server cannot be reached: the next one may be another.
    pub(in crate::request_reply) fn forget(&mut self) {
        if self.workers.is_empty() {
            self.pool.forget();
        }
    }

    /// The primary connection leads to another server: the other connections are outdated.
    pub(in crate::request_reply) const fn note_move(&mut self) {
        self.is_changed = true;
    }

    /// Records replies that arrived together on the primary connection. `round_trip` is that of the
    /// first of them.
    #[inline]
    pub(in crate::request_reply) fn note_replies(
        &mut self,
        engine: &mut Engine<ReplySender>,
        round_trip: Duration,
        replies: usize,
        now: Instant,
    ) {
        if replies > 0 {
            // Tickets tell of the other replies.
            self.pool.answered(round_trip, replies, now);
        }
        if self.engaged || self.wanted {
            return;
        }
        engine.pooled().set_window(self.window());
        if self.is_temporary || round_trip < SLOWEST_FAST_REPLY {
            return;
        }
        let (queued, in_flight) = (engine.pending().queued(), in_flight(engine));
        if queued > 0 || in_flight > 0 {
            // Those that were just answered were in flight beside the others.
            self.plan_single(queued, in_flight + replies, now);
        }
    }

    /// Engages the pool if another connection may be needed.
    pub(super) fn plan_single(&mut self, queued: usize, in_flight: usize, now: Instant) {
        while let Plan::Open(id) = self.pool.plan_single(now, queued, in_flight) {
            self.workers.open(id);
            self.wanted = true;
        }
    }

    /// Takes the calls of the primary connection and of the fallback into the pool.
    pub(super) fn engage(&mut self, engine: &mut Engine<ReplySender>, now: Instant) {
        (self.engaged, self.wanted) = (true, false);
        while let Some(ended) = self.tickets.take() {
            match ended {
                Ended::Finished(position) => drop(self.pool.finished(position, now)),
                Ended::Unanswered(position) => self.pool.unanswered(position),
                Ended::Freed {
                    position,
                    only_reads,
                } => self.pool.freed(position, only_reads),
                Ended::Returned(position, call) => self.put_back(engine, position, call, now),
            }
        }
        self.adopt_in_flight(engine, now);
        self.take_back(engine, now);
        engine.pooled().set_window(usize::MAX);
    }

    /// Records the calls in flight on the fallback and on the primary connection in the order of
    /// calls.
    fn adopt_in_flight(&mut self, engine: &mut Engine<ReplySender>, now: Instant) {
        let key = engine.pooled().key_cost();
        let is_new = |call: &&mut Call<ReplySender>| !call.has_ticket();
        for call in engine.pooled().on_fallback().filter(is_new) {
            let keys = keys_of(self.order, &self.hasher, call);
            let position = self.pool.adopt(keys, call.work(key), now);
            call.set_ticket(self.tickets.issue(position));
        }
        for call in engine.pooled().in_flight().filter(is_new) {
            let keys = keys_of(self.order, &self.hasher, call);
            let position = self.pool.adopt(keys, call.work(key), now);
            call.set_ticket(self.tickets.issue_sent(position));
        }
    }

    /// Hears of workers and of calls with tickets while the pool is not engaged.
    #[cold]
    pub(super) fn poll_disengaged(
        &mut self,
        engine: &mut Engine<ReplySender>,
        status: &Status,
        cx: &mut Context<'_>,
    ) {
        let now = Instant::now();
        while let Poll::Ready(change) = self.workers.poll_change(cx) {
            self.note_change(change, status, now);
        }
        while let Poll::Ready(ended) = self.tickets.poll(cx) {
            if matches!(ended, Ended::Returned(..)) && !self.engaged {
                // The call goes to its place, ahead of those that came later.
                self.engage(engine, now);
                self.is_changed = true;
            }
            self.note_ended(ended, engine, status, now);
        }
    }

    /// Gives all waiting calls to the primary connection, which is the only one.
    pub(super) fn disengage(&mut self, engine: &mut Engine<ReplySender>, now: Instant) {
        (self.engaged, self.wanted, self.earliest) = (false, false, None);
        self.pool.retain(|job| match job {
            Job::Call(call) => {
                engine.pooled().enqueue(call, now);
                None
            }
            // Whatever is held needs the pool.
            hold @ Job::Hold(_) => Some(hold),
        });
        engine.pooled().set_window(self.window().max(1));
    }
}
