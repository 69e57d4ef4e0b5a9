//! In-memory transport that records what the client does with it, and behaves as the test says.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::{Frame, RequestRef};
use swarm_transport::memory::MemoryTransport;
use swarm_transport::{Capabilities, PeerIdentity, Transport, TransportError};
use tokio::time::{Sleep, sleep};

/// Behavior and records of the transports of one server.
#[derive(Default)]
pub(super) struct Watch {
    /// The capabilities of the transports, if restricted.
    pub(super) capabilities: Option<Capabilities>,
    /// Number of bytes that the transports report as received, if any.
    pub(super) received_bytes: Option<u64>,
    /// The error of the next flush.
    pub(super) flush_error: Option<TransportError>,
    /// Time that closing takes, for transports created from now on.
    pub(super) close_time: Duration,
    /// The servers that the client has identified.
    pub(super) peers: Vec<PeerIdentity>,
    pub(super) flushes: usize,
    /// Number of transports that the client has begun to close.
    pub(super) closes: usize,
}

pub(super) struct Watched {
    inner: MemoryTransport,
    watch: Arc<Mutex<Watch>>,
    close_time: Duration,
    closing: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    pub(super) fn new(inner: MemoryTransport, watch: &Arc<Mutex<Watch>>) -> Self {
        Self {
            inner,
            watch: Arc::clone(watch),
            close_time: watch.lock().unwrap().close_time,
            closing: None,
        }
    }
}

impl Transport for Watched {
    fn capabilities(&self) -> Capabilities {
        let restricted = self.watch.lock().unwrap().capabilities;
        restricted.unwrap_or_else(|| self.inner.capabilities())
    }

    fn received_bytes(&self) -> Option<u64> {
        self.watch.lock().unwrap().received_bytes
    }

    fn peer_identified(&mut self, peer: &PeerIdentity) {
        self.watch.lock().unwrap().peers.push(peer.clone());
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(cx)
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.inner.start_send(request)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut watch = self.watch.lock().unwrap();
        watch.flushes += 1;
        match watch.flush_error.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => self.inner.poll_flush(cx),
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.inner.poll_receive(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let closing = self.closing.get_or_insert_with(|| {
            self.watch.lock().unwrap().closes += 1;
            Box::pin(sleep(self.close_time))
        });
        if closing.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.inner.poll_close(cx)
    }
}
