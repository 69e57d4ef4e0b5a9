//! Ticket of a job that the pool has dispatched: tells the dispatcher when the job has ended.

use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::Job;
use crate::pool::Position;

/// What the dispatcher hears from tickets.
pub(super) enum Ended {
    /// The reply has arrived, or the names are no longer held.
    Finished(Position),
    /// No reply will arrive.
    Unanswered(Position),
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
    /// Whether the connection of the call was lost.
    is_lost: bool,
    /// `None` once the dispatcher has been told.
    ended: Option<mpsc::UnboundedSender<Ended>>,
}

/// Issues tickets, and hears of their ends.
#[derive(Default)]
pub(super) struct Tickets(Option<Channel>);

/// Created with the first ticket, because most clients never issue one.
struct Channel {
    sender: mpsc::UnboundedSender<Ended>,
    ended: mpsc::UnboundedReceiver<Ended>,
}

impl Tickets {
    pub(super) fn issue(&mut self, position: Position) -> Ticket {
        Ticket {
            position,
            is_lost: false,
            ended: Some(self.channel().sender.clone()),
        }
    }

    /// Returns the next end of a ticket.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        // Created now if need be, so that the first ticket wakes the task, too.
        match self.channel().ended.poll_recv(cx) {
            Poll::Ready(Some(ended)) => Poll::Ready(ended),
            // The channel keeps a sender.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn channel(&mut self) -> &mut Channel {
        self.0.get_or_insert_with(|| {
            let (sender, ended) = mpsc::unbounded_channel();
            Channel { sender, ended }
        })
    }

    /// Returns an end that has come since the last look.
    pub(super) fn take(&mut self) -> Option<Ended> {
        self.0.as_mut()?.ended.try_recv().ok()
    }
}

impl Ticket {
    /// The connection of the call is lost: no reply will arrive over it.
    pub(in crate::request_reply) const fn note_lost(&mut self) {
        self.is_lost = true;
    }

    /// Releases the names of a call that is not sent.
    pub(super) fn withdraw(mut self) {
        self.is_lost = true;
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
            let _gone = ended.send(match self.is_lost {
                true => Ended::Unanswered(self.position),
                false => Ended::Finished(self.position),
            });
        }
    }
}
