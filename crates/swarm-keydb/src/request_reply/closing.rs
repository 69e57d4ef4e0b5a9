//! Closing a client: earlier calls are answered, or fail when the time for closing is over.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::{mpsc, oneshot};

use super::handle::Shutdown;
use super::{Failure, RequestReply, Role};
use crate::connection::{Disconnect, Link, Violation};
use crate::status::State;

fn closed() -> TransportError {
    TransportError::new(TransportErrorKind::Closed, "the client was closed")
}

pub(super) struct Closing {
    shutdowns: mpsc::UnboundedReceiver<Shutdown>,
    /// Dropped when the connection has ended, which their receivers wait for.
    waiting: Vec<oneshot::Sender<()>>,
    /// When calls that are not answered fail.
    by: Option<Instant>,
    /// Whether they have failed.
    over: bool,
    /// Whether the connection ends without waiting for callers.
    aborted: bool,
}

impl Closing {
    pub(super) const fn new(shutdowns: mpsc::UnboundedReceiver<Shutdown>) -> Self {
        Self {
            shutdowns,
            waiting: Vec::new(),
            by: None,
            over: false,
            aborted: false,
        }
    }

    pub(super) const fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// Notifies all current and later callers of `close`.
    fn finish(&mut self) {
        self.waiting.clear();
        self.shutdowns.close();
        while self.shutdowns.try_recv().is_ok() {}
    }

    /// The earlier of the closing deadline and the engine's.
    pub(super) fn next_deadline(&self, engine: Option<Instant>) -> Option<Instant> {
        let here = self.by.filter(|_| !self.over);
        here.into_iter().chain(engine).min()
    }

    /// Caps a duration by the time that is left for closing.
    pub(super) fn time_left(&self, time: Duration) -> Duration {
        let now = tokio::time::Instant::now().into_std();
        self.by
            .map_or(time, |by| by.saturating_duration_since(now).min(time))
    }
}

impl RequestReply {
    /// Notes whether a handle shuts the connection down. Calls in the queue are still answered; the queue takes no more.
    pub(super) fn poll_shutdowns(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(shutdown)) = self.closing.shutdowns.poll_recv(cx) {
            self.queue.close();
            match shutdown {
                Shutdown::Close { by, done } => {
                    self.closing.by = self.closing.by.into_iter().chain(by).min();
                    self.closing.waiting.push(done);
                }
                Shutdown::Abort => self.closing.aborted = true,
            }
        }
    }

    /// Closes the queue and drops what is in it.
    pub(super) fn drop_queued(&mut self) {
        self.queue.close();
        self.queue.take(|call, _permit| drop(call));
    }

    /// Fails pending calls if the time for closing is over.
    pub(super) fn abandon_at(&mut self, now: Instant) {
        if !self.closing.over && self.closing.by.is_some_and(|by| by <= now) {
            self.closing.over = true;
            self.abandon();
        }
    }

    fn abandon(&mut self) {
        let abandoned = self.engine.abandon() + self.asides.abandon();
        self.status.note_abandoned(abandoned);
    }

    /// Ends the connection without waiting for replies, unless a reply to a write is pending.
    pub(super) fn abort(&mut self) {
        if !self.engine.owes_write() {
            self.engine.disconnected(&Arc::new(closed()));
        }
        self.engine.fail_waiting(&Failure::Closed { sent: false });
    }

    /// Whether no call can be made any more and no caller waits. `close` also waits for writes whose callers have left,
    /// until their deadlines.
    pub(super) fn is_finished(&self) -> bool {
        self.given_up
            || self.queue_done
                && !self.engine.has_living_calls()
                && !self.asides.have_living_calls()
                && (self.closing.over
                    || self.closing.waiting.is_empty()
                    || !(self.engine.owes_write_in_time() || self.asides.owe_write_in_time()))
    }

    /// Sets a lost connection aside that still works, if a reply to a write is pending.
    pub(super) fn leave_behind(&mut self, link: Link, disconnect: &Disconnect) {
        if !self.engine.owes_write() {
            return;
        }
        match disconnect {
            // The server was silent for the whole `drain_timeout`.
            Disconnect::Transport(_) | Disconnect::Violation(Violation::Silent(_)) => {}
            Disconnect::Drained => self.set_aside(link),
            Disconnect::Violation(_) => self.set_aside_out_of_step(link),
        }
    }

    /// Ends, once the connection is closed or set aside. Whoever closes the client hears of it now.
    pub(super) fn finish(&mut self) {
        // Otherwise, replies that are pending on the closed connection would count as overdue.
        self.engine.disconnected(&Arc::new(closed()));
        self.engine.fail_waiting(&Failure::Closed { sent: false });
        self.drop_queued();
        self.note_load();
        self.status.note_unanswered(self.asides.owed_writes());
        if self.role == Role::Shared {
            self.status.set(State::Closed);
        }
        self.closing.finish();
    }

    /// Publishes the number of queued calls and of calls in flight.
    pub(super) fn note_load(&self) {
        let in_flight = self.engine.in_flight() + self.asides.in_flight();
        self.status.note_load(self.engine.queued(), in_flight);
    }

    /// Answers what waits, and what is still in the queue, with a failure.
    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        // Noted before the queue closes, so that whoever finds it closed finds the reason.
        let _first = self.ended.set(failure.clone());
        self.queue.close();
        let now = tokio::time::Instant::now().into_std();
        let engine = &mut self.engine;
        self.queue
            .take(|call, permit| engine.submit(call, permit, now));
        self.engine.fail_waiting(failure);
    }
}
