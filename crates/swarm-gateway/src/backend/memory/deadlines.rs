//! Removes keys when they expire, while clients track keys or events of expired keys are published.
//! Otherwise, the next command does.

use std::sync::{Arc, Weak};

use super::blocking;
use super::keyspace::Class;
use super::tracking::Audience;
use super::{State, Store};

/// Starts the task that removes expired keys, if somebody must be told of them and the task does
/// not run yet.
pub(super) fn watch(store: &Arc<Store>, state: &mut State) {
    if is_needed(state) && !state.server.watches_deadlines {
        state.server.watches_deadlines = true;
        tokio::spawn(run(Arc::downgrade(store)));
    }
}

/// Returns whether somebody must be told when a key expires.
fn is_needed(state: &State) -> bool {
    state.server.tracking.clients() > 0 || state.keyspace.publishes(Class::EXPIRED)
}

/// Runs until nobody must be told of expired keys, or the store is gone.
async fn run(store: Weak<Store>) {
    loop {
        let (clock, deadline, earlier) = {
            let Some(store) = store.upgrade() else {
                return;
            };
            let mut state = store.lock();
            let now = store.clock.unix_millis();
            state.expire_due(now, store.pace.is_none());
            blocking::settle(&mut state, Audience::All, now);
            if !is_needed(&state) {
                state.server.watches_deadlines = false;
                return;
            }
            let deadline = state.next_deadline();
            (store.clock.clone(), deadline, state.keyspace.earlier())
        };
        tokio::select! {
            () = clock.until_some(deadline) => {}
            () = earlier.notified() => {}
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Ends the task.
        self.lock().keyspace.earlier().notify_one();
    }
}
