//! The RESP transport over any byte stream.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use swarm_resp::{Frame, RequestRef};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};

use super::read_buffer::{Protocol, ReadBuffer};
use super::write_buffer::Output;
use crate::dial::{self, QuickAckPolicy};
use crate::{
    Capabilities, PeerIdentity, Scheme, Transport, TransportError, TransportErrorKind,
    TransportOptions,
};

/// Maximum time to wait for the peer to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// RESP over any byte stream: a socket of another kind, an SSH channel, a pipe.
///
/// Requests that are started together are sent in one write; large ones are not copied. Arguments
/// may contain any bytes.
///
/// [`poll_close`](Transport::poll_close) waits up to one second for the peer to close its side,
/// which requires a tokio runtime with time enabled.
///
/// # Examples
///
/// A server at the other end of a pipe:
///
/// ```
/// # use std::future::poll_fn;
/// # use swarm_resp::Request;
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use swarm_transport::{RespTransport, Transport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (pipe, mut server) = tokio::io::duplex(1024);
/// let mut transport = RespTransport::new(pipe);
///
/// transport.start_send(Request::new("PING", ()).view())?;
/// poll_fn(|cx| transport.poll_flush(cx)).await?;
/// let mut request = [0; 14];
/// server.read_exact(&mut request).await?;
/// assert_eq!(&request, b"*1\r\n$4\r\nPING\r\n");
/// server.write_all(b"+PONG\r\n").await?;
/// let reply = poll_fn(|cx| transport.poll_receive(cx)).await?;
/// assert_eq!(reply.as_str(), Some("PONG"));
/// # Ok(())
/// # }
/// ```
///
/// A connector of such transports, for the client's `connect_with`. The client connects again
/// after each loss, so the connector opens a new stream each time:
///
/// ```
/// use swarm_transport::{BoxTransport, RespTransport, TransportError, TransportErrorKind};
/// use tokio::io::{AsyncRead, AsyncWrite};
///
/// # async fn open() -> std::io::Result<tokio::io::DuplexStream> { Ok(tokio::io::duplex(1).0) }
/// let connector = || async {
///     let stream = open().await.map_err(|error| {
///         TransportError::new(TransportErrorKind::Io, "cannot open the stream").with_source(error)
///     })?;
///     Ok(Box::new(RespTransport::new(stream)) as BoxTransport)
/// };
/// # fn is_connector(_: impl swarm_transport::Connect) {}
/// # is_connector(connector);
/// ```
pub struct RespTransport<S> {
    stream: S,
    ack_policy: QuickAckPolicy,
    input: ReadBuffer,
    output: Output,
    capabilities: Capabilities,
    /// Whether the peer has sent at least one frame.
    has_replied: bool,
    state: State,
}

enum State {
    Open,
    /// This side is shut down, and the peer may close its side until the timer expires.
    Closing(Pin<Box<Sleep>>),
    /// The connection failed or is closed.
    Closed,
}

impl<S> RespTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Creates a transport with the default options.
    pub fn new(stream: S) -> Self {
        Self::with_options(stream, &TransportOptions::new())
    }

    /// Creates a transport. The options apply that concern neither dialing nor sockets:
    /// [`limits`](TransportOptions::limits), [`max_request`](TransportOptions::max_request),
    /// [`read_buffer`](TransportOptions::read_buffer) and
    /// [`write_buffer`](TransportOptions::write_buffer).
    pub fn with_options(stream: S, options: &TransportOptions) -> Self {
        let ack_policy = QuickAckPolicy::new(Scheme::RedisUnix, options);
        Self::over_socket(stream, ack_policy, options)
    }
}

impl<S> RespTransport<S> {
    pub(super) fn over_socket(
        stream: S,
        ack_policy: QuickAckPolicy,
        options: &TransportOptions,
    ) -> Self {
        Self {
            stream,
            ack_policy,
            input: ReadBuffer::new(options),
            output: Output::new(options.write_buffer),
            capabilities: Capabilities {
                max_request: options.max_request,
                ..Capabilities::FULL
            },
            has_replied: false,
            state: State::Open,
        }
    }

