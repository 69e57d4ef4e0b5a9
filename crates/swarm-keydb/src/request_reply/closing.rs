//! Closing a client: pending calls complete, or fail when the time for closing is over.

use std::sync::Arc;
use std::time::Duration;

use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::oneshot;

use super::dispatch::give_back;
use super::engine::earlier;
use super::handle::Control;
use super::lost::now;
use super::{Failure, RequestReply, Role};
use crate::connection::{Disconnect, Link, Violation};
use crate::runtime::Instant;
use crate::status::State;

fn closed() -> TransportError {
    TransportError::new(TransportErrorKind::Closed, "the client was closed")
}

#[derive(Default)]
pub(super) struct Closing {
    /// Dropped when the connection has ended, which wakes the callers of `close`.
    waiting: Vec<oneshot::Sender<()>>,
    /// When calls without a reply fail.
    by: Option<Instant>,
    /// Whether that time has passed.
    expired: bool,
    /// Whether to end the connection without waiting for replies.
    aborted: bool,
}

impl Closing {
    /// When calls without a reply fail.
    pub(super) const fn by(&self) -> Option<Instant> {
        self.by
    }

    pub(super) const fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// Returns the earlier of the closing deadline and the engine's deadline.
    pub(super) fn next_deadline(&self, engine: Option<Instant>) -> Option<Instant> {
        let closing = self.by.filter(|_| !self.expired);
        earlier(closing, engine)
    }

    /// Caps a duration at the time left for closing.
    pub(super) fn time_left(&self, time: Duration) -> Duration {
        let now = Instant::now();
        self.by
            .map_or(time, |by| by.saturating_duration_since(now).min(time))
    }
}

impl RequestReply {
    /// Shuts down, or holds keys, as callers have asked for. When shutting down, queued calls are
    /// still sent; the queue accepts no more.
    #[cold]
    pub(super) fn obey(&mut self, controls: Vec<Control>) {
        for control in controls {
            match control {
                Control::Close { by, done } => {
                    self.queue.close();
                    self.closing.by = self.closing.by.into_iter().chain(by).min();
                    self.closing.waiting.push(done);
                }
                Control::Abort => {
                    self.queue.close();
                    self.closing.aborted = true;
                }
                Control::Listen(listener) => self.engine.listen(listener),
                #[cfg(feature = "cluster")]
                Control::Withdraw => {
                    if !self.engine.session().is_ready() {
                        self.fail_waiting_calls(&Failure::Closed { sent: false });
                    }
                }
                Control::Hold { keys, grant } => {
                    if let Some(dispatcher) = &mut self.dispatcher {
                        dispatcher.hold(&mut self.engine, &keys, grant);
                    }
                }
            }
        }
    }

    /// Closes the queue and drops all queued calls.
    pub(super) fn drop_queued(&mut self) {
        self.queue.close();
        let taken = (self.queue).take(|call, _permit| drop(give_back(call)));
        self.obey(taken.controls);
    }

    /// Fails pending calls if the time for closing is over.
    pub(super) fn abandon_at(&mut self, now: Instant) {
        if !self.closing.expired && self.closing.by.is_some_and(|by| by <= now) {
            self.closing.expired = true;
            self.abandon();
        }
    }

    fn abandon(&mut self) {
        let mut abandoned = self.engine.abandon() + self.asides.abandon();
        if let Some(dispatcher) = &mut self.dispatcher {
            abandoned += dispatcher.fail_waiting(&Failure::Closed { sent: false });
        }
        self.status.note_abandoned(abandoned);
    }

    /// Ends the connection without waiting for replies, unless a write is pending.
    pub(super) fn abort(&mut self) {
        if !self.engine.pending().has_write() {
            self.engine.disconnected(&Arc::new(closed()), now());
        }
        self.fail_waiting_calls(&Failure::Closed { sent: false });
    }

