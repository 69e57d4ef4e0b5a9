//! Sans-IO protocol engine: matches requests to replies. Performs no I/O and reads no clock.
//!
//! Takes calls, frames and the time; returns requests to send and passes replies to callers. Every
//! event on the network is a method call, so tests can replay every race.

mod aside;
mod call;
mod deadlines;
mod drain;
mod fallback;
mod fence;
mod heartbeat;
mod in_flight;
mod pace;
mod pending;
mod pooled;
mod requests;
mod sent;
#[cfg(test)]
mod tests;
mod ticketed;

use std::collections::VecDeque;
use std::sync::Arc;

use swarm_resp::{Frame, Request, RequestRef};
use swarm_transport::{Capabilities, RequestRejection, TransportError};

pub(crate) use crate::failure::Failure;
use call::ConnectionLoss;
pub(in crate::request_reply) use call::earlier;
pub(crate) use call::{Call, Caller, Retry, Timing, deadline};
pub(in crate::request_reply) use fallback::OverFallback;
pub(crate) use requests::Requests;

pub(crate) use crate::server::Marks;

use super::listener::Listening;
use crate::connection::{Session, Settings, Violation};
use crate::options::RetryPolicy;
use crate::runtime::Instant;
use crate::server::{ErrorReply, Meaning, ServerProfile};
pub(in crate::request_reply) use drain::Advice;
use drain::{Drain, Draining};
use fallback::Fallback;
use fence::Fences;
use in_flight::InFlight;
use pace::Backlog;
use pending::Pending;
use pooled::Pooled;
use sent::SentCall;

/// Maximum number of times that a call is sent while connections keep breaking.
pub(crate) const MAX_ATTEMPTS: u8 = 3;

/// A reply that was matched to its request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered<W> {
    /// When the request was sent.
    pub(crate) sent: Instant,
    /// Wakes the caller, once it has all of its replies.
    pub(crate) wake: Option<W>,
    /// Whether the call has a ticket, which tells a pool of its end.
    pub(crate) has_ticket: bool,
}

/// Matches requests to replies. Survives reconnects.
///
/// | event | verb |
/// |---|---|
/// | a caller submits a call | `submit` |
/// | a connection opens, or is lost | `connected`, `disconnected` |
/// | the transport can take a request | `next_request` |
/// | a frame arrives | `receive` |
/// | time passes | `next_deadline`, `expire` |
/// | calls must end without a reply | `fail_waiting`, `abandon` |
/// | the client switches to another connection | `set_aside`, `take_back` |
///
/// Everything else belongs to one of its views: the state of the connection (`session`), the calls
/// that have not been answered (`pending`), draining (`drain`), the HTTP fallback (`fallback`), and
/// a pool of connections (`pooled`).
pub(crate) struct Engine<C: Caller> {
    session: Session,
    /// Calls that have not been sent, in order.
    waiting: VecDeque<Box<Call<C>>>,
    /// Calls that were sent. The server replies in this order.
    in_flight: InFlight<C>,
    /// How many calls may be in flight.
    window: usize,
    /// Last request of the handshake or of a heartbeat, which the transport may borrow.
    own_request: Option<Request>,
    /// Calls that were sent over the HTTP fallback.
    fallback: Fallback<C>,
    /// Lower bound of all deadlines of calls.
    earliest: Option<Instant>,
    /// Whether the connection is being drained.
    drain: Drain,
    /// Expected work of pending calls.
    backlog: Backlog,
    /// When the last reply arrived.
    answered: Option<Instant>,
    /// Hears the pushes of the connection.
    listener: Option<Listening>,
}

impl<C: Caller> Engine<C> {
    pub(in crate::request_reply) fn new(settings: Settings) -> Self {
        Self {
            session: Session::new(settings),
            waiting: VecDeque::new(),
            in_flight: InFlight::default(),
            window: usize::MAX,
            own_request: None,
            fallback: Fallback::default(),
            earliest: None,
            drain: Drain::default(),
            backlog: Backlog::default(),
            answered: None,
            listener: None,
        }
    }

    /// Tells what hears the pushes of the connection that no more will follow.
    pub(in crate::request_reply) fn end_listening(&mut self) {
        self.listener = None;
    }

    /// Sets what hears the pushes of the connection, until it is lost.
    pub(in crate::request_reply) fn listen(&mut self, listener: Listening) {
        self.listener = Some(listener);
    }

    /// Accepts a call. Its caller receives the replies.
    #[inline]
    pub(in crate::request_reply) fn submit(
        &mut self,
        mut call: Box<Call<C>>,
        permit: C::Permit,
        now: Instant,
    ) {
        self.admit(&mut call, permit, now);
        self.note_check(&call, now);
        self.waiting.push_back(call);
    }

    /// Starts the timeout of a call.
    #[inline]
    fn admit(&mut self, call: &mut Call<C>, permit: C::Permit, now: Instant) {
        call.take(permit, now);
        let key = self.session.settings.learned.write_cost();
        if !key.is_zero() {
            self.pace(call, now, key);
        }
    }

