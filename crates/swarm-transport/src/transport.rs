//! The `Transport` trait, its contract, and boxed transports.

use std::task::{Context, Poll};

use swarm_resp::{Frame, RequestRef};

use crate::Route;
use crate::{Capabilities, PeerIdentity, RequestRejection, TransportError};

/// A boxed [`Transport`], as returned by [`Connect::connect`](crate::Connect::connect).
pub type BoxTransport = Box<dyn Transport>;

/// An open connection: a sink of requests and an ordered stream of frames.
///
/// # Contract
///
/// * **Order.** Requests are sent in the order of [`start_send`](Self::start_send) calls. Frames are
///   received in the order in which the server sends them. A transport that receives responses out
///   of order, such as HTTP, reorders them.
/// * **Frames.** A transport passes on every frame unchanged, and need not know what it answers.
///   One frame answers one request, except that `SUBSCRIBE`, `UNSUBSCRIBE` and their relatives are
///   answered by one frame per channel. Pushes, which answer no request, may arrive between any two
///   frames. A transport that can only exchange one frame for one request reports so:
///   [`push`](Capabilities::push) and [`session`](Capabilities::session) are false, and the client
///   sends no such commands.
/// * **Flushing.** `start_send` may buffer. When [`poll_flush`](Self::poll_flush) is ready, all
///   buffered requests have been written. Any number of requests may share a flush. The buffer is
///   bounded: [`poll_ready`](Self::poll_ready) is pending while it is full.
/// * **Receiving.** [`poll_receive`](Self::poll_receive) also performs the work that keeps the
///   connection alive, such as answering pings. Poll it even if no reply is pending, and while
///   another method is pending: the peer may read no more requests until its replies are read.
/// * **Wake-ups.** Each `poll_` method that returns `Pending` arranges that the waker of its latest
///   call is woken once another call can achieve something; no other method registers a waker. If a
///   call of one method unblocks another one, it wakes the waker of that one: `start_send` if it
///   makes a frame available, and `poll_receive` if it frees capacity for `poll_ready`. A pending
///   `poll_ready` makes progress by itself, so its caller need not poll `poll_flush` too. Methods
///   may share one waker, that of the latest call of any of them, because one task polls them all.
///   Wake-ups without cause are allowed.
/// * **Errors.** An error from any method except [`check`](Self::check) is final: drop the
///   transport. A request that was started may or may not have reached the server.
/// * **Closing.** [`poll_close`](Self::poll_close) flushes, performs the closing handshake if the
///   protocol has one, and closes the connection. Replies that arrive meanwhile are discarded.
///   Callers should bound it with a timeout, because the peer may have stopped reading. If the peer
///   closes the connection, `poll_receive` returns an error of kind `Closed`. Dropping a transport
///   closes its connection immediately.
/// * **Cancel safety.** All state lives in the transport, so a caller may stop polling any method
///   at any time and resume later without losing data. One task polls all methods.
///
/// # Wrapping another transport
///
/// Use a [`Wrapper`](crate::Wrapper), which forwards all ten methods. If you implement this trait
/// instead, forward the provided ones too: without [`check`](Self::check), the client sends requests
/// that the inner transport would have rejected; without
/// [`received_bytes`](Self::received_bytes), it drops connections on which a large reply arrives
/// slowly; without [`peer_identified`](Self::peer_identified), replies of SwarmKeyDb over TCP may
/// take 40 ms longer; without [`route`](Self::route), it stays on an endpoint that a
/// [`Failover`](crate::failover::Failover) has left.
pub trait Transport: Send {
    /// Returns what this transport can carry.
    fn capabilities(&self) -> Capabilities;

    /// Checks whether the transport can carry a request unchanged. Call it before
    /// [`start_send`](Self::start_send), which need not check again.
    ///
    /// The default implementation is [`Capabilities::check`]: the size of the request, and whether
    /// its arguments are UTF-8 if they must be. Override it to reject single commands.
    ///
    /// # Errors
    ///
    /// Returns the reason why the request cannot be sent. The transport remains usable.
    fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        self.capabilities().check(request)
    }

    /// Returns the number of bytes received so far in replies and pushes, including incomplete
    /// frames but not control frames such as pongs.
    ///
    /// A client uses it to tell a slow reply from an unresponsive server: while a reply is overdue,
    /// a change counts as activity. Returns `None`, the default, if the transport does not count;
    /// then only complete frames count as activity.
    fn received_bytes(&self) -> Option<u64> {
        None
    }

    /// Returns the endpoint that the connection leads to, if its connector has chosen among
    /// several: see [`failover`](crate::failover). Returns `None`, the default, otherwise.
    fn route(&self) -> Option<&Route> {
        None
    }

    /// Reports which server the peer is. The transport may adapt to that server, for example by
    /// acknowledging its packets immediately, but what it carries does not change. The default
    /// implementation does nothing.
    ///
    /// The client calls this method at most once per connection, after the handshake; a transport
    /// must also work without that call. Transports that wrap another one must forward it.
    fn peer_identified(&mut self, peer: &PeerIdentity) {
        let _ = peer;
    }

    /// Waits until the transport can accept one request with [`start_send`](Self::start_send).
    ///
    /// # Errors
    ///
    /// Returns an error if the connection failed or is closed.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Queues a request. Call it once after each time [`poll_ready`](Self::poll_ready) was ready.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection failed or is closed.
    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError>;

    /// Writes all queued requests.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection failed or is closed.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Receives the next frame.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Closed` if the peer or this side closed the connection, and
    /// another kind if it failed.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>>;

    /// Flushes and closes the connection.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection fails before all queued requests are written.
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

    fn route(&self) -> Option<&Route> {
        (**self).route()
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
    //! Boxes and wrappers forward every method.

    use std::sync::{Arc, Mutex};

    use swarm_resp::Request;

    use super::*;
    use crate::{TransportErrorKind, Wrapper};

    /// Returns a value other than the default from every provided method.
    struct NoDefaults(Arc<Mutex<Option<PeerIdentity>>>);

    fn closed<T>() -> Poll<Result<T, TransportError>> {
        Poll::Ready(Err(TransportError::new(
            TransportErrorKind::Closed,
            "closed",
        )))
    }

    impl Transport for NoDefaults {
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
            closed()
        }

        fn start_send(&mut self, _: RequestRef<'_>) -> Result<(), TransportError> {
            Ok(())
        }

        fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            closed()
        }

        fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
            closed()
        }

        fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            closed()
        }
    }

    /// A provided method that is not forwarded would silently return its default.
    #[test]
    fn boxes_and_wrappers_forward_provided_methods() {
        let peer_identified = Arc::default();
        let inner: BoxTransport = Box::new(NoDefaults(Arc::clone(&peer_identified)));
        let mut outer: BoxTransport = Wrapper::new(inner, ()).boxed();
        assert!(outer.check(Request::new("PING", ()).view()).is_err());
        assert_eq!(outer.received_bytes(), Some(7));
        let peer = PeerIdentity::new().with_server("swarmkeydb");
        outer.peer_identified(&peer);
        assert_eq!(*peer_identified.lock().unwrap(), Some(peer));
    }
}
