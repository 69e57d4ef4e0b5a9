//! Ticket of a job that the pool has dispatched: tells the dispatcher when the job has ended.

use tokio::sync::mpsc;

use super::Job;
use crate::pool::Position;

/// What the dispatcher hears from tickets.
pub(super) enum Ended {
    /// The reply has arrived, or never will.
    Finished(Position),
    /// The call was not sent, or may be sent again. It returns to its place.
    Returned(Position, Job),
}

/// Proof that a job holds its names in the order of calls. Dropping it releases them.
///
/// A call that has timed out keeps its ticket until the late reply arrives or the connection is
/// closed, because the server may still run it.
#[derive(Debug)]
pub(crate) struct Ticket {
    position: Position,
    /// `None` once the dispatcher has been told.
    ended: Option<mpsc::UnboundedSender<Ended>>,
}

impl Ticket {
    pub(super) const fn new(position: Position, ended: mpsc::UnboundedSender<Ended>) -> Self {
        let ended = Some(ended);
        Self { position, ended }
    }

    /// Returns the job to its place.
    ///
    /// # Errors
    ///
    /// Returns the job if the dispatcher is gone.
    pub(super) fn give_back(mut self, job: Job) -> Result<(), Job> {
        let Some(ended) = self.ended.take() else {
            return Err(job);
        };
        match ended.send(Ended::Returned(self.position, job)) {
            Err(mpsc::error::SendError(Ended::Returned(_, job))) => Err(job),
            _ => Ok(()),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            let _gone = ended.send(Ended::Finished(self.position));
        }
    }
}
