//! Closing the connections of the pool with the client.

use super::ticket::Ended;
use super::{Dispatcher, Job};
use crate::failure::Failure;
use crate::runtime::Instant;
use crate::status::Status;

/// State of closing the workers.
#[derive(Debug, Default)]
pub(super) struct Closing {
    begun: bool,
    /// The deadline that the workers know.
    by: Option<Instant>,
    /// Writes without a reply on workers that were closed with the client.
    unanswered: usize,
}

impl Closing {
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Counts what a worker left when it was closed with the client.
    pub(super) fn note(&mut self, worker: &Status, status: &Status) {
        status.note_abandoned(worker.abandoned());
        self.unanswered += worker.unanswered();
    }
}

impl Dispatcher {
    /// Closes the workers, once no call waits: the client takes no more calls. Calls without a
    /// reply by the given time fail.
    pub(in crate::request_reply) fn close(&mut self, by: Option<Instant>) {
        let first = !self.closing.begun && !self.has_waiting_calls();
        if first || self.closing.begun && self.closing.by != by {
            (self.closing.begun, self.closing.by) = (true, by);
            self.workers.close(by);
        }
    }

    /// Whether no call waits, and all workers are closed.
    pub(in crate::request_reply) fn is_closed(&self) -> bool {
        !self.has_waiting_calls() && self.workers.are_closed()
    }

    fn has_waiting_calls(&self) -> bool {
        let mut waiting = self.pool.waiting();
        waiting.any(|job| matches!(job, Job::Call(call) if call.is_awaited()))
    }

    /// Fails the calls that wait. Returns the number of those that a caller still waited for.
    pub(in crate::request_reply) fn fail_waiting(&mut self, failure: &Failure) -> usize {
        let mut awaited = 0;
        // A closed worker may have returned calls of which nothing was heard yet.
        let now = Instant::now();
        while let Some(ended) = self.tickets.take() {
            match ended {
                Ended::Finished(position) => drop(self.pool.finished(position, now)),
                Ended::Unanswered(position) => self.pool.unanswered(position),
                Ended::Freed {
                    position,
                    only_reads,
                } => self.pool.freed(position, only_reads),
                Ended::Returned(position, mut call) => {
                    self.pool.unanswered(position);
                    awaited += usize::from(call.is_awaited());
                    call.fail_waiting(failure);
                }
            }
        }
        self.pool.retain(|job| {
            if let Job::Call(mut call) = job {
                awaited += usize::from(call.is_awaited());
                call.fail_waiting(failure);
            }
            None
        });
        awaited
    }

    /// Writes without a reply on workers that are closed.
    pub(in crate::request_reply) fn unanswered(&self) -> usize {
        self.closing.unanswered + self.workers.unanswered()
    }
}
