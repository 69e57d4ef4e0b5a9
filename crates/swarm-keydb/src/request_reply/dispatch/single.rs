//! The primary connection while it is the only one, and the changes to and from a pool of several.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{ConnectionId, Dispatcher, Ended, Engine, Job, Plan, ReplySender, Status};

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
        // A transport without sessions sends one request at a time.
        self.pool.set_pipelined(engine.session().is_stateful());
        self.pool
            .opened(ConnectionId::PRIMARY, Some(handshake), now);
        if self.engaged {
            // It was lost and is back. The pool knows how many calls it may have.
            engine.pooled().set_window(usize::MAX);
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

    /// The primary connection is lost.
    pub(in crate::request_reply) fn disconnected(&mut self, now: Instant) {
        self.refusal = None;
        self.pool.closed(ConnectionId::PRIMARY, now);
    }

    /// The primary connection is set aside, and another takes its place.
    pub(in crate::request_reply) fn set_aside(&mut self) {
        self.pool.set_aside();
    }

    /// The server cannot be reached: the next one may be another.
    pub(in crate::request_reply) fn forget(&mut self) {
        if self.workers.is_empty() {
            self.pool.forget();
        }
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
        engine.pooled().set_window(self.pool.window());
        if round_trip < SLOWEST_FAST_REPLY {
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

    /// Takes the calls of the primary connection into the pool.
    pub(super) fn engage(&mut self, engine: &mut Engine<ReplySender>, now: Instant) {
        (self.engaged, self.wanted) = (true, false);
        while let Some(ended) = self.tickets.take() {
            match ended {
                Ended::Finished(position) => drop(self.pool.finished(position, now)),
                Ended::Unanswered(position) => self.pool.unanswered(position),
                Ended::Returned(position, job) => self.pool.returned(position, job),
            }
        }
        self.adopt_in_flight(engine, now);
        for mut call in engine.pooled().take_waiting() {
            drop(call.take_ticket());
            self.enqueue(engine, call, now);
        }
        engine.pooled().set_window(usize::MAX);
    }

    /// Records the calls in flight on the primary connection in the order of calls.
    fn adopt_in_flight(&mut self, engine: &mut Engine<ReplySender>, now: Instant) {
        let key = engine.pooled().key_cost();
        for call in engine.pooled().in_flight() {
            if !call.has_ticket() {
                let keys = super::keys_of(self.order, &self.hasher, call);
                let position = self.pool.adopt(keys, call.work(key), now);
                call.set_ticket(self.tickets.issue(position));
            }
        }
    }

    /// Hears of workers and of calls on them while the pool is not engaged. Calls that return go to
    /// their places, ahead of those that came later.
    #[cold]
    pub(super) fn poll_offline(
        &mut self,
        engine: &mut Engine<ReplySender>,
        status: &Status,
        cx: &mut Context<'_>,
    ) {
        let now = tokio::time::Instant::now().into_std();
        let wanted = self.wanted;
        while let Poll::Ready(change) = self.workers.poll_change(cx) {
            self.note_change(change, status, now);
        }
        while let Poll::Ready(ended) = self.tickets.poll(cx) {
            if !self.engaged && matches!(ended, Ended::Returned(..)) {
                self.engage(engine, now);
            }
            self.note_ended(ended, engine, status, now);
        }
        if self.engaged {
            self.disengage(engine, now);
            if wanted {
                self.wanted = true;
                engine.pooled().set_window(0);
            }
        }
    }

    /// Gives all waiting calls to the primary connection: it is the only one, or there is none.
    pub(in crate::request_reply) fn disengage(
        &mut self,
        engine: &mut Engine<ReplySender>,
        now: Instant,
    ) {
        (self.engaged, self.wanted) = (false, self.pool.has_holds());
        self.earliest = None;
        self.pool.retain(|job| match job {
            Job::Call(call) => {
                engine.pooled().enqueue(call, now);
                None
            }
            hold @ Job::Hold(_) => Some(hold),
        });
        engine.pooled().set_window(self.pool.window().max(1));
    }
}
