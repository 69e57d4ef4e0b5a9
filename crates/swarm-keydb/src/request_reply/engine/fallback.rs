//! Calls over the HTTP fallback while there is no connection, in order.
//!
//! Only calls that have not been sent use the fallback. All of them complete before anything is
//! sent over the next connection.

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
    /// Calls that were sent. The gateway replies in this order.
    in_flight: InFlight<C>,
    /// Waiting calls before this position cannot use the fallback.
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

    /// Scans all waiting calls again, because they have changed.
    pub(super) const fn rescan(&mut self) {
        self.looked = 0;
    }
}

impl<C: Caller> Engine<C> {
    /// Whether no caller waits for a reply over the fallback.
    pub(in crate::request_reply) fn fallback_is_settled(&self) -> bool {
        !self.fallback.in_flight.iter().any(SentCall::is_pending)
    }

    /// The fallback was closed after all calls had completed.
    pub(in crate::request_reply) fn close_fallback(&mut self) {
        self.fallback.in_flight.clear();
    }

    /// Returns the next request to send over the fallback. A request that neither the fallback nor
    /// the connection can carry fails at once. A request that needs a session, or is not covered by
    /// the fallback, waits for the connection.
    pub(in crate::request_reply) fn next_fallback_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        let settings = &self.session.settings;
        let here = Detection::over_http(settings.server).profile();
        // The server behind HTTP may reject what the server of the next connection takes. The last
        // connection tells.
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

    /// Batches do not use the fallback, where they would take one round trip per request.
    fn may_use_fallback(&self, requests: &Requests) -> bool {
        let Some(request) = requests.as_one() else {
            return false;
        };
        match self.session.settings.fallback {
            FallbackScope::GetAndSet => matches!(request.name(), b"GET" | b"SET"),
            FallbackScope::Stateless => true,
        }
    }

    /// Processes a frame from the fallback.
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

    /// The fallback was lost. Calls that cannot be resent safely fail; the others wait for the next
    /// connection or fallback.
    pub(in crate::request_reply) fn fallback_failed(&mut self, error: &Arc<TransportError>) {
        let policy = self.session.settings.retry;
        requeue(
            self.fallback.in_flight.drain(),
            &mut self.waiting,
            policy,
            error,
        );
        self.fallback.rescan();
    }
}
