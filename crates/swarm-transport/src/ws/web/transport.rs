//! The WebSocket transport of a page.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use gloo_timers::future::TimeoutFuture;
use send_wrapper::SendWrapper;
use swarm_resp::{Decoder, Frame, RequestRef};

use super::end;
use super::socket::Socket;
use crate::{Capabilities, Transport, TransportError, TransportErrorKind, TransportOptions, web};

/// How often a full send buffer is looked at: there is no event. Browsers do not look more often.
const DRAIN_INTERVAL: Duration = Duration::from_millis(4);

/// Maximum time to wait for the peer's close frame once everything is sent.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Close codes of a page begin at 3000. These stand for 1000, 1002 and 1009.
const NORMAL: u16 = 1000;
const PROTOCOL: u16 = 4002;
const SIZE: u16 = 4009;

pub(super) struct WsTransport {
    socket: SendWrapper<Socket>,
    /// Runs while the send buffer is full, and while the connection closes.
    timer: Option<SendWrapper<TimeoutFuture>>,
    decoder: Decoder,
    capabilities: Capabilities,
    write_buffer: usize,
    /// Whether the peer has sent at least one frame.
    has_replied: bool,
    state: State,
}

enum State {
    Open,
    /// This side has started the closing handshake.
    Closing,
    /// The connection failed or is closed.
    Closed,
}

impl WsTransport {
    pub(super) fn new(socket: Socket, options: &TransportOptions) -> Self {
        Self {
            socket: SendWrapper::new(socket),
            timer: None,
            decoder: Decoder::with_limits(options.limits),
            capabilities: Capabilities {
                binary_arguments: options.binary_safe,
                resp3: false,
                max_request: options.max_request,
                ..Capabilities::FULL
            },
            write_buffer: options.write_buffer,
            has_replied: false,
            state: State::Open,
        }
    }

    fn ensure_open(&self) -> Result<(), TransportError> {
        match self.state {
            State::Open => Ok(()),
            State::Closing | State::Closed => Err(end::closed()),
        }
    }

    fn fail(&mut self, error: TransportError) -> TransportError {
        self.state = State::Closed;
        match error.kind() {
            TransportErrorKind::Limit => self.socket.close(SIZE),
            TransportErrorKind::Protocol => self.socket.close(PROTOCOL),
            _ => {}
        }
        if self.has_replied {
            error.after_replies()
        } else {
            error
        }
    }

    fn decode(&mut self, message: Bytes) -> Result<Frame, TransportError> {
        self.decoder.set_buffer_size(message.len());
        match self.decoder.decode_message(message) {
            Ok(frame) => {
                self.has_replied = true;
                Ok(frame)
            }
            Err(error) => Err(self.fail(end::from_decode(error))),
        }
    }

    /// Waits for the timer, which starts with the first call.
    fn poll_timer(&mut self, cx: &mut Context<'_>, time: Duration) -> Poll<()> {
        let timer = self
            .timer
            .get_or_insert_with(|| SendWrapper::new(web::timer(time)));
        ready!(Pin::new(timer).poll(cx));
        self.timer = None;
        Poll::Ready(())
    }
}

impl Transport for WsTransport {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn received_bytes(&self) -> Option<u64> {
        Some(self.socket.received())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        if self.socket.has_ended() {
            // What has arrived comes first.
            let error = ready!(self.socket.poll_ended(cx));
            return Poll::Ready(Err(self.fail(error)));
        }
        while self.socket.buffered() > self.write_buffer {
            ready!(self.poll_timer(cx, DRAIN_INTERVAL));
        }
        self.timer = None;
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.ensure_open()?;
        let sent = self.socket.send(request.encoded());
        sent.map_err(|error| self.fail(error))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        // The browser has taken everything, and writes it by itself.
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.ensure_open()?;
        Poll::Ready(match ready!(self.socket.poll_next(cx)) {
            Ok(message) => self.decode(message),
            Err(error) => Err(self.fail(error)),
        })
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if let State::Open = self.state {
            self.socket.close(NORMAL);
            self.timer = None;
            self.state = State::Closing;
        }
        while let State::Closing = self.state {
            self.socket.discard();
            if self.socket.poll_ended(cx).is_ready() {
                self.state = State::Closed;
                if self.socket.has_lost() {
                    return Poll::Ready(Err(end::closed()));
                }
                break;
            }
            ready!(self.poll_timer(cx, CLOSE_TIMEOUT));
            // The peer owes its close frame only once it has everything.
            if self.socket.buffered() == 0 {
                self.state = State::Closed;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for WsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsTransport")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