    /// Returns the protocol-independent state of the connection.
    pub(in crate::request_reply) const fn session(&self) -> &Session {
        &self.session
    }

    pub(in crate::request_reply) const fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Returns the view of the calls that have not been answered.
    #[inline]
    pub(in crate::request_reply) const fn pending(&self) -> Pending<'_, C> {
        Pending::of(self)
    }

    /// Returns the view for a pool of connections.
    #[inline]
    pub(in crate::request_reply) const fn pooled(&mut self) -> Pooled<'_, C> {
        Pooled::of(self)
    }

    /// Returns the view for draining the connection.
    #[inline]
    pub(in crate::request_reply) const fn drain(&mut self) -> Draining<'_, C> {
        Draining::of(self)
    }

    /// Returns the view for the HTTP fallback.
    pub(in crate::request_reply) const fn fallback(&mut self) -> OverFallback<'_, C> {
        OverFallback::of(self)
    }

    /// Starts over on a new connection. Its handshake begins, if the transport keeps a session.
    pub(in crate::request_reply) fn connected(&mut self, capabilities: Capabilities) {
        self.drain = Drain::default();
        self.listener = None;
        self.session.open(capabilities);
    }

    /// The connection was lost or closed. Calls that were sent fail unless the retry policy allows
    /// resending them; all others wait for the next connection.
    pub(in crate::request_reply) fn disconnected(
        &mut self,
        error: &Arc<TransportError>,
        now: Instant,
    ) {
        self.listener = None;
        self.session.close();
        self.fallback.rescan();
        for call in self
            .in_flight
            .iter_mut()
            .filter_map(|slot| slot.call.as_mut())
        {
            call.note_lost();
        }
        let settings = &self.session.settings;
        let loss = ConnectionLoss {
            at: now,
            address: settings.address.as_ref(),
            error,
        };
        let lost = self.in_flight.drain();
        requeue(lost, &mut self.waiting, settings.retry, loss);
        self.take_back_growth();
    }

    /// Fails all calls that have not been sent.
    pub(in crate::request_reply) fn fail_waiting(&mut self, failure: &Failure) {
        self.fallback.rescan();
        for mut call in self.waiting.drain(..) {
            call.fail_unsent(|_| failure.clone());
        }
    }

    /// Whether [`next_request`](Self::next_request) may return one.
    #[inline]
    pub(in crate::request_reply) fn may_have_request(&self) -> bool {
        !self.waiting.is_empty()
            || self.in_flight.may_be_sending()
            || self.session.is_heartbeat_due()
            || !self.session.is_ready()
    }

    /// Returns the next request to send, if any. `check` tells whether the transport can carry a
    /// request.
    #[inline]
    pub(in crate::request_reply) fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        if self.in_flight.is_sending() {
            return self.in_flight.next_request();
        }
        self.next_of_next_call(now, check)
    }

    fn next_of_next_call(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        if !self.session.is_ready() {
            return Some(
                self.own_request
                    .insert(self.session.handshake_request()?)
                    .view(),
            );
        }
        if self.drain.sends_no_more() || self.session.is_suspected() {
            return None;
        }
        if self.session.is_heartbeat_due()
            && !self.in_flight.front().is_some_and(|slot| slot.is_alone())
        {
            return Some(self.beat(now));
        }
        if !self.fallback.is_empty() {
            // Calls on the fallback complete first, so that no call overtakes them.
            return None;
        }
        if self.in_flight.len() >= self.window {
            return None;
        }
        let server = self.session.server();
        loop {
            let next = self.waiting.front()?;
            // A request that must be alone in flight waits until all replies have arrived, and
            // holds back later requests until its own reply has.
            let alone = next.alone && !self.in_flight.is_empty();
            if alone || self.in_flight.front().is_some_and(|slot| slot.is_alone()) {
                return None;
            }
            let mut call = self.waiting.pop_front()?;
            if !call.is_awaited() {
                continue;
            }
            let check = |request: RequestRef<'_>| {
                check(request).map_err(Failure::Refused)?;
                server.check(request).map_err(Failure::Unsupported)
            };
            let requests = &call.requests;
            if first_refused(requests, check).is_some()
                || first_unsupported(requests, server).is_some()
            {
                let requests = requests.clone();
                let address = self.session.settings.address.as_ref();
                let why = |position| rejection(&requests, position, server, check);
                call.fail_refused(address, why);
                continue;
            }
            if !call.start(now, &mut self.earliest) {
                continue;
            }
            if self.in_flight.is_empty() {
                self.session.begin_waiting(now);
            }
            call.attempts += 1;
            if call.is_slow() {
                self.note_sending(&mut call);
            }
            let mut fences = None;
            if !matches!(call.requests, Requests::One(_)) {
                if let Some(caller) = &mut call.caller {
                    caller.sending(server);
                }
                if self.session.is_stateful() && server.cr_lf {
                    fences = Fences::of(&call.requests, call.answered());
                }
            }
            return self.in_flight.push(call, fences, now);
        }
    }

    /// Processes a frame. Returns the request that it answered, if any.
    pub(in crate::request_reply) fn receive(
        &mut self,
        now: Instant,
        frame: Frame,
    ) -> Result<Option<Answered<C::Wake>>, Violation> {
        if !self.session.receive(now, &frame)? {
            return Ok(None);
        }
        let is_meant = |listener: &Listening| listener.is_meant(&frame);
        if frame.is_push() || self.listener.as_ref().is_some_and(is_meant) {
            // Nothing is subscribed on this connection, so no caller waits for a push, and a push
            // must not take a reply's slot.
            self.hear(&frame);
            return Ok(None);
        }
        if self.in_flight.front().is_some_and(SentCall::must_prove) {
            return self.receive_proof(frame);
        }
        self.receive_reply(frame).map(Some)
    }

    /// Passes a push to the listener.
    #[cold]
    fn hear(&self, push: &Frame) {
        match &self.listener {
            Some(listener) => listener.push(push),
            None => tracing::debug!("unsolicited push ignored"),
        }
    }

    /// Passes a reply to its caller.
    fn receive_reply(&mut self, frame: Frame) -> Result<Answered<C::Wake>, Violation> {
        let front = self.in_flight.front();
        let meaning = || front.map_or(Meaning::Script, SentCall::meaning);
        match self.session.server().failure_of(frame.view(), meaning) {
            Some(ErrorReply::Plain(error)) if front.is_none() => {
                Err(Violation::ClosedByServer(error))
            }
            Some(error) => {
                let failure = error.into();
                self.note_failure(&failure);
                self.answer(Err(failure))
            }
            None => self.answer(Ok(frame)),
        }
    }

    /// Completes the next request of the first call in flight. Always inlined, so that the frame
    /// moves straight to its destination.
    #[inline(always)]
    fn answer(&mut self, result: Result<Frame, Failure>) -> Result<Answered<C::Wake>, Violation> {
        if self.in_flight.front().is_some_and(SentCall::is_paced) {
            self.note_pace(result.is_ok());
        }
        self.answered = self.session.last_activity();
        let slot = (self.in_flight.front_owed()).ok_or(Violation::UnexpectedReply)?;
        self.session.note_reply();
        let (sent, has_ticket) = (slot.sent, slot.has_ticket());
        let mut wake = None;
        if slot.owed() > 1 {
            slot.progress(result);
        } else {
            wake = slot.complete(result);
            self.in_flight.pop_front();
        }
        Ok(Answered {
            sent,
            wake,
            has_ticket,
        })
    }
}

