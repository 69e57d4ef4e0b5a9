//! CLIENT PAUSE and UNPAUSE: commands that wait until the pause is over.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::call::{Call, Reply, ok};
use super::number;
use super::reject::Reject;
use super::table::Spec;
use super::traits::Traits;
use super::transaction::Transaction;
use super::{State, Store};

const BAD_MODE: Reject = Reject::text("ERR CLIENT PAUSE mode must be WRITE or ALL");
const BAD_TIMEOUT: Reject = Reject::text("ERR timeout is not an integer or out of range");
const NEGATIVE: Reject = Reject::text("ERR timeout is negative");

/// The current pause, or one that is over.
#[derive(Debug, Default)]
pub(super) struct Pause {
    /// When it ends, in milliseconds since the Unix epoch.
    until: watch::Sender<i64>,
    /// Whether commands that do not write wait, too.
    everything: bool,
    /// Connections that wait.
    waiting: BTreeSet<u64>,
}

/// A connection that waits.
struct Waiter {
    store: Arc<Store>,
    id: u64,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.store.lock().server.pause.waiting.remove(&self.id);
    }
}

impl Pause {
    fn is_over(&self, now: i64) -> bool {
        *self.until.borrow() <= now
    }

    /// Returns the number of connections that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether a connection waits.
    pub(super) fn contains(&self, id: u64) -> bool {
        self.waiting.contains(&id)
    }

    /// Returns whether a command waits.
    fn holds(&self, spec: &Spec, transaction: &Transaction, now: i64) -> bool {
        !self.is_over(now)
            && (self.everything
                || may_write(spec)
                || spec.name == "EXEC" && transaction.queues(may_write))
    }
}

/// Returns whether Redis would pass a command on to replicas.
pub(super) fn may_write(spec: &Spec) -> bool {
    const OTHERS: [&str; 6] = ["EVAL", "EVALSHA", "FCALL", "PFCOUNT", "PUBLISH", "SPUBLISH"];
    OTHERS.contains(&spec.name) || Traits::of(spec.name).is_some_and(|traits| traits.has("write"))
}

/// Returns what a command waits for, if it must wait.
pub(super) fn postpone(
    store: &Arc<Store>,
    state: &mut State,
    id: u64,
    spec: &Spec,
    transaction: &Transaction,
    now: i64,
) -> Option<BoxFuture<'static, ()>> {
    let pause = &mut state.server.pause;
    if !pause.holds(spec, transaction, now) {
        return None;
    }
    pause.waiting.insert(id);
    let mut until = pause.until.subscribe();
    let store = store.clone();
    Some(Box::pin(async move {
        let waiter = Waiter { store, id };
        let clock = &waiter.store.clock;
        loop {
            let end = *until.borrow_and_update();
            if clock.unix_millis() >= end {
                return;
            }
            tokio::select! {
                () = clock.until(end) => {}
                // The sender lives in the store, so it cannot be gone.
                _ = until.changed() => {}
            }
        }
    }))
}

/// `CLIENT PAUSE milliseconds [WRITE|ALL]`. A pause within another one extends it.
pub(super) fn pause(call: &mut Call<'_>) -> Reply {
    let everything = match call.rest(3) {
        [] => true,
        [mode] if mode.eq_ignore_ascii_case(b"WRITE") => false,
        [mode] if mode.eq_ignore_ascii_case(b"ALL") => true,
        [_] => return Err(BAD_MODE),
        _ => return Err(Reject::usage("CLIENT", call.arg(1))),
    };
    let time = number::integer(call.arg(2)).map_err(|_| BAD_TIMEOUT)?;
    if time < 0 {
        return Err(NEGATIVE);
    }
    // A sum that is too large lies in the past, as in Redis.
    let until = if time == 0 {
        0
    } else {
        call.now.wrapping_add(time)
    };
    let pause = &mut call.server.pause;
    let before = *pause.until.borrow();
    let goes_on = !pause.is_over(call.now);
    pause.everything = everything || goes_on && pause.everything;
    pause
        .until
        .send_replace(if goes_on { before.max(until) } else { until });
    Ok(ok())
}

pub(super) fn unpause(call: &mut Call<'_>) -> Reply {
    call.server.pause.until.send_replace(0);
    Ok(ok())
}
