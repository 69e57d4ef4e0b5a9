//! An open WebSocket as a transport.

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

use super::error;
use super::nudge::Nudge;
use super::socket::Socket;
use crate::dial::Acks;
use crate::heartbeat::{Beat, Heard, Heartbeat};
use crate::{
    Capabilities, PeerIdentity, Transport, TransportError, TransportErrorKind, TransportOptions,
};

/// How long a peer may send nothing that may be unable to answer pings, because it runs a command and much waits behind that.
const BUSY: Duration = Duration::from_secs(600);

/// How long the peer may take to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) struct WsTransport<S> {
    socket: Socket<S>,
    heartbeat: Option<Heartbeat>,
    acks: Acks,
    nudge: Nudge,
    /// Whether a ping or pong of this side is not on its way yet.
    unflushed: bool,
    decoder: Decoder,
    capabilities: Capabilities,
    /// Whether the peer has sent a frame.
    has_replied: bool,
    state: State,
}

enum State {
    Open,
    /// The goodbye is sent; the peer's is awaited until the timer ends.
    Closing(Pin<Box<Sleep>>),
    /// An error was reported, or the goodbyes are said.
    Dead,
}

impl<S> WsTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(
        socket: WebSocketStream<Heard<S>>,
        acks: Acks,
        options: &TransportOptions,
    ) -> Self {
        Self {
            socket: Socket::new(socket),
            heartbeat: (options.ws_ping_interval)
                .map(|silence| Heartbeat::new(silence, options.ws_ping_timeout)),
            acks,
            nudge: Nudge::default(),
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

    fn alive(&self) -> Result<(), TransportError> {
        match self.state {
            State::Open => Ok(()),
            State::Closing(_) | State::Dead => Err(error::closed()),
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

    /// Fails with an error of what the peer sent, and tells the peer.
    fn abandon(&mut self, cx: &mut Context<'_>, error: TransportError) -> TransportError {
        if let Some(code) = error::close_code(&error) {
            self.socket.abandon(cx, code);
        }
        self.fail(error)
    }

    /// The next message. While there is none, the heartbeat goes on.
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
            if self.acks.by_protocol() {
                let (arrived, heard) = (self.socket.arrived(), self.socket.last_heard());
                if self.nudge.poll(cx, arrived, heard).is_ready() {
                    self.send_control(Message::Pong(Bytes::new()))?;
                    continue;
                }
            }
            let Some(heartbeat) = &mut self.heartbeat else {
                return Poll::Pending;
            };
            match ready!(heartbeat.poll(cx, self.socket.last_heard())) {
                Beat::Ask => {
                    self.send_control(Message::Ping(Bytes::new()))?;
                }
                // What it runs may be a write, which the end of the connection would stop midway.
                Beat::Gone
                    if self.nudge.may_hold_up_pongs()
                        && self.socket.last_heard().elapsed() < BUSY =>
                {
                    heartbeat.forgive();
                }
                Beat::Gone => return Poll::Ready(Err(error::gone(heartbeat.limit()))),
            }
        }
    }

    fn send_control(&mut self, message: Message) -> Result<(), TransportError> {
        self.unflushed = true;
        self.socket.start_send(message)
    }

    fn decode(&mut self, cx: &mut Context<'_>, message: Bytes) -> Result<Frame, TransportError> {
        self.nudge.received();
        self.decoder.set_buffer_size(self.socket.read_buffer());
        match self.decoder.decode_message(message) {
            Ok(frame) => {
                self.has_replied = true;
                Ok(frame)
            }
            Err(error) => Err(self.abandon(cx, error::of_message(error))),
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
        self.acks.identified(peer);
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.alive()?;
        let ready = ready!(self.socket.poll_ready(cx));
        Poll::Ready(ready.map_err(|error| self.fail(error)))
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.alive()?;
        self.nudge
            .sent(request.encoded().len(), self.socket.arrived());
        let message = Message::Binary(request.to_bytes());
        self.socket
            .start_send(message)
            .map_err(|error| self.fail(error))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.alive()?;
        let flushed = ready!(self.socket.poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.fail(error)))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.alive()?;
        loop {
            let message = match ready!(self.poll_message(cx)) {
                Ok(message) => message,
                Err(error) => return Poll::Ready(Err(self.abandon(cx, error))),
            };
            return Poll::Ready(match message {
                Message::Binary(message) => self.decode(cx, message),
                Message::Text(message) => self.decode(cx, message.into()),
                // The answer to a ping is queued by now; the next read writes and flushes it.
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(frame) => {
                    // The goodbye to the peer's goodbye: if it cannot leave at once, dropping the socket says it too.
                    let _ = self.socket.poll_flush(cx);
                    Err(self.fail(error::of_close(frame.as_ref())))
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
                // The peer may take no more before it is rid of replies that nobody waits for.
                while let Poll::Ready(Ok(_)) = self.socket.poll_next(cx) {}
            }
            ready!(sent).map_err(|error| self.fail(error))?;
            self.state = State::Closing(Box::pin(sleep(GOODBYE)));
        }
        // Requests that the peer has not read yet would be lost if the socket closed with unread replies in it.
        while let State::Closing(timer) = &mut self.state
            && timer.as_mut().poll(cx).is_pending()
        {
            if let Ok(Message::Close(_)) | Err(_) = ready!(self.socket.poll_next(cx)) {
                break;
            }
        }
        self.state = State::Dead;
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
