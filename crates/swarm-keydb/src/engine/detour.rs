//! Calls that go another way while there is no connection: over HTTP, in order.
//!
//! Only calls that wait go this way, so none was sent before. What is on the detour is settled before anything is sent over
//! the next connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use swarm_resp::{Frame, RequestRef};
use swarm_transport::{RequestRejection, TransportError};

use super::slot::Slot;
use super::{Caller, Engine, Failure, MAX_ATTEMPTS, Requests, Violation, first_refused, refused};
use crate::options::FallbackScope;
use crate::server::ServerProfile;

pub(super) struct Detour<C: Caller> {
    /// Sent; answered in this order.
    slots: VecDeque<Slot<C>>,
    /// Waiting calls before this one cannot go this way.
    looked: usize,
}

impl<C: Caller> Default for Detour<C> {
    fn default() -> Self {
        Self {
            slots: VecDeque::new(),
            looked: 0,
        }
    }
}

impl<C: Caller> Detour<C> {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn slots(&self) -> std::collections::vec_deque::Iter<'_, Slot<C>> {
        self.slots.iter()
    }

    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Slot<C>> {
        self.slots.iter_mut()
    }

    /// The waiting calls are others now.
    pub(super) const fn look_again(&mut self) {
        self.looked = 0;
    }
}

impl<C: Caller> Engine<C> {
    /// Whether nobody waits for anything on the detour any more.
    pub(crate) fn detour_is_settled(&self) -> bool {
        !self.detour.slots.iter().any(Slot::is_pending)
    }

    /// The detour is closed in good order.
    pub(crate) fn close_detour(&mut self) {
        self.detour.slots.clear();
    }

    /// The next request to send over the detour. What neither way can carry fails at once. What needs a session, or may not go
    /// this way, waits for the connection, as it would without a detour.
    pub(crate) fn next_detour(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        loop {
            let call = self.waiting.get(self.detour.looked)?;
            let refusal = first_refused(&call.body.requests, &check);
            let waits = match &refusal {
                Some((_, refusal)) => matches!(refusal, RequestRejection::Unsupported { .. }),
                None => !self.may_detour(&call.body.requests),
            };
            if waits && !call.body.caller.is_gone() {
                self.detour.looked += 1;
                continue;
            }
            let mut call = self.waiting.remove(self.detour.looked)?;
            if call.body.caller.is_gone() {
                continue;
            }
            if let Some((at, refusal)) = refusal {
                let failure = Failure::Refused(refusal);
                call.fail_unsent(|position| refused(position == at, &failure));
                continue;
            }
            call.body.attempts += 1;
            self.detour.slots.push_back(Slot::new(call, None, now));
            return self.detour.slots.back()?.request(0);
        }
    }

    /// Units do not go this way: what they are there for, one reply in the time of many, it does not have.
    fn may_detour(&self, requests: &Requests) -> bool {
        let Some(request) = requests.as_one() else {
            return false;
        };
        match self.session.settings.fallback {
            FallbackScope::GetAndSet => matches!(request.name(), b"GET" | b"SET"),
            FallbackScope::Stateless => true,
        }
    }

    /// A frame has come over the detour.
    pub(crate) fn receive_detour(&mut self, frame: Frame) -> Result<(), Violation> {
        let slot = self
            .detour
            .slots
            .pop_front()
            .ok_or(Violation::UnexpectedReply)?;
        if let Some(call) = slot.into_call(0) {
            drop(call.body.caller.complete(
                match ServerProfile::default().error_of(frame.view()) {
                    Some(error) => Err(Failure::Server(error)),
                    None => Ok(frame),
                },
            ));
        }
        Ok(())
    }

    /// The detour is lost. What was sent that way and cannot safely be sent again fails; the rest waits for whichever way
    /// comes next.
    pub(crate) fn detour_failed(&mut self, error: &Arc<TransportError>) {
        for slot in self.detour.slots.drain(..).rev() {
            let Some(call) = slot.into_call(0) else {
                continue;
            };
            if call.body.retry.is_allowed(self.session.settings.retry)
                && call.body.attempts < MAX_ATTEMPTS
            {
                self.waiting.push_front(call);
            } else {
                call.fail(|_| Failure::Lost {
                    sent: true,
                    error: Arc::clone(error),
                });
            }
        }
        self.detour.look_again();
    }
}
