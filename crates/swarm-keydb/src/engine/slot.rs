//! A call, before and after it is sent.

use std::time::{Duration, Instant};

use swarm_resp::{Frame, Request};

use super::Failure;
use crate::options::RetryPolicy;

/// Who waits for a reply.
pub(crate) trait Caller {
    /// What a call holds from the moment it is made until its reply has come or never will.
    type Ticket;

    /// Whether nobody waits any more.
    fn is_gone(&self) -> bool;

    /// Hands over the answer.
    fn complete(self, result: Result<Frame, Failure>);
}

/// Whether a request that may have run may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The caller says that it may.
    Always,
    /// It only reads.
    ReadOnly,
    /// It writes, but twice is as once, unless others write the same in between.
    Idempotent,
    /// It must not run twice.
    Never,
}

impl Retry {
    /// Whether a policy allows it.
    pub(super) const fn is_allowed(self, policy: RetryPolicy) -> bool {
        match self {
            Self::Always => true,
            Self::ReadOnly => !matches!(policy, RetryPolicy::Never),
            Self::Idempotent => matches!(policy, RetryPolicy::Idempotent),
            Self::Never => false,
        }
    }
}

/// A request and who waits for its reply.
pub(crate) struct Call<C: Caller> {
    pub(crate) request: Request,
    pub(crate) caller: C,
    pub(crate) deadline: Instant,
    pub(crate) retry: Retry,
    /// Whether nothing else may be in flight with it: the gateway answers some commands out of order.
    pub(crate) alone: bool,
    /// How often it was sent.
    pub(crate) attempts: u8,
    pub(crate) ticket: C::Ticket,
}

/// The place of a reply in the order of replies. It outlives its caller: the reply still comes.
pub(super) struct Slot<C: Caller> {
    sent: Instant,
    /// When the reply is or was due.
    pub(super) deadline: Instant,
    /// Whether nothing may be sent before the reply has come.
    pub(super) alone: bool,
    /// Stays taken when the caller's time is up, so that a server that answers nothing cannot make tombstones pile up.
    ticket: Option<C::Ticket>,
    /// `None` makes this a tombstone: the caller was told that its time is up.
    waiter: Option<Waiter<C>>,
}

struct Waiter<C> {
    request: Request,
    caller: C,
    retry: Retry,
    attempts: u8,
}

impl<C: Caller> Slot<C> {
    pub(super) fn new(call: Call<C>, sent: Instant) -> Self {
        let Call {
            request,
            caller,
            deadline,
            retry,
            alone,
            attempts,
            ticket,
        } = call;
        let waiter = Some(Waiter {
            request,
            caller,
            retry,
            attempts,
        });
        Self {
            sent,
            deadline,
            alone,
            ticket: Some(ticket),
            waiter,
        }
    }

    /// The place of a reply that nobody waits for.
    pub(super) const fn unawaited(sent: Instant) -> Self {
        Self {
            sent,
            deadline: sent,
            alone: false,
            ticket: None,
            waiter: None,
        }
    }

    /// How long ago the request was sent.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.sent)
    }

    /// The call, if somebody still waits for it.
    pub(super) fn into_call(self) -> Option<Call<C>> {
        let Self {
            deadline,
            alone,
            ticket,
            waiter,
            ..
        } = self;
        let Waiter {
            request,
            caller,
            retry,
            attempts,
        } = waiter.filter(|waiter| !waiter.caller.is_gone())?;
        Some(Call {
            request,
            caller,
            deadline,
            retry,
            alone,
            attempts,
            ticket: ticket?,
        })
    }

    /// Whether somebody still waits for the reply.
    pub(super) fn is_awaited(&self) -> bool {
        self.waiter
            .as_ref()
            .is_some_and(|waiter| !waiter.caller.is_gone())
    }

    /// Whether the caller's time is not up yet.
    pub(super) const fn is_pending(&self) -> bool {
        self.waiter.is_some()
    }

    /// Tells the caller that its time is up, and leaves a tombstone.
    pub(super) fn expire(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            waiter.caller.complete(Err(Failure::Timeout { sent: true }));
        }
    }
}
