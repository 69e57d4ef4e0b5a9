//! The trait that every wire implements, and its contract.

use std::task::{Context, Poll};

use swarm_resp::{Frame, RequestRef};

use crate::{Capabilities, PeerIdentity, RequestRejection, TransportError};

/// A transport behind a pointer, as [`Connect`](crate::Connect) hands it over.
pub type BoxTransport = Box<dyn Transport>;

/// An open connection: an ordered sink of requests and stream of frames.
///
/// # Contract
///
/// * **Order.** Requests go out in the order of [`start_send`](Self::start_send). Replies come in the order of their
///   requests, one frame each; pushes may come between any two of them. A wire that gets its answers out of order
///   (HTTP) restores the order before it hands them over.
/// * **Flushing.** `start_send` may buffer. What was started is on its way once [`poll_flush`](Self::poll_flush) is ready;
///   many requests may share one flush. The buffer is bounded: [`poll_ready`](Self::poll_ready) is pending while it is full.
/// * **Receiving.** [`poll_receive`](Self::poll_receive) does what the wire needs to stay alive (answering pings), also
///   when nothing is sent.
/// * **Errors.** After an error of any method other than [`check`](Self::check) the transport is dead: only dropping it
///   is left. A request that was started may or may not have reached the peer.
/// * **Closing.** [`poll_close`](Self::poll_close) flushes, says goodbye if the wire has a way to, and ends; replies that
///   come meanwhile are dropped. A caller bounds it in time, for the peer may take nothing more. The peer's end shows as
///   an error of kind `Closed` from `poll_receive`. Dropping closes at once.
/// * **Cancellation.** No method keeps a partial result outside the transport, so a caller may stop polling at any
///   time and go on later. Readers and writers are polled by the same task.
pub trait Transport: Send {
    /// What the wire can carry.
    fn capabilities(&self) -> Capabilities;

    /// Whether the wire carries a request faithfully. To be asked before the request is handed over.
    ///
    /// # Errors
    ///
    /// Why not. The transport remains usable.
    fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        self.capabilities().check(request)
    }

    /// Bytes of replies and pushes that have come so far, in whole frames or not; pings are none. A layer above that waits
    /// for a large reply tells a slow server from a mute one by whether this grows. `None`, the default, when the wire
    /// cannot tell.
    fn received_bytes(&self) -> Option<u64> {
        None
    }

    /// Tells the transport which server is at the other end, once the layer above knows. The transport may adapt to
    /// that server, for instance by acknowledging its packets at once; what it carries does not change. The default
    /// does nothing.
    ///
    /// The layer above calls this at most once per connection, after its handshake. A transport must work without the
    /// call. A transport that wraps another one passes the call on.
    fn peer_identified(&mut self, peer: &PeerIdentity) {
        let _ = peer;
    }

    /// Ready when [`start_send`](Self::start_send) may be called once.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Queues a request behind those queued before. Only after [`poll_ready`](Self::poll_ready) was ready.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError>;

    /// Ready when all queued requests are on their way.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// The next frame. The end of the connection is an error of kind `Closed`.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>>;

    /// Ready when the connection is closed in good order.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;
}

impl Transport for BoxTransport {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        (**self).check(request)
    }

    fn received_bytes(&self) -> Option<u64> {
        (**self).received_bytes()
    }

    fn peer_identified(&mut self, peer: &PeerIdentity) {
        (**self).peer_identified(peer);
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        (**self).poll_ready(cx)
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        (**self).start_send(request)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        (**self).poll_flush(cx)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        (**self).poll_receive(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        (**self).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    //! What a wrapper passes on.

    use std::sync::{Arc, Mutex};

    use swarm_resp::Request;

    use super::*;
    use crate::TransportErrorKind;

    /// Answers every provided method with something other than its default.
    struct Telltale(Arc<Mutex<Option<PeerIdentity>>>);

    fn dead<T>() -> Poll<Result<T, TransportError>> {
        Poll::Ready(Err(TransportError::new(TransportErrorKind::Closed, "dead")))
    }

    impl Transport for Telltale {
        fn capabilities(&self) -> Capabilities {
            Capabilities::FULL
        }

        fn check(&self, _: RequestRef<'_>) -> Result<(), RequestRejection> {
            Err(RequestRejection::TooLarge { size: 1, limit: 0 })
        }

        fn received_bytes(&self) -> Option<u64> {
            Some(7)
        }

        fn peer_identified(&mut self, peer: &PeerIdentity) {
            *self.0.lock().unwrap() = Some(peer.clone());
        }

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            dead()
        }

        fn start_send(&mut self, _: RequestRef<'_>) -> Result<(), TransportError> {
            Ok(())
        }

        fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            dead()
        }

        fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
            dead()
        }

        fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            dead()
        }
    }

    /// A provided method that a box forgets to pass on answers with its default, silently.
    #[test]
    fn a_box_passes_the_provided_methods_on() {
        let told = Arc::default();
        let inner: BoxTransport = Box::new(Telltale(Arc::clone(&told)));
        let mut outer: BoxTransport = Box::new(inner);
        assert!(outer.check(Request::new("PING", ()).view()).is_err());
        assert_eq!(outer.received_bytes(), Some(7));
        let peer = PeerIdentity::new().with_server("swarmkeydb");
        outer.peer_identified(&peer);
        assert_eq!(*told.lock().unwrap(), Some(peer));
    }
}