    /// Whether the queue is closed and no caller waits. `close` also waits for writes whose callers
    /// have given up, until their deadlines.
    #[inline]
    pub(super) fn is_finished(&self) -> bool {
        self.start_failed || self.queue_done && self.has_no_calls()
    }

    /// Whether no call remains that keeps a client whose queue is closed open.
    fn has_no_calls(&self) -> bool {
        !self.engine.pending().is_awaited()
            && !self.asides.have_awaited_calls()
            && (self.dispatcher.as_ref()).is_none_or(|dispatcher| dispatcher.is_closed())
            && (self.closing.expired
                || self.closing.waiting.is_empty()
                || !(self.engine.pending().has_unexpired_write()
                    || self.asides.have_unexpired_writes()))
    }

    /// If the connection still works and a write is pending, sets it aside.
    pub(super) fn set_aside_lost(&mut self, link: Link, disconnect: &Disconnect) {
        if !self.engine.pending().has_write() {
            return;
        }
        match disconnect {
            // The server was silent for the whole `drain_timeout`.
            Disconnect::Transport(_) | Disconnect::Violation(Violation::Silent(_)) => {}
            Disconnect::Drained | Disconnect::Moved => self.set_aside(link),
            Disconnect::Violation(_) => self.set_aside_desynchronized(link),
        }
    }

    /// Ends the protocol once the connection is closed or set aside, and notifies the callers of
    /// `close`.
    pub(super) fn finish(&mut self) {
        // Otherwise, pending replies of the closed connection would count as overdue.
        self.engine.disconnected(&Arc::new(closed()), now());
        self.fail_waiting_calls(&Failure::Closed { sent: false });
        self.drop_queued();
        self.note_load();
        let workers = self.dispatcher.as_ref();
        let on_workers = workers.map_or(0, |dispatcher| dispatcher.unanswered());
        self.status
            .note_unanswered(self.asides.pending_writes() + on_workers);
        if self.role == Role::Shared {
            self.status.set(State::Closed);
        }
        // Notifies all current and later callers of `close`.
        self.queue.end();
        self.closing.waiting.clear();
    }

    /// Publishes the numbers of queued calls and of calls in flight.
    pub(super) fn note_load(&self) {
        let pending = self.engine.pending();
        let mut queued = pending.queued();
        let mut in_flight = pending.in_flight() + self.asides.in_flight();
        if let Some(dispatcher) = &self.dispatcher {
            queued += dispatcher.queued();
            in_flight += dispatcher.in_flight();
        }
        self.status.note_load(queued, in_flight);
    }

    /// Fails all waiting and queued calls.
    pub(super) fn fail_all(&mut self, failure: &Failure) {
        // Set before the queue closes, so that a caller that finds the queue closed also finds the
        // reason.
        let _first = self.ended.set(failure.clone());
        self.queue.close();
        let now = Instant::now();
        let engine = &mut self.engine;
        let taken = (self.queue).take(|call, permit| engine.submit(call, permit, now));
        self.obey(taken.controls);
        self.fail_waiting_calls(failure);
    }

    /// Fails all calls that have not been sent. Calls that a pool has dispatched return to it.
    pub(super) fn fail_waiting_calls(&mut self, failure: &Failure) {
        if self.role == Role::Secondary {
            self.give_back_calls();
        }
        self.engine.fail_waiting(failure);
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.fail_waiting(failure);
        }
    }

    /// Returns calls that have not been sent, or may be sent again, to the pool that has dispatched
    /// them.
    pub(super) fn give_back_calls(&mut self) {
        let now = Instant::now();
        if let Some(dispatcher) = &mut self.dispatcher {
            return dispatcher.take_back(&mut self.engine, now);
        }
        let calls: Vec<_> = self.engine.pooled().take_waiting().collect();
        for call in calls.into_iter().filter_map(give_back) {
            self.engine.pooled().enqueue(call, now);
        }
    }
}
