//! The RESP transport over a byte stream.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use swarm_resp::{Frame, RequestRef};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};

use super::read_buffer::ReadBuffer;
use super::write_buffer::Output;
use crate::dial::{self, QuickAckPolicy};
use crate::{
    Capabilities, PeerIdentity, Transport, TransportError, TransportErrorKind, TransportOptions,
};

/// Maximum time to wait for the peer to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct TcpTransport<S> {
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

impl<S> TcpTransport<S> {
    pub(super) fn new(stream: S, ack_policy: QuickAckPolicy, options: &TransportOptions) -> Self {
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

impl<S> TcpTransport<S>
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

impl<S> Transport for TcpTransport<S>
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
                    let message =
                        "the peer sent data that is not RESP; check that the port is a RESP port";
                    let error = TransportError::decode_error(message, error);
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

impl<S> fmt::Debug for TcpTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpTransport")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
