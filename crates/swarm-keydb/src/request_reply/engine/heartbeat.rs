//! Heartbeats: a PING with a nonce at each interval, on idle and on busy connections.
//!
//! The reply proves that the server is alive and that replies still match requests. A shift is
//! detected within one interval.

use swarm_resp::{Frame, RequestRef};

use super::fence::Passed;
use super::sent::SentCall;
use super::{Answered, Caller, Engine, Violation};
use crate::runtime::Instant;

impl<C: Caller> Engine<C> {
    /// Returns when the next heartbeat is due. A draining connection sends none.
    pub(super) fn heartbeat_at(&self) -> Option<Instant> {
        if self.drain.sends_no_more() {
            return None;
        }
        self.session.heartbeat_at()
    }

    /// Starts a heartbeat and returns its request.
    pub(super) fn beat(&mut self, now: Instant) -> RequestRef<'_> {
        if self.in_flight.is_empty() {
            self.session.begin_waiting(now);
        }
        let nonce = self.session.start_heartbeat(now);
        let request = nonce.request("PING");
        let errors_allowed = self.session.server().refuses_ping;
        self.in_flight
            .push_heartbeat(SentCall::heartbeat(nonce, errors_allowed, now));
        self.own_request.insert(request).view()
    }

    /// Processes a reply that must prove that replies match requests, or a reply that is held until
    /// a later one proves that.
    #[cold]
    pub(super) fn receive_proof(
        &mut self,
        frame: Frame,
    ) -> Result<Option<Answered<C::Wake>>, Violation> {
        let server = self.session.server();
        let slot = (self.in_flight.front_owed()).ok_or(Violation::UnexpectedReply)?;
        if slot.is_heartbeat() {
            self.session.finish_heartbeat();
        }
        match slot.pass(frame, server)? {
            Passed::Held => Ok(None),
            Passed::Reply(frame) | Passed::Proved(frame) => self.receive_reply(frame).map(Some),
        }
    }
}
