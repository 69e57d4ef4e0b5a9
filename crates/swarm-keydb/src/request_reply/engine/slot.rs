//! A call, before and after it is sent.

use std::time::Instant;

use swarm_resp::{Frame, RequestRef};

use super::fence::{Fences, Passed, Proof};
use super::pace::Pace;
use super::unit::Requests;
use super::{Failure, Violation};
use crate::connection::Nonce;
use crate::effect::Effect;
use crate::options::RetryPolicy;
use crate::server::{Meaning, ServerProfile};

/// Who waits for a reply.
pub(crate) trait Caller {
    /// What a call holds from the moment it is made until its reply has come or never will.
    type Ticket;

    /// Wakes the caller when it is dropped.
    type Wake;

    /// Whether nobody waits any more.
    fn is_gone(&self) -> bool;

    /// A unit of several requests is being sent, over a connection to this server.
    fn sending(&mut self, server: ServerProfile);

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
    pub(crate) body: Box<Body<C>>,
    pub(crate) deadline: Instant,
    pub(crate) ticket: C::Ticket,
}

/// What stays as it is made, so that a call goes from queue to queue without being moved.
pub(crate) struct Body<C> {
    pub(crate) requests: Requests,
    /// How many of the requests are answered.
    pub(crate) answered: usize,
    /// How many of them were sent over earlier connections.
    pub(crate) sent: usize,
    pub(crate) caller: C,
    pub(crate) retry: Retry,
    /// Whether nothing else may be in flight with it: the gateway answers some commands out of order.
    pub(crate) alone: bool,
    /// Whether the server may keep the reply back until there is something to tell.
    pub(crate) blocks: bool,
    /// Whether the deadline is the default, which grows with what is written.
    pub(crate) grows: bool,
    /// How often it was sent.
    pub(crate) attempts: u8,
    /// What it adds to the time of those behind it, on a server that needs time for each key.
    pub(crate) pace: Option<Box<Pace>>,
}

impl<C: Caller> Body<C> {
    /// A call that was never sent.
    pub(crate) const fn new(requests: Requests, caller: C, retry: Retry, alone: bool) -> Self {
        Self {
            requests,
            answered: 0,
            sent: 0,
            caller,
            retry,
            alone,
            blocks: false,
            grows: false,
            attempts: 0,
            pace: None,
        }
    }

    /// Fails every request that is not answered yet; `why` says why, by its position.
    pub(super) fn fail(self, why: impl Fn(usize) -> Failure) {
        let Self {
            requests,
            answered,
            mut caller,
            ..
        } = self;
        let last = requests.len().saturating_sub(1);
        for position in answered..last {
            caller.progress(Err(why(position)));
        }
        drop(caller.complete(Err(why(last))));
    }
}

impl<C: Caller> Call<C> {
    /// Fails every request that is not answered yet; `why` says why, by its position.
    pub(super) fn fail(self, why: impl Fn(usize) -> Failure) {
        self.body.fail(why);
    }

    /// As [`fail`](Self::fail), of a call that waits. Requests that were sent over an earlier connection may have run, whatever the
    /// reason for not sending them again.
    pub(super) fn fail_unsent(self, why: impl Fn(usize) -> Failure) {
        let sent = self.body.sent;
        self.fail(|position| match why(position) {
            failure if position < sent => failure.after_sending(),
            failure => failure,
        });
    }
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
    body: Option<Box<Body<C>>>,
    /// What the replies must prove, if anything. Outlives the caller, for the connection goes on.
    proof: Option<Box<Proof>>,
    /// Of a tombstone: whether one of its requests writes.
    wrote: bool,
    /// What it adds to the time of those behind it. Outlives the caller, for the command still runs.
    pub(super) pace: Option<Box<Pace>>,
}

impl<C: Caller> Slot<C> {
    pub(super) fn new(call: Call<C>, fences: Option<Fences>, sent: Instant) -> Self {
        let Call {
            mut body,
            deadline,
            ticket,
        } = call;
        let pace = body.pace.take();
        Self {
            sent,
            deadline,
            alone: body.alone,
            owed: (body.requests.len().saturating_sub(body.answered))
                .saturating_add(fences.as_ref().map_or(0, Fences::len)),
            ticket: Some(ticket),
            body: Some(body),
            proof: fences.map(|fences| Box::new(Proof::Fences(fences))),
            wrote: false,
            pace,
        }
    }

    /// The place of the reply to a heartbeat, which nobody waits for.
    pub(super) fn heartbeat(nonce: Nonce, errors_allowed: bool, sent: Instant) -> Self {
        Self {
            sent,
            deadline: sent,
            alone: false,
            owed: 1,
            ticket: None,
            body: None,
            proof: Some(Box::new(Proof::Heartbeat {
                nonce,
                errors_allowed,
            })),
            wrote: false,
            pace: None,
        }
    }

    /// Whether the replies must prove something: see [`pass`](Self::pass).
    #[inline]
    pub(super) const fn must_prove(&self) -> bool {
        self.proof.is_some()
    }

    /// Whether this is the place of a heartbeat's reply.
    pub(super) fn is_heartbeat(&self) -> bool {
        matches!(self.proof.as_deref(), Some(Proof::Heartbeat { .. }))
    }

