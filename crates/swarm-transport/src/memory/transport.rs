//! The client side of the in-process transport.

use std::fmt;
use std::task::{Context, Poll};

use swarm_resp::{Frame, Request, RequestRef};

use super::channel::{Channel, ChannelClosed};
use crate::{Capabilities, Transport, TransportError, TransportErrorKind};

/// The in-process transport, created by [`pair`](super::pair). Its peer is a
/// [`MemoryPeer`](super::MemoryPeer).
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

    /// Sets the capabilities that the transport reports, to test clients against restricted
    /// transports. Default [`Capabilities::FULL`].
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }
}

fn closed(ChannelClosed(reason): ChannelClosed) -> TransportError {
    reason.unwrap_or_else(|| {
        TransportError::new(TransportErrorKind::Closed, "the peer closed the connection")
    })
}

impl Transport for MemoryTransport {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.requests.poll_capacity(cx).map_err(closed)
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.requests.send(request.to_request()).map_err(closed)
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // Requests are delivered by `start_send`.
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.frames.poll_recv(cx).map_err(closed)
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.requests.close(None);
        self.frames.close(None);
        Poll::Ready(Ok(()))
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.requests.close(None);
        self.frames.close(None);
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransport")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
