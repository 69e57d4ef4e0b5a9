//! The server's side.

use std::fmt;
use std::future::poll_fn;

use swarm_resp::{Frame, Request};

use super::channel::Channel;
use crate::{TransportError, TransportErrorKind};

/// The other end of a [`MemoryTransport`](super::MemoryTransport). Dropping it ends the connection.
pub struct MemoryPeer {
    requests: Channel<Request>,
    frames: Channel<Frame>,
}

impl MemoryPeer {
    pub(super) fn new(requests: Channel<Request>, frames: Channel<Frame>) -> Self {
        Self { requests, frames }
    }

    /// The next request, in the order they were started; `None` when the transport is closed or dropped.
    ///
    /// # Cancel safety
    ///
    /// No request is lost when the future is dropped.
    pub async fn next_request(&mut self) -> Option<Request> {
        poll_fn(|cx| self.requests.poll_next(cx)).await.ok()
    }

    /// Sends a frame: the reply to the oldest request not yet answered, or a push. Waits while the transport has no
    /// room for it.
    ///
    /// # Errors
    ///
    /// Of kind `Closed` when the transport is closed or dropped.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped before it is ready, the frame was not sent.
    pub async fn reply(&mut self, frame: Frame) -> Result<(), TransportError> {
        let gone = |_| TransportError::new(TransportErrorKind::Closed, "the transport is closed");
        poll_fn(|cx| self.frames.poll_room(cx))
            .await
            .map_err(gone)?;
        self.frames.send(frame).map_err(gone)
    }

    /// Answers every request with what `answer` makes of it, until the transport is closed or dropped and all that was
    /// started before has run.
    pub async fn serve(mut self, mut answer: impl FnMut(&Request) -> Frame) {
        while let Some(request) = self.next_request().await {
            // A transport that is closed takes no replies; its requests still run.
            let _gone = self.reply(answer(&request)).await;
        }
    }

    /// Ends the connection. The transport still receives the frames sent before, then an error of kind `Closed`.
    pub fn close(self) {}

    /// Ends the connection with an error. The transport still receives the frames sent before.
    pub fn fail(self, error: TransportError) {
        self.frames.end(Some(error));
    }
}

impl Drop for MemoryPeer {
    fn drop(&mut self) {
        self.requests.end(None);
        self.frames.end(None);
    }
}

impl fmt::Debug for MemoryPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPeer").finish_non_exhaustive()
    }
}
