//! Heartbeats: a PING with a nonce at each interval, on idle and on busy connections.
//!
//! The reply shows that the server is alive and that replies still match requests, so whatever shifts them is detected
//! within one interval.

use std::time::Instant;

use swarm_resp::{Frame, RequestRef};

use super::fence::Passed;
use super::nonce::Nonce;
use super::slot::Slot;
use super::{Answered, Caller, Engine, Violation};

#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    /// When the last one was sent, or the connection became ready.
    pub(super) last: Option<Instant>,
    /// Whether one must be sent.
    pub(super) due: bool,
    /// Whether the reply to one is owed.
    owed: bool,
}

impl<C: Caller> Engine<C> {
    /// When the next heartbeat is due. One at a time: a server that is busy for long need not answer them all.
    pub(super) fn heartbeat_at(&self) -> Option<Instant> {
        let Heartbeat { last, due, owed } = self.heartbeat;
        if due || owed || !self.session || !self.is_ready() || self.leave.sends_no_more() {
            return None;
        }
        Some(last? + self.settings.heartbeat?)
    }

    /// The request of a heartbeat.
    pub(super) fn beat(&mut self, now: Instant) -> RequestRef<'_> {
        self.heartbeat = Heartbeat {
            last: Some(now),
            due: false,
            owed: true,
        };
        if self.in_flight.is_empty() {
            self.heard = Some(now);
        }
        let nonce = Nonce::new();
        let request = nonce.request("PING");
        let errors_allowed = self.server.refuses_ping;
        self.in_flight
            .push_back(Slot::heartbeat(nonce, errors_allowed, now));
        self.own_request.insert(request).view()
    }

    /// Takes a reply that must prove that replies are in step, or one that is held until another proves it.
    #[cold]
    pub(super) fn receive_proof(
        &mut self,
        frame: Frame,
    ) -> Result<Option<Answered<C::Wake>>, Violation> {
        let unsent = self.unsent_of_front();
        let server = self.server;
        let slot = self
            .in_flight
            .front_mut()
            .filter(|slot| slot.owed().saturating_sub(slot.held()) > unsent)
            .ok_or(Violation::UnexpectedReply)?;
        if slot.is_heartbeat() {
            self.heartbeat.owed = false;
        }
        match slot.pass(frame, server)? {
            Passed::Held => Ok(None),
            Passed::Reply(frame) | Passed::Proved(frame) => self.receive_reply(frame).map(Some),
        }
    }
}
