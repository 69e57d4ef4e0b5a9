//! Reads that bypass the pool: they go straight to the primary connection, and cost as little as on
//! a single one.
//!
//! A read bypasses the pool only if no call that waits or is in flight has one of its names, so it
//! overtakes nothing. Before the next call enters the pool, the pool *adopts* the reads that have
//! bypassed it and are in flight, so no later call overtakes them either.

use super::{Dispatcher, Engine, ReplySender, keys_of};
use crate::request_reply::engine::Call;
use crate::runtime::Instant;

impl Dispatcher {
    /// Whether a call only reads, and can be sent over the primary connection at once. Records that
    /// it will be.
    pub(super) fn may_bypass(
        &mut self,
        engine: &mut Engine<ReplySender>,
        call: &Call<ReplySender>,
        now: Instant,
    ) -> bool {
        let pending = engine.pending();
        let on_primary = pending.in_flight() + pending.queued();
        if call.is_alone()
            || !self.pool.lets_reads_bypass(on_primary)
            || !engine.pooled().is_usable()
            || call.writes()
        {
            return false;
        }
        let keys = keys_of(self.order, &self.hasher, call);
        let bypasses = self.pool.is_free(&keys);
        if bypasses {
            self.pool.note_read(now);
        }
        bypasses
    }

    /// Gives the reads that have bypassed the pool their place in the order of calls.
    pub(in crate::request_reply) fn adopt(
        &mut self,
        engine: &mut Engine<ReplySender>,
        now: Instant,
    ) {
        if !self.engaged {
            return;
        }
        let is_new = |call: &&mut Call<ReplySender>| !call.has_ticket();
        for call in engine.pooled().in_flight().filter(is_new) {
            let keys = keys_of(self.order, &self.hasher, call);
            let position = self.pool.adopt_read(keys, now);
            call.set_ticket(self.tickets.issue_sent(position));
        }
        for call in engine.pooled().waiting().filter(is_new) {
            let keys = keys_of(self.order, &self.hasher, call);
            let position = self.pool.adopt_read(keys, now);
            call.set_ticket(self.tickets.issue(position));
        }
    }
}
