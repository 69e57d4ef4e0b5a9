//! The server side of the in-process transport.

use std::fmt;
use std::future::poll_fn;

use swarm_resp::{Frame, Request};

use super::channel::Channel;
use crate::{TransportError, TransportErrorKind};

/// The server side of a [`MemoryTransport`](super::MemoryTransport). Dropping it closes the
/// connection.
pub struct MemoryPeer {
    requests: Channel<Request>,
    frames: Channel<Frame>,
}

impl MemoryPeer {
    pub(super) fn new(requests: Channel<Request>, frames: Channel<Frame>) -> Self {
        Self { requests, frames }
    }

    /// Receives the next request. Returns `None` if the transport is closed or dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped, no request is lost.
    pub async fn next_request(&mut self) -> Option<Request> {
        poll_fn(|cx| self.requests.poll_recv(cx)).await.ok()
    }

    /// Sends a frame: the reply to the oldest unanswered request, or a push. Waits while the queue
    /// is full.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Closed` if the transport is closed or dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped before it completes, the frame was not sent.
    pub async fn reply(&mut self, frame: Frame) -> Result<(), TransportError> {
        let gone = |_| TransportError::new(TransportErrorKind::Closed, "the transport is closed");
        poll_fn(|cx| self.frames.poll_capacity(cx))
            .await
            .map_err(gone)?;
        self.frames.send(frame).map_err(gone)
    }

    /// Answers every request with the frame that `answer` returns, until the transport is closed or
    /// dropped. Requests that were started before that are still passed to `answer`.
    pub async fn serve(mut self, mut answer: impl FnMut(&Request) -> Frame) {
        while let Some(request) = self.next_request().await {
            // A closed transport accepts no replies, but its requests still run.
            let _gone = self.reply(answer(&request)).await;
        }
    }

    /// Closes the connection. The transport receives the frames sent before, then an error of kind
    /// `Closed`.
    pub fn close(self) {}

    /// Fails the connection with an error. The transport receives the frames sent before, then the
    /// error.
    pub fn fail(self, error: TransportError) {
        self.frames.close(Some(error));
    }
}

impl Drop for MemoryPeer {
    fn drop(&mut self) {
        self.requests.close(None);
        self.frames.close(None);
    }
}

impl fmt::Debug for MemoryPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPeer").finish_non_exhaustive()
    }
}
