//! Checks before a command runs: the user's rules, subscriptions, memory, and scripts that take
//! long.

use bytes::Bytes;
use swarm_resp::RespVersion;

use super::link::Local;
use super::reject::Reject;
use super::table::Spec;
use super::traits::Traits;
use super::{State, info, monitor};

impl Local {
    /// Checks that the connection may run or queue a command.
    pub(super) fn check(
        &self,
        state: &mut State,
        spec: &Spec,
        args: &[Bytes],
        now: i64,
    ) -> Result<(), Reject> {
        let id = self.client.id;
        let context = match self.transaction.is_open() {
            true => "multi",
            false => "toplevel",
        };
        let checked = state.server.check_access(id, spec, args, context, now);
        checked.map_err(|denied| Reject::no_permission(denied, spec.name))?;
        let is_resp2 = self.client.outbox.protocol() == RespVersion::Resp2;
        if self.subscriptions.is_active() && is_resp2 && !spec.while_subscribed {
            return Err(Reject::subscribed(spec.name));
        }
        if self.is_out_of_memory(state, spec) {
            return Err(Reject::OUT_OF_MEMORY);
        }
        if state.server.monitors.contains(&id) && monitor::is_denied(spec) {
            return Err(monitor::NO_KEYSPACE);
        }
        Ok(())
    }

    /// Returns whether memory is used up and the command, or one that EXEC would run, uses more.
    fn is_out_of_memory(&self, state: &State, spec: &Spec) -> bool {
        if state.server.config.rejects_above().is_none() {
            return false;
        }
        match spec.name {
            "EXEC" => self
                .transaction
                .queues(|spec| is_out_of_memory(state, spec)),
            "DISCARD" | "RESET" => false,
            // Commands that are queued use memory, too.
            _ if self.transaction.is_open() => is_memory_used_up(state),
            _ => is_out_of_memory(state, spec),
        }
    }
}

/// Returns whether memory is used up and the command uses more.
pub(super) fn is_out_of_memory(state: &State, spec: &Spec) -> bool {
    state.server.config.rejects_above().is_some()
        && Traits::of(spec.name).is_some_and(Traits::deny_oom)
        && is_memory_used_up(state)
}

/// Returns whether commands that use more memory are rejected.
pub(super) fn is_memory_used_up(state: &State) -> bool {
    (state.server.config.rejects_above())
        .is_some_and(|most| info::used_memory(&state.keyspace, &state.server.databases) > most)
}

/// While a script runs for long, most commands are rejected.
pub(super) fn not_while_busy(state: &State, spec: &'static Spec) -> Result<&'static Spec, Reject> {
    let Some(busy) = &state.server.busy else {
        return Ok(spec);
    };
    let is_allowed = Traits::of(spec.name).is_some_and(|traits| traits.has("allow_busy"));
    match is_allowed {
        true => Ok(spec),
        false => Err(busy.reject()),
    }
}