/// Requeues or fails the calls of a lost connection, the last one first. Calls that may be resent
/// go to the head of the queue.
fn requeue<C: Caller>(
    calls: impl Iterator<Item = Box<Call<C>>>,
    waiting: &mut VecDeque<Box<Call<C>>>,
    policy: RetryPolicy,
    loss: ConnectionLoss<'_>,
) {
    for mut call in calls {
        if call.retry.is_allowed(policy) && call.attempts < MAX_ATTEMPTS {
            waiting.push_front(call);
        } else {
            call.fail_lost(loss);
        }
    }
}

/// Returns the first request that cannot be sent, and the reason. All requests of a batch are
/// checked before the first is sent.
#[inline]
fn first_refused<E>(
    requests: &Requests,
    check: impl Fn(RequestRef<'_>) -> Result<(), E>,
) -> Option<(usize, E)> {
    let mut requests = requests.iter().enumerate();
    requests.find_map(|(at, request)| Some((at, check(request).err()?)))
}

/// Returns the first request with a mark that the server cannot take, and the reason.
#[inline]
fn first_unsupported(requests: &Requests, server: ServerProfile) -> Option<(usize, Failure)> {
    let mut marks = requests.marks().iter();
    marks.find_map(|(at, marks)| {
        let reason = server.check_marks(*marks).err()?;
        Some((*at, Failure::Unsupported(reason)))
    })
}

/// Returns why the request at a position is not sent: its own rejection, or that of another request
/// of the batch.
#[cold]
fn rejection(
    requests: &Requests,
    position: usize,
    server: ServerProfile,
    check: impl Fn(RequestRef<'_>) -> Result<(), Failure>,
) -> Failure {
    if let Some(Err(failure)) = requests.get(position).map(check) {
        return failure;
    }
    let mut marks = requests.marks().iter().filter(|(at, _)| *at == position);
    let reason = marks.find_map(|(_, marks)| server.check_marks(*marks).err());
    reason.map_or(Failure::Withheld, Failure::Unsupported)
}

fn refused(itself: bool, failure: &Failure) -> Failure {
    if itself {
        failure.clone()
    } else {
        Failure::Withheld
    }
}
