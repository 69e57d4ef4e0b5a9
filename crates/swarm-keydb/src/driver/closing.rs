//! Closing a client: what was called before is answered, or given up when the time for that is over.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::Driver;
use super::mailbox::Close;

pub(super) struct Closing {
    closes: mpsc::UnboundedReceiver<Close>,
    /// Who waits for the driver to end.
    waiting: Vec<oneshot::Sender<()>>,
    /// When what is not answered yet is given up.
    by: Option<Instant>,
    /// Whether it has been.
    over: bool,
}

impl Closing {
    pub(super) const fn new(closes: mpsc::UnboundedReceiver<Close>) -> Self {
        Self {
            closes,
            waiting: Vec::new(),
            by: None,
            over: false,
        }
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

impl Driver {
    /// Hears of handles that close the client. Calls that are in the mailbox already are still answered; no more can be
    /// put in.
    pub(super) fn poll_closes(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(Close { by, done })) = self.closing.closes.poll_recv(cx) {
            self.inbox.close();
            self.closing.by = self.closing.by.into_iter().chain(by).min();
            self.closing.waiting.push(done);
        }
    }

    /// Gives up what is under way, if the time for it is over.
    pub(super) fn abandon_at(&mut self, now: Instant) {
        if !self.closing.over && self.closing.by.is_some_and(|by| by <= now) {
            self.closing.over = true;
            self.status.note_abandoned(self.engine.abandon());
        }
    }

    /// Calls may have been on their way into the mailbox when the time was over.
    pub(super) fn abandon_late_calls(&mut self) {
        if self.closing.over {
            self.status.note_abandoned(self.engine.abandon());
        }
    }
}
