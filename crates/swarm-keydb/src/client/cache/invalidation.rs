//! Invalidation messages of the server, and the end of the connection that they arrive on.

use std::sync::Arc;

use swarm_resp::Frame;

use super::store::Store;
use crate::request_reply::PushListener;

/// Passes what the server announces to the store.
#[derive(Debug)]
pub(super) struct Invalidations(pub(super) Arc<Store>);

impl PushListener for Invalidations {
    fn push(&self, frame: &Frame) {
        apply(&self.0, frame);
    }

    fn lost(&self) {
        self.0.flush();
    }
}

/// Processes a push. A message that cannot be read might be an invalidation, and flushes the store.
pub(super) fn apply(store: &Store, push: &Frame) {
    let mut items = push.view().items().into_iter().flatten();
    let kind = items.next().and_then(|kind| kind.as_bytes());
    if kind.is_some_and(|kind| kind != b"invalidate") {
        // Another kind of push says nothing about keys.
        return;
    }
    let keys = items.next().filter(|keys| !keys.is_null());
    let Some(keys) = keys.and_then(|keys| keys.items()) else {
        // FLUSHALL and FLUSHDB are announced as null.
        store.flush();
        return;
    };
    for key in keys {
        match key.as_bytes() {
            Some(key) => store.announced(key),
            None => store.flush(),
        }
    }
}
