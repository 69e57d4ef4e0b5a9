//! Open transport, and the state of its sending side.

use std::task::{Context, Poll};

use swarm_resp::{Frame, RequestRef};
use swarm_transport::Route;
use swarm_transport::{BoxTransport, Capabilities, PeerIdentity, RequestRejection, TransportError};

use crate::runtime::Instant;

/// Source of the requests that a [`Link`] sends.
pub(crate) trait Outgoing {
    /// Whether there may be a request to send, which is quicker to tell than to look for it.
    #[inline]
    fn may_have_request(&self) -> bool {
        true
    }

    /// Returns the next request to send, if one may be sent now. `check` tells whether the
    /// transport can carry a request.
    fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>>;
}

/// An open transport.
pub(crate) struct Link {
    transport: BoxTransport,
    /// Whether everything that was queued in the transport has been flushed.
    flushed: bool,
    /// Number of bytes received at the last check, if the transport counts them.
    received_bytes: Option<u64>,
    /// The endpoint, if the connector has chosen among several.
    route: Option<Route>,
}

impl Link {
    pub(crate) fn new(transport: BoxTransport) -> Self {
        Self {
            route: transport.route().cloned(),
            transport,
            flushed: true,
            received_bytes: None,
        }
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.transport.capabilities()
    }

    /// The endpoint, if the connector has chosen among several.
    pub(crate) const fn route(&self) -> Option<&Route> {
        if cfg!(feature = "failover") {
            self.route.as_ref()
        } else {
            None
        }
    }

    /// Ready when the connector has chosen another endpoint for new connections.
    #[inline]
    pub(crate) fn poll_outdated(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.route {
            Some(route) => route.poll_outdated(cx),
            None => Poll::Pending,
        }
    }

    /// Reports to the connector that the handshake is complete.
    pub(crate) fn established(&self) {
        if let Some(route) = &self.route {
            route.established();
        }
    }

    /// Informs the transport about the server's identity.
    pub(crate) fn peer_identified(&mut self, peer: &PeerIdentity) {
        self.transport.peer_identified(peer);
    }

    /// Sends all requests that may be sent now, then flushes once.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    #[inline]
    pub(crate) fn poll_send(
        &mut self,
        source: &mut impl Outgoing,
        cx: &mut Context<'_>,
    ) -> Result<(), TransportError> {
        let mut now = None;
        while let Poll::Ready(ready) = self.transport.poll_ready(cx) {
            ready?;
            if !source.may_have_request() {
                break;
            }
            let now = *now.get_or_insert_with(Instant::now);
            let transport = &self.transport;
            let Some(request) = source.next_request(now, |request| transport.check(request)) else {
                break;
            };
            self.transport.start_send(request)?;
            self.flushed = false;
        }
        self.poll_flush(cx)
    }

    /// Flushes what was queued before.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    #[inline]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), TransportError> {
        if !self.flushed
            && let Poll::Ready(done) = self.transport.poll_flush(cx)
        {
            done?;
            self.flushed = true;
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        self.transport.poll_receive(cx)
    }

    /// Returns whether bytes have arrived since the last call, even if only part of a frame. A
    /// large reply that arrives slowly is not silence.
    #[inline]
    pub(crate) fn has_progressed(&mut self) -> bool {
        let received = self.transport.received_bytes();
        std::mem::replace(&mut self.received_bytes, received) != received
    }

    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.transport.poll_close(cx)
    }
}
