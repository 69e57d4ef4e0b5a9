//! A call that was sent: its slot in the order of replies.

use swarm_resp::{Frame, RequestRef};

use super::call::{Call, Caller};
use super::fence::{Fences, Passed, Proof};
use super::{Failure, Violation};
use crate::connection::Nonce;
use crate::runtime::Instant;
use crate::server::{Meaning, ServerProfile};

/// Slot in the order of replies. A slot outlives its caller, because the replies still arrive.
pub(super) struct SentCall<C: Caller> {
    /// When the first request was sent.
    pub(super) sent: Instant,
    /// Number of pending replies, those to fences included. At least one.
    owed: usize,
    /// `None` for a heartbeat.
    pub(super) call: Option<Box<Call<C>>>,
    /// What the replies must prove, if anything. Outlives the caller, because the connection stays
    /// in use.
    proof: Option<Box<Proof>>,
}

impl<C: Caller> SentCall<C> {
    #[inline]
    pub(super) fn new(call: Box<Call<C>>, fences: Option<Fences>, sent: Instant) -> Self {
        Self {
            sent,
            owed: (call.requests.len().saturating_sub(call.answered()))
                .saturating_add(fences.as_ref().map_or(0, Fences::len)),
            call: Some(call),
            proof: fences.map(|fences| Box::new(Proof::Fences(fences))),
        }
    }

    /// Creates the slot of a heartbeat, which no caller awaits.
    pub(super) fn heartbeat(nonce: Nonce, errors_allowed: bool, sent: Instant) -> Self {
        Self {
            sent,
            owed: 1,
            call: None,
            proof: Some(Box::new(Proof::Heartbeat {
                nonce,
                errors_allowed,
            })),
        }
    }

    /// When the replies are due: those to a heartbeat, at once.
    pub(super) fn deadline(&self) -> Instant {
        (self.call.as_ref())
            .and_then(|call| call.deadline())
            .unwrap_or(self.sent)
    }

    /// Whether nothing may be sent before the reply has arrived.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.alone)
    }

    /// Whether a pool hears of its end.
    #[inline]
    pub(super) fn has_ticket(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.has_ticket())
    }

    /// Whether its time is counted: see [`Pace`](super::pace::Pace).
    #[inline]
    pub(super) fn is_paced(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.pace().is_some())
    }

    /// Whether the replies must prove something: see [`check_reply`](Self::check_reply).
    #[inline]
    pub(super) const fn must_prove(&self) -> bool {
        self.proof.is_some()
    }

    pub(super) fn is_heartbeat(&self) -> bool {
        matches!(self.proof.as_deref(), Some(Proof::Heartbeat { .. }))
    }

    /// Checks what the next reply proves. Returns whether it answers a request.
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
                    Err(Violation::Desynchronized)
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

    /// Returns the request at a position.
    #[inline]
    pub(super) fn request(&self, position: usize) -> Option<RequestRef<'_>> {
        self.call.as_ref()?.requests.get(position)
    }

    /// Returns the meaning of an array that begins with a dash, as the next reply.
    #[cold]
    pub(super) fn meaning(&self) -> Meaning {
        self.call.as_ref().map_or(Meaning::Script, |call| {
            let is_multi =
                |at| (call.requests.get(at)).is_some_and(|first| first.name() == b"MULTI");
            let at = call.answered();
            let last = call.requests.len().saturating_sub(1);
            if at > 0 && at < last && is_multi(0) {
                // QUEUED, or an error.
                return Meaning::Error;
            }
            let request = call.requests.get(at);
            Meaning::for_command(request.into_iter().flat_map(|request| request.args()))
        })
    }

    /// Number of pending replies, one that is held included.
    #[inline]
    pub(super) const fn owed(&self) -> usize {
        self.owed
    }

    /// Number of replies that are held until their fence arrives: at most one.
    pub(super) fn held(&self) -> usize {
        let holding = match self.proof.as_deref() {
            Some(Proof::Fences(fences)) => fences.is_holding(),
            _ => false,
        };
        usize::from(holding)
    }

    /// Passes on a reply that is not the last.
    pub(super) fn progress(&mut self, result: Result<Frame, Failure>) {
        self.owed = self.owed.saturating_sub(1);
        if let Some(call) = &mut self.call {
            call.count_reply();
            if let Some(caller) = &mut call.caller {
                caller.progress(result);
            }
        }
    }

    /// Passes on the last reply.
    #[inline]
    pub(super) fn complete(&mut self, result: Result<Frame, Failure>) -> Option<C::Wake> {
        let mut call = self.call.take()?;
        call.return_permit();
        let caller = call.caller.take()?;
        (!caller.is_gone()).then(|| caller.complete(result))
    }

    /// Returns the call if a caller still waits. The last `unsent` of its requests were not sent.
    pub(super) fn into_call(self, unsent: usize) -> Option<Box<Call<C>>> {
        let mut call = self.call.filter(|call| call.is_awaited())?;
        call.note_sent(unsent);
        Some(call)
    }

    /// Whether a caller waits for a reply.
    pub(super) fn is_awaited(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_awaited())
    }

    /// Whether a reply to a write is pending.
    pub(super) fn has_pending_write(&self) -> bool {
        (self.call.as_ref()).is_some_and(|call| call.has_pending_write(self.held()))
    }

    /// Whether the call was not failed, even if its caller has left.
    pub(super) fn is_pending(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.caller.is_some())
    }

    /// Fails the call and leaves a tombstone. All of its requests may run, because a batch that was
    /// begun is sent completely.
    pub(super) fn fail(&mut self, failure: &Failure) {
        if let Some(call) = &mut self.call {
            call.fail(|_| failure.clone());
        }
    }
}
