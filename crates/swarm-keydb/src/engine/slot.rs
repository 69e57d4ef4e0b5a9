//! A call, before and after it is sent.

use std::time::Instant;

use swarm_resp::{Frame, Request};

use super::Failure;

/// Who waits for a reply.
pub(crate) trait Caller {
    /// Whether nobody waits any more.
    fn is_gone(&self) -> bool;

    /// Hands over the answer.
    fn complete(self, result: Result<Frame, Failure>);
}

/// Whether a request that may have run may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Sending it twice changes nothing: it only reads.
    ReadOnly,
    /// It must not run twice.
    Never,
}

/// A request and who waits for its reply.
#[derive(Debug)]
pub(crate) struct Call<C> {
    pub(crate) request: Request,
    pub(crate) caller: C,
    pub(crate) deadline: Instant,
    pub(crate) retry: Retry,
    /// Whether nothing else may be in flight with it: the gateway answers some commands out of order.
    pub(crate) alone: bool,
    /// How often it was sent.
    pub(crate) attempts: u8,
}

/// The place of a reply in the order of replies. It outlives its caller: the reply still comes.
#[derive(Debug)]
pub(super) struct Slot<C> {
    call: Option<Call<C>>,
    pub(super) alone: bool,
}

impl<C: Caller> Slot<C> {
    pub(super) const fn new(call: Call<C>) -> Self {
        let alone = call.alone;
        Self {
            call: Some(call),
            alone,
        }
    }

    /// The call, if somebody still waits for it.
    pub(super) fn into_call(self) -> Option<Call<C>> {
        self.call.filter(|call| !call.caller.is_gone())
    }

    /// Whether somebody still waits for the reply.
    pub(super) fn is_awaited(&self) -> bool {
        self.call
            .as_ref()
            .is_some_and(|call| !call.caller.is_gone())
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.call.as_ref().map(|call| call.deadline)
    }

    /// Tells the caller that its time is up, and leaves a tombstone.
    pub(super) fn expire(&mut self) {
        if let Some(call) = self.call.take() {
            call.caller.complete(Err(Failure::Timeout { sent: true }));
        }
    }
}
