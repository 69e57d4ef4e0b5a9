//! An open stream of RESP as a transport.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use swarm_resp::{Frame, RequestRef};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};

use super::input::Input;
use super::output::Output;
use crate::dial::{self, Acks};
use crate::{
    Capabilities, PeerIdentity, Transport, TransportError, TransportErrorKind, TransportOptions,
};

/// How long the peer may take to end its side.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) struct TcpTransport<S> {
    stream: S,
    acks: Acks,
    input: Input,
    output: Output,
    capabilities: Capabilities,
    /// Whether the peer has sent a frame.
    has_replied: bool,
    state: State,
}

enum State {
    Open,
    /// This side has ended; the peer's end is awaited until the timer ends.
    Closing(Pin<Box<Sleep>>),
    /// An error was reported, or both sides have ended.
    Dead,
}

impl<S> TcpTransport<S> {
    pub(super) fn new(stream: S, acks: Acks, options: &TransportOptions) -> Self {
        Self {
            stream,
            acks,
            input: Input::new(options),
            output: Output::new(options.write_buffer),
            capabilities: Capabilities {
                max_request: options.max_request,
                ..Capabilities::FULL
            },
            has_replied: false,
            state: State::Open,
        }
    }

    fn alive(&self) -> Result<(), TransportError> {
        match self.state {
            State::Open => Ok(()),
            State::Closing(_) | State::Dead => Err(closed("the connection is closed")),
        }
    }

    fn fail(&mut self, error: TransportError) -> TransportError {
        self.state = State::Dead;
        if self.has_replied {
            error.after_replies()
        } else {
            error
        }
    }
}

fn closed(what: &str) -> TransportError {
    TransportError::new(TransportErrorKind::Closed, what)
}

impl<S> TcpTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let written = ready!(self.output.poll_write(&mut self.stream, cx));
        Poll::Ready(written.map_err(|error| self.fail(dial::broken(error))))
    }

    /// Writes what waits, then ends this side.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        ready!(self.poll_write(cx))?;
        let ended = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(ended.map_err(|error| self.fail(dial::broken(error))))
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
        self.acks.identified(peer);
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.alive()?;
        if self.output.is_worth_a_write() {
            let written = self.poll_write(cx);
            if self.output.is_full() || written.is_ready() {
                return written;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.alive()?;
        self.output.put(request);
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.alive()?;
        ready!(self.poll_write(cx))?;
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.fail(dial::broken(error))))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.alive()?;
        loop {
            match self.input.decode() {
                Ok(Some(frame)) => {
                    self.has_replied = true;
                    return Poll::Ready(Ok(frame));
                }
                Ok(None) => {}
                Err(error) => {
                    let what = "what the peer sent is not RESP; check that the port is a RESP port";
                    let error = TransportError::undecodable(what, error);
                    return Poll::Ready(Err(self.fail(error)));
                }
            }
            let error = match ready!(self.input.poll_read(&mut self.stream, cx)) {
                Ok(0) if self.input.is_inside_frame() => {
                    closed("the peer ended the connection inside a frame")
                }
                Ok(0) => closed("the peer ended the connection"),
                Ok(_) => continue,
                Err(error) => dial::broken(error),
            };
            return Poll::Ready(Err(self.fail(error)));
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if let State::Open = self.state {
            let written = self.poll_end(cx);
            if written.is_pending() {
                // The peer may take no more before it is rid of replies that nobody waits for.
                while let Poll::Ready(Ok(1..)) = self.poll_discard(cx) {}
            }
            ready!(written)?;
            self.state = State::Closing(Box::pin(sleep(GOODBYE)));
        }
        // Requests that the peer has not read yet would be lost if the socket closed with unread replies in it.
        while let State::Closing(timer) = &mut self.state
            && timer.as_mut().poll(cx).is_pending()
        {
            if let Ok(0) | Err(_) = ready!(self.poll_discard(cx)) {
                break;
            }
        }
        self.state = State::Dead;
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
