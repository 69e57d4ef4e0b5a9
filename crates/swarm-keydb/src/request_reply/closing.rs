//! Closing a client: what was called before is answered, or given up when the time for that is over.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::{mpsc, oneshot};

use super::mailbox::Shutdown;
use super::{Failure, RequestReply, Role};
use crate::connection::{Disconnect, Link, Violation};
use crate::status::State;

fn closed() -> TransportError {
    TransportError::new(TransportErrorKind::Closed, "the client was closed")
}

pub(super) struct Closing {
    shutdowns: mpsc::UnboundedReceiver<Shutdown>,
    /// Who waits for the driver to end.
    waiting: Vec<oneshot::Sender<()>>,
    /// When what is not answered yet is given up.
    by: Option<Instant>,
    /// Whether it has been.
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

    /// Tells everybody that the client is closed, now and later.
    fn finish(&mut self) {
        self.waiting.clear();
        self.shutdowns.close();
        while self.shutdowns.try_recv().is_ok() {}
    }

    /// When something is due, here or with the engine.
    pub(super) fn next_deadline(&self, engine: Option<Instant>) -> Option<Instant> {
        let here = self.by.filter(|_| !self.over);
        here.into_iter().chain(engine).min()
    }

    /// What is left of a time when all must be over by another.
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
        self.queue.take(|letter, _permit| drop(letter));
    }

    /// Gives up what is under way, if the time for it is over.
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

    /// Ends the connection without waiting for what it owes, unless that is a reply to a command that writes.
    pub(super) fn abort(&mut self) {
        if !self.engine.owes_write() {
            self.engine.disconnected(&Arc::new(closed()));
        }
        self.engine.fail_waiting(&Failure::Closed { sent: false });
    }

    /// Whether nobody can call any more and nobody waits for an answer. Who closes the client waits for commands that write even
    /// when their callers have left, as long as these would have waited.
    pub(super) fn is_finished(&self) -> bool {
        self.given_up
            || self.queue_done
                && !self.engine.has_living_calls()
                && !self.asides.have_living_calls()
                && (self.closing.over
                    || self.closing.waiting.is_empty()
                    || !(self.engine.owes_write_in_time() || self.asides.owe_write_in_time()))
    }

    /// Sets a connection aside that is given up while it works, if it owes a reply to a command that writes.
    pub(super) fn leave_behind(&mut self, link: Link, disconnect: &Disconnect) {
        if !self.engine.owes_write() {
            return;
        }
        match disconnect {
            // The server was silent for as long as a connection is kept.
            Disconnect::Transport(_) | Disconnect::Violation(Violation::Silent(_)) => {}
            Disconnect::Drained => self.set_aside(link),
            Disconnect::Violation(_) => self.set_aside_out_of_step(link),
        }
    }

    /// Ends, once the connection is closed or set aside. Whoever closes the client hears of it now.
    pub(super) fn finish(&mut self) {
        // What the closed connection still owed would count as silence.
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

    /// Notes how much is under way.
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
            .take(|letter, permit| engine.submit(letter.into_call(permit, now), now));
        self.engine.fail_waiting(failure);
    }
}
