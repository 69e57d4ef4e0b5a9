//! The WebSocket transport.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{Decoder, Frame, RequestRef};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::ack_pong::AckPong;
use super::socket::Socket;
use super::{end, error};
use crate::dial::QuickAckPolicy;
use crate::heartbeat::{Heartbeat, HeartbeatAction, ReadActivity};
use crate::{
    Capabilities, PeerIdentity, Transport, TransportError, TransportErrorKind, TransportOptions,
};

/// Maximum idle time for a peer that may be unable to answer pings, because it runs a command with
/// many requests queued behind it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(600);

/// Maximum time to wait for the peer's close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct WsTransport<S> {
    socket: Socket<S>,
    heartbeat: Option<Heartbeat>,
    ack_policy: QuickAckPolicy,
    ack_pong: AckPong,
    /// Whether a ping or pong is queued but not flushed.
    unflushed: bool,
    decoder: Decoder,
    capabilities: Capabilities,
    /// Whether the peer has sent at least one frame.
    has_replied: bool,
    state: State,
}

enum State {
    Open,
    /// The close frame is sent, and the peer may send its own until the timer expires.
    Closing(Pin<Box<Sleep>>),
    /// The connection failed or is closed.
    Closed,
}

impl<S> WsTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(
        socket: WebSocketStream<ReadActivity<S>>,
        ack_policy: QuickAckPolicy,
        options: &TransportOptions,
    ) -> Self {
        Self {
            socket: Socket::new(socket),
            heartbeat: (options.ws_ping_interval)
                .map(|interval| Heartbeat::new(interval, options.ws_ping_timeout)),
            ack_policy,
            ack_pong: AckPong::default(),
            unflushed: false,
            decoder: Decoder::with_limits(options.limits),
            capabilities: Capabilities {
                binary_arguments: options.binary_safe,
                resp3: false,
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
            State::Closing(_) | State::Closed => Err(end::closed()),
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

    /// Fails the connection, and sends a close frame with the reason if the peer is at fault.
    fn abandon(&mut self, cx: &mut Context<'_>, error: TransportError) -> TransportError {
        if let Some(code) = error::close_code(&error) {
            self.socket.send_close(cx, code);
        }
        self.fail(error)
    }

    /// Receives the next message. While there is none, runs the heartbeat.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, TransportError>> {
        loop {
            if let Poll::Ready(message) = self.socket.poll_next(cx) {
                return Poll::Ready(message);
            }
            if self.unflushed {
                let flushed = self.socket.poll_flush(cx);
                self.unflushed = flushed.is_pending();
                if let Poll::Ready(Err(error)) = flushed {
                    return Poll::Ready(Err(error));
                }
            }
            if self.ack_policy.uses_pongs() {
                let (arrived, last_read) = (self.socket.arrived(), self.socket.last_read());
                if self.ack_pong.poll(cx, arrived, last_read).is_ready() {
                    self.send_control(Message::Pong(Bytes::new()))?;
                    continue;
                }
            }
            let Some(heartbeat) = &mut self.heartbeat else {
                return Poll::Pending;
            };
            match ready!(heartbeat.poll(cx, self.socket.last_read())) {
                HeartbeatAction::Ping => {
                    self.send_control(Message::Ping(Bytes::new()))?;
                }
                // The peer may be running a write, which SwarmKeyDb would interrupt if the
                // connection were closed.
                HeartbeatAction::TimedOut
                    if self.ack_pong.may_delay_pongs()
                        && self.socket.last_read().elapsed() < BUSY_TIMEOUT =>
                {
                    heartbeat.restart();
                }
                HeartbeatAction::TimedOut => {
                    return Poll::Ready(Err(error::unresponsive(heartbeat.limit())));
                }
            }
        }
    }

    fn send_control(&mut self, message: Message) -> Result<(), TransportError> {
        self.unflushed = true;
        self.socket.start_send(message)
    }

    fn decode(&mut self, cx: &mut Context<'_>, message: Bytes) -> Result<Frame, TransportError> {
        self.ack_pong.received();
        self.decoder.set_buffer_size(self.socket.read_buffer());
        match self.decoder.decode_message(message) {
            Ok(frame) => {
                self.has_replied = true;
                Ok(frame)
            }
            Err(error) => Err(self.abandon(cx, end::from_decode(error))),
        }
    }
}

impl<S> Transport for WsTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn received_bytes(&self) -> Option<u64> {
        self.socket.read()
    }

    fn peer_identified(&mut self, peer: &PeerIdentity) {
        self.ack_policy.peer_identified(peer);
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        let ready = ready!(self.socket.poll_ready(cx));
        Poll::Ready(ready.map_err(|error| self.fail(error)))
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.ensure_open()?;
        self.ack_pong
            .sent(request.encoded().len(), self.socket.arrived());
        let message = Message::Binary(request.to_bytes());
        self.socket
            .start_send(message)
            .map_err(|error| self.fail(error))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        let flushed = ready!(self.socket.poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.fail(error)))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.ensure_open()?;
        loop {
            let message = match ready!(self.poll_message(cx)) {
                Ok(message) => message,
                Err(error) => return Poll::Ready(Err(self.abandon(cx, error))),
            };
            return Poll::Ready(match message {
                Message::Binary(message) => self.decode(cx, message),
                Message::Text(message) => self.decode(cx, message.into()),
                // The library has queued the answer to a ping; the next read flushes it.
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(frame) => {
                    // Best effort: answer the close frame. Dropping the socket also closes the
                    // connection.
                    let _ = self.socket.poll_flush(cx);
                    Err(self.fail(error::from_close(frame.as_ref())))
                }
                Message::Frame(_) => Err(self.fail(TransportError::new(
                    TransportErrorKind::Protocol,
                    "the peer sent a raw WebSocket frame",
                ))),
            });
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if let State::Open = self.state {
            let sent = self.socket.poll_close(cx);
            if sent.is_pending() {
                // Discard replies, because the peer may not read requests until its replies are
                // read.
                while let Poll::Ready(Ok(_)) = self.socket.poll_next(cx) {}
            }
            ready!(sent).map_err(|error| self.fail(error))?;
            self.state = State::Closing(Box::pin(sleep(CLOSE_TIMEOUT)));
        }
        // Closing a socket with unread data resets the connection, which would discard requests
        // that the peer has not read yet.
        while let State::Closing(timer) = &mut self.state
            && timer.as_mut().poll(cx).is_pending()
        {
            if let Ok(Message::Close(_)) | Err(_) = ready!(self.socket.poll_next(cx)) {
                break;
            }
        }
        self.state = State::Closed;
        Poll::Ready(Ok(()))
    }
}

impl<S> fmt::Debug for WsTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsTransport")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
