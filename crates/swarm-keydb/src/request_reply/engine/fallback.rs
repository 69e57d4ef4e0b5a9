//! Calls that go another way while there is no connection: over HTTP, in order.
//!
//! Only calls that wait go this way, so none was sent before. What is on the fallback is settled before anything is sent over
//! the next connection.

use std::sync::Arc;
use std::time::Instant;

use swarm_resp::{Frame, RequestRef};
use swarm_transport::{RequestRejection, TransportError};

use super::in_flight::InFlight;
use super::sent::SentCall;
use super::{
    Caller, Engine, Failure, Requests, Violation, first_refused, first_unsupported, refused,
    requeue,
};
use crate::options::FallbackScope;
use crate::server::{Detection, ServerProfile};

pub(super) struct Fallback<C: Caller> {
    /// Sent; answered in this order.
    in_flight: InFlight<C>,
    /// Waiting calls before this one cannot go this way.
    looked: usize,
}

impl<C: Caller> Default for Fallback<C> {
    fn default() -> Self {
        Self {
            in_flight: InFlight::default(),
            looked: 0,
        }
    }
}

impl<C: Caller> Fallback<C> {
    pub(super) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    pub(super) fn slots(&self) -> std::collections::vec_deque::Iter<'_, SentCall<C>> {
        self.in_flight.iter()
    }

    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut SentCall<C>> {
        self.in_flight.iter_mut()
    }

    /// The waiting calls are others now.
    pub(super) const fn look_again(&mut self) {
        self.looked = 0;
    }
}

impl<C: Caller> Engine<C> {
    /// Whether nobody waits for anything on the fallback any more.
    pub(in crate::request_reply) fn fallback_is_settled(&self) -> bool {
        !self.fallback.in_flight.iter().any(SentCall::is_pending)
    }

    /// The fallback is closed in good order.
    pub(in crate::request_reply) fn close_fallback(&mut self) {
        self.fallback.in_flight.clear();
    }

    /// The next request to send over the fallback. What neither way can carry fails at once. What needs a session, or may not go
    /// this way, waits for the connection, as it would without a fallback.
    pub(in crate::request_reply) fn next_fallback_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        let settings = &self.session.settings;
        let here = Detection::over_http(settings.server).profile();
        // What the server behind HTTP may not take, that of the next connection may, unless the last one did not either.
        let there = settings.learned.profile();
        loop {
            let call = self.waiting.get(self.fallback.looked)?;
            let requests = &call.requests;
            let (waits, refusal) = match first_refused(requests, &check) {
                Some((_, RequestRejection::Unsupported { .. })) => (true, None),
                Some((at, refusal)) => (false, Some((at, Failure::Refused(refusal)))),
                None if !self.may_use_fallback(requests) => (true, None),
                None if first_unsupported(requests, here).is_none() => (false, None),
                None => {
                    let refusal = there.and_then(|there| first_unsupported(requests, there));
                    (refusal.is_none(), refusal)
                }
            };
            if waits && call.is_awaited() {
                self.fallback.looked += 1;
                continue;
            }
            let mut call = self.waiting.remove(self.fallback.looked)?;
            if !call.is_awaited() {
                continue;
            }
            if let Some((at, failure)) = refusal {
                call.fail_unsent(|position| refused(position == at, &failure));
                continue;
            }
            call.attempts += 1;
            return self.fallback.in_flight.push(call, None, now);
        }
    }

    /// Units do not go this way: what they are there for, one reply in the time of many, it does not have.
    fn may_use_fallback(&self, requests: &Requests) -> bool {
        let Some(request) = requests.as_one() else {
            return false;
        };
        match self.session.settings.fallback {
            FallbackScope::GetAndSet => matches!(request.name(), b"GET" | b"SET"),
            FallbackScope::Stateless => true,
        }
    }

    /// A frame has come over the fallback.
    pub(in crate::request_reply) fn receive_fallback(
        &mut self,
        frame: Frame,
    ) -> Result<(), Violation> {
        let slot = self.fallback.in_flight.pop_front();
        let mut slot = slot.ok_or(Violation::UnexpectedReply)?;
        drop(
            slot.complete(match ServerProfile::default().error_of(frame.view()) {
                Some(error) => Err(Failure::Server(error)),
                None => Ok(frame),
            }),
        );
        Ok(())
    }

    /// The fallback is lost. What was sent that way and cannot safely be sent again fails; the rest waits for whichever way
    /// comes next.
    pub(in crate::request_reply) fn fallback_failed(&mut self, error: &Arc<TransportError>) {
        let policy = self.session.settings.retry;
        requeue(
            self.fallback.in_flight.drain(),
            &mut self.waiting,
            policy,
            error,
        );
        self.fallback.look_again();
    }
}
