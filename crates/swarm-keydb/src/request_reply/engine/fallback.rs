//! Calls over the HTTP fallback while there is no connection.
//!
//! Several requests run at a time, in any order, so a call waits for earlier ones that name one of
//! its keys, and for those that the fallback cannot carry. Only calls that have not been sent use
//! the fallback. All of them complete before anything is sent over the next connection.

use std::collections::{VecDeque, vec_deque};
use std::hash::RandomState;
use std::sync::Arc;

use swarm_resp::{Frame, RequestRef};
use swarm_transport::{RequestRejection, TransportError};

use super::in_flight::InFlight;
use super::sent::SentCall;
use super::{
    Call, Caller, ConnectionLoss, Engine, Failure, Requests, Settings, Violation, first_refused,
    first_unsupported, refused, requeue,
};
use crate::connection::Outgoing;
use crate::options::{CommandOrder, FallbackScope};
use crate::pool::{NameSet, OrderKeys};
use crate::runtime::Instant;
use crate::server::{Detection, ServerProfile};

pub(super) struct Fallback<C: Caller> {
    /// Calls that were sent. The transport returns their replies in this order.
    in_flight: InFlight<C>,
    /// The keys of each of them.
    keys: VecDeque<OrderKeys>,
    /// The names of calls in flight, and of earlier waiting calls that wait for one of them or for
    /// the connection.
    held: NameSet,
    held_back: NameSet,
    hasher: RandomState,
    /// Waiting calls before this position cannot use the fallback now.
    looked: usize,
}

impl<C: Caller> Default for Fallback<C> {
    fn default() -> Self {
        Self {
            in_flight: InFlight::default(),
            keys: VecDeque::new(),
            held: NameSet::default(),
            held_back: NameSet::default(),
            hasher: RandomState::new(),
            looked: 0,
        }
    }
}

impl<C: Caller> Fallback<C> {
    pub(super) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    pub(super) fn slots(&self) -> vec_deque::Iter<'_, SentCall<C>> {
        self.in_flight.iter()
    }

    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut SentCall<C>> {
        self.in_flight.iter_mut()
    }

    /// Scans all waiting calls again, because they have changed.
    pub(super) fn rescan(&mut self) {
        self.looked = 0;
        self.held_back = NameSet::default();
    }

    /// Returns the keys of a call, and whether it must wait for an earlier one.
    fn order(&self, requests: &Requests, order: CommandOrder) -> (OrderKeys, bool) {
        let keys = match order {
            CommandOrder::None => OrderKeys::NOTHING,
            CommandOrder::All => OrderKeys::FENCE,
            CommandOrder::PerKey => OrderKeys::of(requests.iter(), &self.hasher),
        };
        let waits = self.held.meets(&keys) || self.held_back.meets(&keys);
        (keys, waits)
    }

    /// The oldest call has its reply, so calls that waited for it may be sent.
    fn release_oldest(&mut self) {
        if let Some(keys) = self.keys.pop_front() {
            self.held.remove(&keys);
        }
        self.rescan();
    }

    /// No call is in flight any more.
    fn release_all(&mut self) {
        self.keys.clear();
        self.held = NameSet::default();
        self.rescan();
    }
}

/// View of an engine that uses the fallback instead of the connection.
pub(in crate::request_reply) struct OverFallback<'a, C: Caller> {
    waiting: &'a mut VecDeque<Box<Call<C>>>,
    fallback: &'a mut Fallback<C>,
    earliest: &'a mut Option<Instant>,
    settings: &'a Settings,
}

/// A request that neither the fallback nor the connection can carry fails at once. A request that
/// needs a session, or is not covered by the fallback, waits for the connection.
impl<C: Caller> Outgoing for OverFallback<'_, C> {
    fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        let settings = self.settings;
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
                None if !is_covered(requests, settings.fallback) => (true, None),
                None if first_unsupported(requests, here).is_none() => (false, None),
                None => {
                    let refusal = there.and_then(|there| first_unsupported(requests, there));
                    (refusal.is_none(), refusal)
                }
            };
            let (keys, must_wait) = self.fallback.order(requests, settings.order);
            if call.is_awaited() && (waits || must_wait && refusal.is_none()) {
                self.fallback.held_back.insert(&keys);
                self.fallback.looked += 1;
                continue;
            }
            let mut call = self.waiting.remove(self.fallback.looked)?;
            if !call.is_awaited() {
                continue;
            }
            if let Some((at, failure)) = refusal {
                let address = settings.fallback_address.as_ref();
                call.fail_refused(address, |position| refused(position == at, &failure));
                continue;
            }
            if !call.start(now, self.earliest) {
                continue;
            }
            call.attempts += 1;
            self.fallback.held.insert(&keys);
            self.fallback.keys.push_back(keys);
            return self.fallback.in_flight.push(call, None, now);
        }
    }
}

impl<'a, C: Caller> OverFallback<'a, C> {
    pub(super) const fn of(engine: &'a mut Engine<C>) -> Self {
        let Engine {
            waiting,
            fallback,
            earliest,
            session,
            ..
        } = engine;
        Self {
            waiting,
            fallback,
            earliest,
            settings: &session.settings,
        }
    }

    /// Drops calls whose callers have left, so that they hold back none of the calls that have come
    /// since the last look.
    pub(in crate::request_reply) fn sweep(&mut self) {
        let looked = self.fallback.looked;
        let mut passed = self.waiting.iter().take(looked);
        if self.waiting.len() > looked && passed.any(|call| !call.is_awaited()) {
            self.waiting.retain(|call| call.is_awaited());
            self.fallback.rescan();
        }
    }

    /// Processes a frame from the fallback.
    pub(in crate::request_reply) fn receive(&mut self, frame: Frame) -> Result<(), Violation> {
        let slot = self.fallback.in_flight.pop_front();
        let mut slot = slot.ok_or(Violation::UnexpectedReply)?;
        self.fallback.release_oldest();
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
    pub(in crate::request_reply) fn disconnected(self, error: &Arc<TransportError>, now: Instant) {
        let sent = self.fallback.in_flight.drain();
        let loss = ConnectionLoss {
            at: now,
            address: self.settings.fallback_address.as_ref(),
            error,
        };
        requeue(sent, self.waiting, self.settings.retry, loss);
        self.fallback.release_all();
    }

    /// Whether no caller waits for a reply over the fallback.
    pub(in crate::request_reply) fn is_settled(&self) -> bool {
        !self.fallback.in_flight.iter().any(SentCall::is_pending)
    }

    /// The fallback was closed after all calls had completed.
    pub(in crate::request_reply) fn close(self) {
        self.fallback.in_flight.clear();
        self.fallback.release_all();
    }
}

/// Batches do not use the fallback, where they would take one round trip per request.
fn is_covered(requests: &Requests, scope: FallbackScope) -> bool {
    let Some(request) = requests.as_one() else {
        return false;
    };
    match scope {
        FallbackScope::GetAndSet => matches!(request.name(), b"GET" | b"SET"),
        FallbackScope::Stateless => true,
    }
}
