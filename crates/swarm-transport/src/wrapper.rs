//! Wraps a transport and overrides some of its methods.

use std::fmt;
use std::task::{Context, Poll};

use swarm_resp::{Frame, RequestRef};

use crate::Route;
use crate::{
    BoxTransport, Capabilities, PeerIdentity, RequestRejection, Transport, TransportError,
};

/// What a [`Wrapper`] does in place of the methods of its transport.
///
/// Each method gets the inner transport, and by default calls the method of the same name. Override
/// those that you want to observe or change. The [contract](Transport#contract) applies to an
/// overridden method as to any transport: in particular, return `Pending` only if the inner
/// transport did, or after you have registered the waker.
pub trait Intercept: Send {
    /// See [`Transport::capabilities`].
    fn capabilities(&self, inner: &dyn Transport) -> Capabilities {
        inner.capabilities()
    }

    /// See [`Transport::check`].
    ///
    /// # Errors
    ///
    /// Returns the reason why the request cannot be sent.
    fn check(
        &self,
        inner: &dyn Transport,
        request: RequestRef<'_>,
    ) -> Result<(), RequestRejection> {
        inner.check(request)
    }

    /// See [`Transport::received_bytes`].
    fn received_bytes(&self, inner: &dyn Transport) -> Option<u64> {
        inner.received_bytes()
    }

    /// See [`Transport::route`].
    fn route<'a>(&'a self, inner: &'a dyn Transport) -> Option<&'a Route> {
        inner.route()
    }

    /// See [`Transport::peer_identified`].
    fn peer_identified(&mut self, inner: &mut dyn Transport, peer: &PeerIdentity) {
        inner.peer_identified(peer);
    }

    /// See [`Transport::poll_ready`].
    ///
    /// # Errors
    ///
    /// Returns an error if the connection failed or is closed.
    fn poll_ready(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        inner.poll_ready(cx)
    }

    /// See [`Transport::start_send`].
    ///
    /// # Errors
    ///
    /// Returns an error if the connection failed or is closed.
    fn start_send(
        &mut self,
        inner: &mut dyn Transport,
        request: RequestRef<'_>,
    ) -> Result<(), TransportError> {
        inner.start_send(request)
    }

    /// See [`Transport::poll_flush`].
    ///
    /// # Errors
    ///
    /// Returns an error if the connection failed or is closed.
    fn poll_flush(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        inner.poll_flush(cx)
    }

    /// See [`Transport::poll_receive`].
    ///
    /// # Errors
    ///
    /// Returns an error if the connection failed or is closed.
    fn poll_receive(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        inner.poll_receive(cx)
    }

    /// See [`Transport::poll_close`].
    ///
    /// # Errors
    ///
    /// Returns an error if the connection fails before all queued requests are written.
    fn poll_close(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        inner.poll_close(cx)
    }
}

/// Overrides nothing.
impl Intercept for () {}

/// A transport around another one, with the methods that an [`Intercept`] overrides.
///
/// # Examples
///
/// Recording requests and replies:
///
/// ```
/// use std::sync::mpsc::{Sender, channel};
/// use std::task::{Context, Poll};
/// use swarm_resp::{Frame, RequestRef};
/// use swarm_transport::{Intercept, Transport, TransportError, Wrapper};
///
/// struct Recorder(Sender<String>);
///
/// impl Intercept for Recorder {
///     fn start_send(
///         &mut self,
///         inner: &mut dyn Transport,
///         request: RequestRef<'_>,
///     ) -> Result<(), TransportError> {
///         let _ = self.0.send(format!("→ {}", request.name().escape_ascii()));
///         inner.start_send(request)
///     }
///
///     fn poll_receive(
///         &mut self,
///         inner: &mut dyn Transport,
///         cx: &mut Context<'_>,
///     ) -> Poll<Result<Frame, TransportError>> {
///         inner.poll_receive(cx).map_ok(|frame| {
///             let _ = self.0.send(format!("← {}", frame.kind()));
///             frame
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), TransportError> {
/// # use std::future::poll_fn;
/// # use swarm_resp::Request;
/// # use swarm_transport::memory;
/// let (inner, peer) = memory::pair();
/// tokio::spawn(peer.serve(|_| Frame::simple("PONG")));
/// let (recorder, records) = channel();
/// let mut transport = Wrapper::new(inner, Recorder(recorder));
/// transport.start_send(Request::new("PING", ()).view())?;
/// poll_fn(|cx| transport.poll_receive(cx)).await?;
/// drop(transport);
/// assert_eq!(records.iter().collect::<Vec<_>>(), ["→ PING", "← a simple string"]);
/// # Ok(())
/// # }
/// ```
pub struct Wrapper<T, I> {
    inner: T,
    intercept: I,
}

impl<T: Transport, I: Intercept> Wrapper<T, I> {
    /// Wraps a transport.
    pub const fn new(inner: T, intercept: I) -> Self {
        Self { inner, intercept }
    }

    /// Converts the wrapper to the type that [`Connect`](crate::Connect) returns.
    pub fn boxed(self) -> BoxTransport
    where
        T: 'static,
        I: 'static,
    {
        Box::new(self)
    }
}

impl<T: Transport, I: Intercept> Transport for Wrapper<T, I> {
    fn capabilities(&self) -> Capabilities {
        self.intercept.capabilities(&self.inner)
    }

    fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        self.intercept.check(&self.inner, request)
    }

    fn received_bytes(&self) -> Option<u64> {
        self.intercept.received_bytes(&self.inner)
    }

    fn route(&self) -> Option<&Route> {
        self.intercept.route(&self.inner)
    }

    fn peer_identified(&mut self, peer: &PeerIdentity) {
        self.intercept.peer_identified(&mut self.inner, peer);
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.intercept.poll_ready(&mut self.inner, cx)
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.intercept.start_send(&mut self.inner, request)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.intercept.poll_flush(&mut self.inner, cx)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.intercept.poll_receive(&mut self.inner, cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.intercept.poll_close(&mut self.inner, cx)
    }
}

impl<T, I> fmt::Debug for Wrapper<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapper").finish_non_exhaustive()
    }
}
