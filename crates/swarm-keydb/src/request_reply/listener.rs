//! Hears the pushes on a connection for commands, in the order of its replies, and its end.

use std::fmt;
use std::sync::Arc;

use swarm_resp::Frame;

/// Hears the pushes of one connection.
pub(crate) trait PushListener: fmt::Debug + Send + Sync {
    /// Whether a frame that is not a push is meant as one.
    fn is_meant(&self, frame: &Frame) -> bool;

    /// A push arrived, before all replies that are behind it.
    fn push(&self, frame: &Frame);

    /// The connection is lost, or its task has ended. No push follows.
    fn lost(&self);
}

/// A listener, which learns of the loss when this value is dropped.
#[derive(Debug)]
pub(crate) struct Listening(Arc<dyn PushListener>);

impl Listening {
    pub(super) fn new(listener: Arc<dyn PushListener>) -> Self {
        Self(listener)
    }

    pub(super) fn is_meant(&self, frame: &Frame) -> bool {
        self.0.is_meant(frame)
    }

    pub(super) fn push(&self, frame: &Frame) {
        self.0.push(frame);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.lost();
    }
}
