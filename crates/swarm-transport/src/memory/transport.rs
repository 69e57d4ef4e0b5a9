//! The client's side.

use std::fmt;
use std::task::{Context, Poll};

use swarm_resp::{Frame, Request, RequestRef};

use super::channel::{Channel, Ended};
use crate::{Capabilities, Transport, TransportError, TransportErrorKind};

/// A transport whose peer is a [`MemoryPeer`](super::MemoryPeer). Made by [`pair`](super::pair).
pub struct MemoryTransport {
    requests: Channel<Request>,
    frames: Channel<Frame>,
    capabilities: Capabilities,
}

impl MemoryTransport {
    pub(super) fn new(requests: Channel<Request>, frames: Channel<Frame>) -> Self {
        Self {
            requests,
            frames,
            capabilities: Capabilities::FULL,
        }
    }

    /// The same transport with the capabilities of another wire, to test what is above it. Default
    /// [`Capabilities::FULL`].
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }
}

fn closed(Ended(why): Ended) -> TransportError {
    why.unwrap_or_else(|| TransportError::new(TransportErrorKind::Closed, "the peer is gone"))
}

impl Transport for MemoryTransport {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.requests.poll_room(cx).map_err(closed)
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.requests.send(request.to_request()).map_err(closed)
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // What was started is with the peer already.
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.frames.poll_next(cx).map_err(closed)
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.requests.end(None);
        self.frames.end(None);
        Poll::Ready(Ok(()))
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.requests.end(None);
        self.frames.end(None);
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransport")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