    fn ensure_open(&self) -> Result<(), TransportError> {
        match self.state {
            State::Open => Ok(()),
            State::Closing(_) | State::Closed => Err(closed("the connection is closed")),
        }
    }

    /// Explains data that is not RESP. A peer that has replied speaks RESP, so its data says
    /// nothing about the port.
    fn misdirected(&self) -> &'static str {
        match self.input.protocol() {
            Some(Protocol::Http) if !self.has_replied => {
                "the peer speaks HTTP, not RESP; use an http:// or ws:// address for this port"
            }
            Some(Protocol::Tls) if !self.has_replied => {
                "the peer speaks TLS; use a rediss:// address for this port"
            }
            _ => "the peer sent data that is not RESP; check that the port is a RESP port",
        }
    }

    fn fail(&mut self, error: TransportError) -> TransportError {
        self.state = State::Closed;
        if self.has_replied {
            error.after_replies()
        } else {
            error
        }
    }
}

fn closed(message: &str) -> TransportError {
    TransportError::new(TransportErrorKind::Closed, message)
}

impl<S> RespTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let written = ready!(self.output.poll_write(&mut self.stream, cx));
        Poll::Ready(written.map_err(|error| self.fail(dial::io_error(error))))
    }

    /// Writes all buffered data, then shuts down this side.
    fn poll_flush_and_shutdown(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        ready!(self.poll_write(cx))?;
        let ended = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(ended.map_err(|error| self.fail(dial::io_error(error))))
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.clear();
        self.input.poll_read(&mut self.stream, cx)
    }
}

impl<S> Transport for RespTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn received_bytes(&self) -> Option<u64> {
        Some(self.input.read())
    }

    fn peer_identified(&mut self, peer: &PeerIdentity) {
        self.ack_policy.peer_identified(peer);
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        if self.output.should_write_early() {
            let written = self.poll_write(cx);
            if self.output.is_full() || written.is_ready() {
                return written;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.ensure_open()?;
        self.output.put(request);
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        ready!(self.poll_write(cx))?;
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.fail(dial::io_error(error))))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.ensure_open()?;
        loop {
            match self.input.decode() {
                Ok(Some(frame)) => {
                    self.has_replied = true;
                    return Poll::Ready(Ok(frame));
                }
                Ok(None) => {}
                Err(error) => {
                    let error = TransportError::decode_error(self.misdirected(), error);
                    return Poll::Ready(Err(self.fail(error)));
                }
            }
            let error = match ready!(self.input.poll_read(&mut self.stream, cx)) {
                Ok(0) if self.input.has_partial_frame() => {
                    closed("the peer closed the connection in the middle of a frame")
                }
                Ok(0) => closed("the peer closed the connection"),
                Ok(_) => continue,
                Err(error) => dial::io_error(error),
            };
            return Poll::Ready(Err(self.fail(error)));
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if let State::Open = self.state {
            let written = self.poll_flush_and_shutdown(cx);
            if written.is_pending() {
                // Discard replies, because the peer may not read requests until its replies are
                // read.
                while let Poll::Ready(Ok(1..)) = self.poll_discard(cx) {}
            }
            ready!(written)?;
            self.state = State::Closing(Box::pin(sleep(CLOSE_TIMEOUT)));
        }
        // Closing a socket with unread data resets the connection, which would discard requests
        // that the peer has not read yet.
        while let State::Closing(timer) = &mut self.state
            && timer.as_mut().poll(cx).is_pending()
        {
            if let Ok(0) | Err(_) = ready!(self.poll_discard(cx)) {
                break;
            }
        }
        self.state = State::Closed;
        Poll::Ready(Ok(()))
    }
}

impl<S> fmt::Debug for RespTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespTransport")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
