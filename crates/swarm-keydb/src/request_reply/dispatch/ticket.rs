//! Ticket of a job that the pool has dispatched: tells the dispatcher when the job has ended.

use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::{Call, ReplySender};
use crate::pool::Position;

/// What the dispatcher hears from tickets.
pub(super) enum Ended {
    /// The reply has arrived over a connection of the pool.
    Finished(Position),
    /// No reply will arrive over a connection of the pool, or the names are no longer held.
    Unanswered(Position),
    /// The call has timed out, and need not stay in order any more: if it `only_reads`, with no
    /// other call, and otherwise, because its connection is silent, with no fence. Another end
    /// follows.
    Freed {
        position: Position,
        only_reads: bool,
    },
    /// The call was not sent, or may be sent again. It returns to its place.
    Returned(Position, Box<Call<ReplySender>>),
}

/// Proof that a job holds its names in the order of calls. Dropping it releases them.
///
/// A call that has timed out keeps its ticket until the late reply arrives or the connection is
/// closed, because the server may still run it. If the call only reads, its names are free before.
#[derive(Debug)]
pub(crate) struct Ticket {
    position: Position,
    /// Whether the call was sent over a connection that is not lost, so that its end is a reply.
    is_sent: bool,
    is_freed: bool,
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
    /// Issues the ticket of a job that was not sent.
    pub(super) fn issue(&mut self, position: Position) -> Ticket {
        Ticket {
            position,
            is_sent: false,
            is_freed: false,
            ended: Some(self.channel().sender.clone()),
        }
    }

    /// Issues the ticket of a call that was sent.
    pub(super) fn issue_sent(&mut self, position: Position) -> Ticket {
        let mut ticket = self.issue(position);
        ticket.note_sent();
        ticket
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
    /// The call is sent over a connection of the pool.
    pub(in crate::request_reply) const fn note_sent(&mut self) {
        self.is_sent = true;
    }

    /// The connection of the call is lost: no reply will arrive over it.
    pub(in crate::request_reply) const fn note_lost(&mut self) {
        self.is_sent = false;
    }

    /// The call need not stay in order any more, although its reply is still owed.
    pub(in crate::request_reply) fn free(&mut self, only_reads: bool) {
        self.is_freed = true;
        if let Some(ended) = &self.ended {
            let position = self.position;
            let _gone = ended.send(Ended::Freed {
                position,
                only_reads,
            });
        }
    }

    pub(in crate::request_reply) const fn is_freed(&self) -> bool {
        self.is_freed
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Ends the ticket in the task of the dispatcher, which hears of nothing.
    pub(super) fn redeem(mut self) -> Position {
        self.ended = None;
        self.position
    }

    /// Returns the call to its place.
    ///
    /// # Errors
    ///
    /// Returns the call if the dispatcher is gone.
    pub(super) fn give_back(
        mut self,
        call: Box<Call<ReplySender>>,
    ) -> Result<(), Box<Call<ReplySender>>> {
        let Some(ended) = self.ended.take() else {
            return Err(call);
        };
        match ended.send(Ended::Returned(self.position, call)) {
            Err(mpsc::error::SendError(Ended::Returned(_, call))) => Err(call),
            _ => Ok(()),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            let _gone = ended.send(match self.is_sent {
                true => Ended::Finished(self.position),
                false => Ended::Unanswered(self.position),
            });
        }
    }
}