    /// Takes the next reply for what it proves, and says whether it answers a request.
    #[cold]
    pub(super) fn pass(
        &mut self,
        reply: Frame,
        server: ServerProfile,
    ) -> Result<Passed, Violation> {
        match self.proof.as_deref_mut() {
            None => Ok(Passed::Reply(reply)),
            Some(Proof::Heartbeat {
                nonce,
                errors_allowed,
            }) => {
                let proved = nonce.is_echoed_by(&reply)
                    || *errors_allowed && server.error_of(reply.view()).is_some();
                if proved {
                    Ok(Passed::Reply(reply))
                } else {
                    Err(Violation::OutOfStep)
                }
            }
            Some(Proof::Fences(fences)) => {
                let passed = fences.pass(reply)?;
                if let Passed::Proved(_) = passed {
                    self.owed = self.owed.saturating_sub(1);
                }
                Ok(passed)
            }
        }
    }

    /// The request at a position, if the caller's time is not up.
    pub(super) fn request(&self, position: usize) -> Option<RequestRef<'_>> {
        self.body.as_ref()?.requests.get(position)
    }

    /// What a list that begins with a dash means as the next reply.
    #[cold]
    pub(super) fn meaning(&self) -> Meaning {
        // A tombstone's reply is dropped whatever it means.
        self.body.as_ref().map_or(Meaning::Script, |body| {
            let is_multi =
                |at| (body.requests.get(at)).is_some_and(|first| first.name() == b"MULTI");
            let at = body.answered;
            let last = body.requests.len().saturating_sub(1);
            if at > 0 && at < last && is_multi(0) {
                // QUEUED, or a refusal.
                return Meaning::Error;
            }
            let request = body.requests.get(at);
            Meaning::for_command(request.into_iter().flat_map(|request| request.args()))
        })
    }

    /// What was sent, if the caller's time is not up.
    pub(super) fn body(&self) -> Option<&Body<C>> {
        self.body.as_deref()
    }

    /// How many replies are still to come, one that is held included.
    pub(super) const fn owed(&self) -> usize {
        self.owed
    }

    /// How many replies are held until their fence arrives: one at the most.
    pub(super) fn held(&self) -> usize {
        let holding = match self.proof.as_deref() {
            Some(Proof::Fences(fences)) => fences.is_holding(),
            _ => false,
        };
        usize::from(holding)
    }

    /// Takes a reply that is not the last.
    pub(super) fn progress(&mut self, result: Result<Frame, Failure>) {
        self.owed = self.owed.saturating_sub(1);
        if let Some(body) = &mut self.body {
            body.answered = body.answered.saturating_add(1);
            body.caller.progress(result);
        }
    }

    /// Takes the last reply.
    pub(super) fn complete(&mut self, result: Result<Frame, Failure>) -> Option<C::Wake> {
        // Before the caller hears: what it finds then is that nothing is owed.
        self.ticket = None;
        let body = self.body.take().filter(|body| !body.caller.is_gone())?;
        Some(body.caller.complete(result))
    }

    /// The call, if somebody still waits for it. `unsent` of its requests did not get out.
    pub(super) fn into_call(self, unsent: usize) -> Option<Call<C>> {
        let mut body = self.body.filter(|body| !body.caller.is_gone())?;
        body.note_sent(unsent);
        body.pace = self.pace;
        Some(Call {
            body,
            deadline: self.deadline,
            ticket: self.ticket?,
        })
    }

    /// Whether somebody still waits for the reply.
    pub(super) fn is_awaited(&self) -> bool {
        self.body
            .as_ref()
            .is_some_and(|body| !body.caller.is_gone())
    }

    /// Whether a reply is owed to a request that writes.
    pub(super) fn owes_write(&self) -> bool {
        let held = self.held();
        match &self.body {
            Some(body) => body.owes_write(held),
            // Only the last fence is owed: the command has ended.
            None if held > 0 && self.owed <= held + 1 => false,
            None => self.wrote,
        }
    }

    /// Whether the caller's time is not up yet.
    pub(super) const fn is_pending(&self) -> bool {
        self.body.is_some()
    }

    /// Tells the caller that its time is up, and leaves a tombstone.
    pub(super) fn expire(&mut self) {
        self.wrote = self.owes_write();
        if let Some(body) = self.body.take() {
            body.fail(|_| Failure::Timeout { sent: true });
        }
    }

    /// Tells the caller that the client is closed, and leaves a tombstone. All of its requests may run, for what was begun is sent to
    /// its end.
    pub(super) fn abandon(&mut self) {
        self.wrote = self.owes_write();
        if let Some(body) = self.body.take() {
            body.fail(|_| Failure::Closed { sent: true });
        }
    }
}

impl<C> Body<C> {
    /// Whether a request without a reply writes, of which `held` are held by a fence. One that blocks does not count: the server must not go on blocking for
    /// a caller that has left.
    fn owes_write(&self, held: usize) -> bool {
        !self.blocks && {
            let mut owed = self
                .requests
                .iter()
                .skip(self.answered.saturating_add(held));
            owed.any(|request| Effect::of(&request.args()).is_write())
        }
    }

    /// All but the last so many requests got out.
    fn note_sent(&mut self, unsent: usize) {
        let sent = self.requests.len().saturating_sub(unsent);
        self.sent = self.sent.max(sent);
    }
}
