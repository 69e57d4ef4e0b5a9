//! A call, before and after it is sent.

use std::ops::Range;
use std::time::Instant;

use swarm_resp::{Frame, RequestRef};

use super::unit::Requests;
use super::{Dialect, Failure};
use crate::options::RetryPolicy;

/// Who waits for a reply.
pub(crate) trait Caller {
    /// What a call holds from the moment it is made until its reply has come or never will.
    type Ticket;

    /// Wakes the caller when it is dropped.
    type Wake;

    /// Whether nobody waits any more.
    fn is_gone(&self) -> bool;

    /// A unit of several requests is being sent, over a connection of this dialect.
    fn sending(&mut self, dialect: Dialect);

    /// Hands over what became of one request of several, in their order. More follow.
    fn progress(&mut self, result: Result<Frame, Failure>);

    /// Hands over what became of the only request, or of the last of several.
    fn complete(self, result: Result<Frame, Failure>) -> Self::Wake;
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
    pub(crate) const fn is_allowed(self, policy: RetryPolicy) -> bool {
        match self {
            Self::Always => true,
            Self::ReadOnly => !matches!(policy, RetryPolicy::Never),
            Self::Idempotent => matches!(policy, RetryPolicy::Idempotent),
            Self::Never => false,
        }
    }

    /// What holds for both of two requests.
    pub(crate) const fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Idempotent, _) | (_, Self::Idempotent) => Self::Idempotent,
            (Self::ReadOnly, _) | (_, Self::ReadOnly) => Self::ReadOnly,
            (Self::Always, Self::Always) => Self::Always,
        }
    }
}

/// Requests and who waits for their replies.
pub(crate) struct Call<C: Caller> {
    pub(crate) requests: Requests,
    /// How many of the requests are answered.
    pub(crate) answered: usize,
    /// How many of them were sent at some time.
    pub(crate) sent: usize,
    pub(crate) caller: C,
    pub(crate) deadline: Instant,
    pub(crate) retry: Retry,
    /// Whether nothing else may be in flight with it: the gateway answers some commands out of order.
    pub(crate) alone: bool,
    /// How often it was sent.
    pub(crate) attempts: u8,
    pub(crate) ticket: C::Ticket,
}

impl<C: Caller> Call<C> {
    /// Fails every request that is not answered yet; `why` says why, by its position.
    pub(super) fn fail(self, why: impl Fn(usize) -> Failure) {
        let unanswered = self.answered..self.requests.len();
        fail(self.caller, unanswered, why);
    }
}

fn fail<C: Caller>(mut caller: C, unanswered: Range<usize>, why: impl Fn(usize) -> Failure) {
    let last = unanswered.end.saturating_sub(1);
    for position in unanswered.start..last {
        caller.progress(Err(why(position)));
    }
    drop(caller.complete(Err(why(last))));
}

/// The place of replies in the order of replies. It outlives its caller: they still come.
pub(super) struct Slot<C: Caller> {
    /// When the first request was sent.
    pub(super) sent: Instant,
    /// When the replies are or were due.
    pub(super) deadline: Instant,
    /// Whether nothing may be sent before the reply has come.
    pub(super) alone: bool,
    /// How many replies are still to come. At least one.
    owed: usize,
    /// Stays taken when the caller's time is up, so that a server that answers nothing cannot make tombstones pile up.
    ticket: Option<C::Ticket>,
    /// `None` makes this a tombstone: the caller was told that its time is up.
    waiter: Option<Waiter<C>>,
}

struct Waiter<C> {
    requests: Requests,
    /// How many of the requests were sent over earlier connections.
    sent_before: usize,
    caller: C,
    retry: Retry,
    attempts: u8,
}

impl<C: Caller> Slot<C> {
    pub(super) fn new(call: Call<C>, sent: Instant) -> Self {
        let Call {
            requests,
            answered,
            sent: sent_before,
            caller,
            deadline,
            retry,
            alone,
            attempts,
            ticket,
        } = call;
        let owed = requests.len().saturating_sub(answered);
        let waiter = Some(Waiter {
            requests,
            sent_before,
            caller,
            retry,
            attempts,
        });
        Self {
            sent,
            deadline,
            alone,
            owed,
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
            owed: 1,
            ticket: None,
            waiter: None,
        }
    }

    /// The request at a position, if the caller's time is not up.
    pub(super) fn request(&self, position: usize) -> Option<RequestRef<'_>> {
        self.waiter.as_ref()?.requests.get(position)
    }

    /// How many replies are still to come.
    pub(super) const fn owed(&self) -> usize {
        self.owed
    }

    /// Takes a reply that is not the last.
    pub(super) fn progress(&mut self, result: Result<Frame, Failure>) {
        self.owed = self.owed.saturating_sub(1);
        if let Some(waiter) = &mut self.waiter {
            waiter.caller.progress(result);
        }
    }

    /// Takes the last reply.
    pub(super) fn complete(&mut self, result: Result<Frame, Failure>) -> Option<C::Wake> {
        // Before the caller hears: what it finds then is that nothing is owed.
        self.ticket = None;
        let waiter = self.waiter.take();
        let waiter = waiter.filter(|waiter| !waiter.caller.is_gone())?;
        Some(waiter.caller.complete(result))
    }

    /// The call, if somebody still waits for it. `unsent` of its requests did not get out.
    pub(super) fn into_call(self, unsent: usize) -> Option<Call<C>> {
        let Self {
            deadline,
            alone,
            owed,
            ticket,
            waiter,
            ..
        } = self;
        let Waiter {
            requests,
            sent_before,
            caller,
            retry,
            attempts,
        } = waiter.filter(|waiter| !waiter.caller.is_gone())?;
        Some(Call {
            answered: requests.len().saturating_sub(owed),
            sent: requests.len().saturating_sub(unsent).max(sent_before),
            requests,
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
        if let Some(Waiter {
            requests, caller, ..
        }) = self.waiter.take()
        {
            let unanswered = requests.len().saturating_sub(self.owed)..requests.len();
            fail(caller, unanswered, |_| Failure::Timeout { sent: true });
        }
    }

    /// Tells the caller that the client is closed, and leaves a tombstone. `unsent` of its requests did not get out.
    pub(super) fn abandon(&mut self, unsent: usize) {
        if let Some(Waiter {
            requests,
            sent_before,
            caller,
            ..
        }) = self.waiter.take()
        {
            let count = requests.len();
            let sent = count.saturating_sub(unsent).max(sent_before);
            fail(caller, count.saturating_sub(self.owed)..count, |position| {
                Failure::Closed {
                    sent: position < sent,
                }
            });
        }
    }
}
