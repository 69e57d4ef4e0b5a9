//! Deadlines of calls, the limit on the server's silence, and heartbeats.

use std::sync::Arc;

use super::call::{Call, deadline, earlier};
use super::drain::Drain;
use super::sent::SentCall;
use super::{Caller, Engine, Failure, Violation};
use crate::failure::{Late, Wait};
use crate::runtime::Instant;

impl<C: Caller> Engine<C> {
    /// Returns when [`expire`](Self::expire) is due.
    pub(in crate::request_reply) fn next_deadline(&self) -> Option<Instant> {
        let overdue = earlier(self.earliest, self.silent_at());
        earlier(overdue, self.heartbeat_at())
    }

    /// Returns when to drop the connection or suspect the server because the oldest reply is
    /// overdue and no data arrives. A reply within its own deadline is not overdue, however long it
    /// takes.
    fn silent_at(&self) -> Option<Instant> {
        if self.drain == Drain::SetAside {
            return None;
        }
        let overdue = self.in_flight.front()?.deadline();
        Some(overdue.max(self.session.silent_at()?))
    }

    /// Fails the calls whose deadline has passed. A call that was sent keeps its slot; the late
    /// reply is discarded when it arrives.
    ///
    /// Also detects a silent server. That ends the connection, unless a write is pending: writes
    /// may take long, and closing the connection could interrupt one. For writes, the limit is
    /// `drain_timeout`.
    pub(in crate::request_reply) fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        if self.earliest.is_some_and(|earliest| earliest <= now) {
            self.expire_calls(now);
        }
        if self.silent_at().is_some_and(|silent| silent <= now) {
            if !self.pending().has_write() || self.session.is_unresponsive(now) {
                return Err(Violation::Silent(self.session.settings.silence));
            }
            self.session.suspect(now);
        }
        if !self.drain.sends_no_more() {
            self.session.expire_heartbeat(now);
        }
        Ok(())
    }

    /// Asks the server whether the connection works, because nothing was received for a while.
    pub(in crate::request_reply) fn resumed(&mut self, now: Instant) {
        if !self.drain.sends_no_more() {
            self.session.expire_heartbeat(now);
        }
    }

    fn expire_calls(&mut self, now: Instant) {
        self.earliest = None;
        let reachable = self.reaches_server();
        for mut call in std::mem::take(&mut self.waiting) {
            let why = || self.why_waiting();
            if !self.expire_waiting(&mut call, now, reachable, why) {
                self.note_check(&call, now);
                self.waiting.push_back(call);
            }
        }
        let key = self.session.settings.learned.write_cost();
        let later = |call: &Call<C>| call.pace()?.later_than(now, key);
        let settings = &self.session.settings;
        let mut expire = |slot: &mut SentCall<C>, address: &Option<Arc<str>>| {
            let Some(call) = &mut slot.call else {
                return;
            };
            if call.is_due(now)
                && let Some(later) = later(call)
            {
                call.set_deadline(later);
            }
            if call.is_due(now) {
                let failure = Failure::Timeout(Arc::new(Late {
                    sent: true,
                    address: address.clone(),
                    waited: Some(call.timeout()),
                    wait: Wait::Reply,
                }));
                call.fail(|_| failure.clone());
            } else if slot.is_pending() {
                self.earliest = earlier(self.earliest, Some(slot.deadline()));
            }
        };
        for slot in self.in_flight.iter_mut() {
            expire(slot, &settings.address);
        }
        for slot in self.fallback.slots_mut() {
            expire(slot, &settings.fallback_address);
        }
        self.fallback.rescan();
        self.free_late(now);
    }

    /// Frees the calls that have timed out: reads at once, and writes as soon as the connection is
    /// silent for long and the server should have done their work.
    fn free_late(&mut self, now: Instant) {
        let Some(quiet) = self.session.quiet_at() else {
            return;
        };
        let key = self.session.settings.learned.write_cost();
        for slot in self.in_flight.iter_mut() {
            let Some(call) = slot.call.as_mut().filter(|call| call.is_late_in_order()) else {
                continue;
            };
            let done = call.pace().and_then(|pace| pace.done_at(key));
            let at = quiet.max(done.unwrap_or(quiet));
            let only_reads = !call.writes();
            if at <= now || only_reads {
                call.free(only_reads);
            } else {
                self.earliest = earlier(self.earliest, Some(at));
            }
        }
    }

    /// Returns what calls that have not been sent wait for.
    fn why_waiting(&self) -> Wait {
        if !self.session.is_ready() {
            Wait::Connection(self.session.outage().clone(), None)
        } else if self.session.is_suspected() {
            Wait::Silent
        } else if self.drain.sends_no_more() {
            Wait::Drain
        } else if !self.fallback.is_empty() {
            Wait::Fallback
        } else if self.in_flight.front().is_some_and(SentCall::is_alone) {
            Wait::Alone
        } else {
            Wait::InFlight(self.in_flight.len())
        }
    }

    /// Makes sure that a waiting call is checked when its deadline passes. One whose timeout starts
    /// when it is sent is checked from time to time, so that it leaves soon after its caller.
    #[inline]
    pub(super) fn note_check(&mut self, call: &Call<C>, now: Instant) {
        self.note_deadline(self.check_at(call, now));
    }

    #[inline]
    pub(super) fn check_at(&self, call: &Call<C>, now: Instant) -> Instant {
        let timeout = self.session.settings.request_timeout;
        call.deadline().unwrap_or_else(|| deadline(now, timeout))
    }

    /// Fails a waiting call if its deadline has passed and is not extended. Returns whether it
    /// ended, because of that or because its caller has left.
    pub(super) fn expire_waiting(
        &self,
        call: &mut Call<C>,
        now: Instant,
        reachable: bool,
        why: impl FnOnce() -> Wait,
    ) -> bool {
        if call.starts_when_sent() && !call.is_awaited() {
            return true;
        }
        if !call.is_due(now) {
            return false;
        }
        let key = self.session.settings.learned.write_cost();
        if reachable && let Some(later) = call.pace().and_then(|pace| pace.later_than(now, key)) {
            call.set_deadline(later);
            return false;
        }
        let failure = Failure::Timeout(Arc::new(Late {
            sent: false,
            address: self.session.settings.address.clone(),
            waited: Some(call.timeout()),
            wait: why(),
        }));
        call.fail_waiting(&failure);
        true
    }

    pub(super) fn note_deadline(&mut self, deadline: Instant) {
        self.earliest = earlier(self.earliest, Some(deadline));
    }
}
