//! Invalidation messages of the server, and the end of the connection that they arrive on.

use std::sync::Arc;

use swarm_resp::{Frame, FrameRef, Kind};
use tokio::sync::Notify;

use super::store::Store;
use crate::request_reply::PushListener;

/// Passes what the server announces to the store.
#[derive(Debug)]
pub(super) struct Invalidations {
    pub(super) store: Arc<Store>,
    /// Whether announcements arrive as arrays, because the connection uses RESP2.
    pub(super) as_arrays: bool,
    /// Notified when one arrives.
    pub(super) heard: Arc<Notify>,
}

impl PushListener for Invalidations {
    fn is_meant(&self, frame: &Frame) -> bool {
        self.as_arrays && frame.kind() == Kind::Array && keys(frame).is_some()
    }

    fn push(&self, frame: &Frame) {
        apply(&self.store, frame);
        self.heard.notify_one();
    }

    fn lost(&self) {
        self.store.flush();
    }
}

/// Returns what follows the word `invalidate` in a message of two elements.
fn keys(frame: &Frame) -> Option<FrameRef<'_>> {
    let mut items = frame.view().items()?;
    let is_invalidation = items.next()?.as_bytes() == Some(b"invalidate");
    let keys = items.next()?;
    let is_whole = items.next().is_none() && (keys.is_null() || keys.items().is_some());
    (is_invalidation && is_whole).then_some(keys)
}

/// Processes a push. An invalidation that cannot be read flushes the store.
pub(super) fn apply(store: &Store, push: &Frame) {
    let mut items = push.view().items().into_iter().flatten();
    let kind = items.next().and_then(|kind| kind.as_bytes());
    if kind.is_some_and(|kind| kind != b"invalidate") {
        // Another kind of push says nothing about keys.
        return;
    }
    let Some(keys) = keys(push).and_then(|keys| keys.items()) else {
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
