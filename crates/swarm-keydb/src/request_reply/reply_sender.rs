//! Receivers of the replies to a call.

use std::task::Waker;

use swarm_resp::Frame;

use super::dispatch::Ticket;
use super::engine::Caller;
#[cfg(feature = "cluster")]
use super::intercept::{Intercept, Interceptor};
use super::queue::Permit;
use super::reply_channel::{self, Wake};
use super::results::ResultSender;
use crate::failure::Failure;
use crate::server::ServerProfile;

/// Receives the replies to one call.
#[derive(Debug)]
pub(crate) enum ReplySender {
    One(reply_channel::Sender<Result<Frame, Failure>>),
    Batch(Box<BatchSender>),
    /// One command of a bulk.
    Bulk(Box<ResultSender>),
    /// A call that may be sent to another server.
    #[cfg(feature = "cluster")]
    Routed(Box<Interceptor>),
}

/// Receives the replies to a batch, and passes them on together.
#[derive(Debug)]
pub(crate) struct BatchSender {
    sender: reply_channel::Sender<Answers>,
    answers: Answers,
}

/// Resolves to the reply to one call.
pub(crate) type ReplyReceiver = reply_channel::Receiver<Result<Frame, Failure>>;

/// Results of the requests of a batch, in order.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) replies: Vec<Result<Frame, Failure>>,
    /// Profile of the connection's server, for reading errors inside a reply.
    pub(crate) server: ServerProfile,
}

impl Answers {
    pub(crate) fn with_room_for(requests: usize) -> Self {
        Self {
            replies: Vec::with_capacity(requests),
            server: ServerProfile::default(),
        }
    }
}

impl ReplySender {
    /// Creates a channel for one reply. `waiter` polls for it.
    pub(crate) fn one(waiter: Waker) -> (Self, ReplyReceiver) {
        let (sender, receiver) = reply_channel::channel(Some(waiter));
        (Self::One(sender), receiver)
    }

    /// Creates a channel for the replies to a batch.
    pub(super) fn batch(requests: usize) -> (Self, reply_channel::Receiver<Answers>) {
        let (sender, receiver) = reply_channel::channel(None);
        let answers = Answers::with_room_for(requests);
        (
            Self::Batch(Box::new(BatchSender { sender, answers })),
            receiver,
        )
    }
}

#[cfg(feature = "cluster")]
impl ReplySender {
    /// A caller that sees the result first.
    pub(crate) fn routed(caller: Box<dyn Intercept>) -> Self {
        Self::Routed(Box::new(Interceptor(caller)))
    }
}

impl Caller for ReplySender {
    type Permit = Permit;
    type Wake = Wake;
    type Ticket = Ticket;

    #[inline]
    fn is_gone(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Batch(batch) => batch.sender.is_closed(),
            Self::Bulk(result) => result.is_closed(),
            #[cfg(feature = "cluster")]
            Self::Routed(routed) => routed.0.is_gone(),
        }
    }

    fn sent(ticket: &mut Ticket) {
        ticket.note_sent();
    }

    fn lost(ticket: &mut Ticket) {
        ticket.note_lost();
    }

    fn freed(ticket: &mut Ticket, only_reads: bool) {
        ticket.free(only_reads);
    }

    fn is_freed(ticket: &Ticket) -> bool {
        ticket.is_freed()
    }

    fn start(&mut self) -> bool {
        match self {
            Self::Bulk(result) => result.start(),
            Self::One(_) | Self::Batch(_) => true,
            #[cfg(feature = "cluster")]
            Self::Routed(_) => true,
        }
    }

    fn sending(&mut self, server: ServerProfile) {
        match self {
            Self::Batch(batch) => batch.answers.server = server,
            #[cfg(feature = "cluster")]
            Self::Routed(routed) => routed.0.sending(server),
            _ => {}
        }
    }

    fn progress(&mut self, result: Result<Frame, Failure>) {
        match self {
            Self::Batch(batch) => batch.answers.replies.push(result),
            #[cfg(feature = "cluster")]
            Self::Routed(routed) => routed.0.progress(result),
            _ => {}
        }
    }

    fn complete(self, result: Result<Frame, Failure>) -> Wake {
        match self {
            Self::One(sender) => sender.send(result),
            Self::Bulk(sender) => sender.send(result),
            #[cfg(feature = "cluster")]
            Self::Routed(routed) => routed.0.complete(result),
            Self::Batch(batch) => {
                let BatchSender {
                    sender,
                    mut answers,
                } = *batch;
                answers.replies.push(result);
                sender.send(answers)
            }
        }
    }
}
