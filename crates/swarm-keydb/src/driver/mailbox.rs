//! How calls reach the driver, bounded.

use std::sync::{Arc, OnceLock};

use swarm_resp::Frame;
use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Call, Caller, Failure};

/// What a client says to its driver.
pub(super) enum Message {
    Call(Call<ReplySlot>),
    /// Answer what was called before, then end.
    Close(oneshot::Sender<()>),
}

/// Where the reply to one call goes.
#[derive(Debug)]
pub(crate) struct ReplySlot(oneshot::Sender<Result<Frame, Failure>>);

/// Where the reply to one call comes from.
pub(crate) type ReplyReceiver = oneshot::Receiver<Result<Frame, Failure>>;

impl ReplySlot {
    pub(crate) fn new() -> (Self, ReplyReceiver) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }
}

impl Caller for ReplySlot {
    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }

    fn complete(self, result: Result<Frame, Failure>) {
        let _gone = self.0.send(result);
    }
}

/// The sending side. The driver ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sender: mpsc::Sender<Message>,
    /// Why the driver ended, when it was not asked to.
    ended: Arc<OnceLock<Failure>>,
}

impl Mailbox {
    pub(super) fn new(capacity: usize) -> (Self, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (
            Self(Arc::new(Inner {
                sender,
                ended: Arc::default(),
            })),
            receiver,
        )
    }

    /// Where the driver notes why it ended. Not the mailbox itself: the driver would keep itself alive.
    pub(super) fn ended(&self) -> Arc<OnceLock<Failure>> {
        Arc::clone(&self.0.ended)
    }

    /// Puts a call in when there is room now; hands it back when there is not.
    pub(crate) fn try_send(&self, call: Call<ReplySlot>) -> Result<(), TrySend> {
        self.0
            .sender
            .try_send(Message::Call(call))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(Message::Call(call)) => {
                    TrySend::Full(Box::new(call))
                }
                _ => TrySend::Ended(self.why_ended()),
            })
    }

    /// Puts a call in as soon as there is room, until its deadline.
    pub(crate) async fn send(self, call: Call<ReplySlot>) -> Result<(), Failure> {
        let deadline = tokio::time::Instant::from_std(call.deadline);
        match tokio::time::timeout_at(deadline, self.0.sender.reserve()).await {
            Ok(Ok(room)) => {
                room.send(Message::Call(call));
                Ok(())
            }
            Ok(Err(_)) => Err(self.why_ended()),
            Err(_) => Err(Failure::Timeout { sent: false }),
        }
    }

    /// Ends the driver once all earlier calls are answered.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.sender.send(Message::Close(done)).await.is_ok() {
            let _ended = closed.await;
        } else {
            // Another handle closed the client already: wait until the driver is gone.
            self.0.sender.closed().await;
        }
    }

    fn why_ended(&self) -> Failure {
        self.0.ended.get().cloned().unwrap_or(Failure::Closed)
    }

    /// Why a reply will never come although the call was taken: the driver's runtime is gone.
    pub(crate) fn abandoned() -> Failure {
        let what = "the runtime that the client was made in has shut down";
        let error = TransportError::new(TransportErrorKind::Closed, what);
        Failure::Lost {
            sent: true,
            error: Arc::new(error),
        }
    }
}

/// Why a call was not taken at once.
pub(crate) enum TrySend {
    Full(Box<Call<ReplySlot>>),
    Ended(Failure),
}
