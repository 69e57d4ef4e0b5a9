//! WebSocket listener: one command per incoming message, one Binary message per reply.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use swarm_resp::{Frame, ProtocolError, encode_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::budget::{Budget, Budgeted};
use super::input::{self, Read};
use super::{Stop, Wire};
use crate::dialect::{Dialect, Quirk};
use crate::json;
use crate::listener_kind::ListenerKind;
use crate::outbox::{Ending, Form};
use crate::session::{Inbound, Shared};
use crate::shutdown::raised;
use crate::stream::Stream;

/// Timeout of the opening handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Interval of the pongs that the deployed gateway sends unasked.
const ALIVE: Duration = Duration::from_secs(30);

/// Size of the read buffer, which every connection has. Longer messages extend it.
const READ: usize = 4 << 10;

/// Number of buffered bytes at which replies are sent.
const WRITE_AT: usize = 64 << 10;

/// Serves one WebSocket connection.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream, stop: Stop) {
    shared.faults.thawed().await;
    let addresses = stream.addresses();
    let budget = Budget::default();
    // Boxed, because the handshake needs more memory than the connection afterwards.
    let accepting = Box::pin(accept(&shared, stream, budget.clone(), stop.clone()));
    let Some(socket) = accepting.await else {
        return;
    };
    let dialect = shared.dialect;
    let pongs = dialect.has(Quirk::UnaskedPongs);
    let wire = Ws {
        socket,
        close_code: CloseCode::Normal,
        closing: false,
        budget,
        dialect,
        max_message: shared.max_message,
        alive: pongs.then(|| tokio::time::interval_at(Instant::now() + ALIVE, ALIVE)),
    };
    super::serve(shared, ListenerKind::Ws, addresses, wire, stop).await;
}

/// Performs the opening handshake.
async fn accept(shared: &Shared, stream: Stream, budget: Budget, mut stop: Stop) -> Option<Socket> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(WRITE_AT)
        .max_message_size(Some(shared.max_message))
        .max_frame_size(Some(shared.max_message));
    let mut stream = Budgeted::new(stream, budget);
    let admit = Admit(shared);
    let accepting =
        tokio_tungstenite::accept_hdr_async_with_config(&mut stream, admit, Some(config));
    match timeout(HANDSHAKE, accepting).await {
        // Nothing has been read behind the request, so another socket can take over.
        Ok(Ok(_)) => {
            let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config));
            return Some(socket.await);
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "WebSocket handshake failed");
            if shared.dialect.has(Quirk::MuteUpgrades) && is_invalid_upgrade(&error) {
                tokio::select! {
                    () = raised(&mut stop) => {}
                    () = discard(&mut stream) => {}
                }
                return None;
            }
            // `Admit` has already written its rejection, and a broken connection cannot receive
            // one.
            if !matches!(error, Error::Http(_) | Error::Io(_)) {
                refuse(&mut stream, shared.dialect).await;
            }
        }
        Err(_) => tracing::debug!("WebSocket handshake timed out"),
    }
    None
}

/// Returns whether a request asks for a WebSocket upgrade, but without a valid key or version.
const fn is_invalid_upgrade(error: &Error) -> bool {
    use tokio_tungstenite::tungstenite::error::ProtocolError;

    matches!(
        error,
        Error::Protocol(
            ProtocolError::MissingSecWebSocketVersionHeader
                | ProtocolError::MissingSecWebSocketKey
                | ProtocolError::InvalidSecWebSocketKey
        )
    )
}

/// Reads until the client disconnects.
async fn discard(stream: &mut Budgeted<Stream>) {
    let mut buffer = [0; 256];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// Answers a request that does not ask for a WebSocket upgrade.
async fn refuse(stream: &mut Budgeted<Stream>, dialect: Dialect) {
    const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
        content-length: 37\r\nconnection: close\r\n\r\nthis port speaks WebSocket, not HTTP\n";
    const EMPTY_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\
        Connection: close\r\n\r\n0\r\n\r\n";
    let answer = match dialect.has(Quirk::MuteUpgrades) {
        true => EMPTY_ANSWER,
        false => ANSWER,
    };
    // A client that does not wait for the answer does not need it.
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

/// Rejects pages of other origins.
struct Admit<'a>(&'a Shared);

impl Callback for Admit<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let origin = request.headers().get("Origin");
        if (self.0.origins).allow(origin.map(|origin| origin.as_bytes())) {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("origin not allowed".to_owned()));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Err(refusal)
    }
}

type Socket = WebSocketStream<Budgeted<Stream>>;

struct Ws {
    socket: Socket,
    /// Names a protocol violation by the client, if there was one.
    close_code: CloseCode,
    /// The close frame has been put.
    closing: bool,
    /// Number of bytes that may still be written, including framing.
    budget: Budget,
    dialect: Dialect,
    max_message: usize,
    /// When to send a pong that nobody has asked for.
    alive: Option<Interval>,
}

impl Ws {
    /// Records why the client's input is not read on.
    fn note(&mut self, error: &Error) {
        tracing::debug!(%error, "WebSocket read failed");
        self.close_code = match error {
            Error::Capacity(_) => CloseCode::Size,
            Error::Utf8(_) => CloseCode::Invalid,
            Error::Protocol(_) => CloseCode::Protocol,
            _ => return,
        };
    }
}

impl Wire for Ws {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        loop {
            let message = match ready!(self.socket.poll_next_unpin(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Text(text))) => text.into(),
                Some(Ok(Message::Close(close))) => {
                    if self.dialect.has(Quirk::CloseReason) {
                        self.budget.close(&payload(close));
                    }
                    return Poll::Ready(None);
                }
                // The WebSocket library answers pings itself.
                Some(Ok(_)) => continue,
                Some(Err(error)) => {
                    self.note(&error);
                    return Poll::Ready(None);
                }
            };
            if self.dialect.has(Quirk::SwarmInput) {
                match input::message(&String::from_utf8_lossy(&message)) {
                    Read::Command(inbound) => return Poll::Ready(Some(inbound)),
                    Read::Incomplete | Read::Crashed => return Poll::Ready(None),
                }
            }
            if let Some(inbound) = self.command(message) {
                return Poll::Ready(Some(inbound));
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.dialect.has(Quirk::Nagle) {
            // Each message is a separate write.
            ready!(self.socket.poll_flush_unpin(cx)).map_err(io_error)?;
        }
        self.socket.poll_ready_unpin(cx).map_err(io_error)
    }

    fn put(&mut self, frame: &Frame, form: &Form) -> io::Result<()> {
        let message = self.message(frame, form);
        self.socket.start_send_unpin(message).map_err(io_error)
    }

    fn put_part(&mut self, frame: &Frame, form: &Form, bytes: usize) -> io::Result<()> {
        self.budget.limit(bytes);
        self.put(frame, form)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush_unpin(cx).map_err(io_error)
    }

    fn poll_alive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(alive) = &mut self.alive else {
            return Poll::Pending;
        };
        ready!(alive.poll_tick(cx));
        let pong = Message::Pong(Bytes::new());
        Poll::Ready(self.socket.start_send_unpin(pong).map_err(io_error))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, ending: Ending) -> Poll<io::Result<()>> {
        let closed = |sent| match sent {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(()),
            Err(error) => Err(io_error(error)),
        };
        if !self.closing {
            ready!(self.socket.poll_ready_unpin(cx)).map_err(io_error)?;
            self.closing = true;
            let close = Message::Close(Some(self.close_frame(ending)));
            if let Err(error) = self.socket.start_send_unpin(close) {
                return Poll::Ready(closed(Err(error)));
            }
        }
        self.socket.poll_flush_unpin(cx).map(closed)
    }
}

/// Returns the payload of a close frame.
fn payload(close: Option<CloseFrame>) -> Vec<u8> {
    let frame = close.map(|close| {
        let code = u16::from(close.code).to_be_bytes();
        [&code[..], close.reason.as_bytes()].concat()
    });
    frame.unwrap_or_default()
}

impl Ws {
    /// Parses the command of a message. Returns `None` if the message is empty.
    fn command(&self, message: Bytes) -> Option<Inbound> {
        let message = if self.dialect.has(Quirk::Utf8Input) {
            Bytes::from(String::from_utf8_lossy(&message).into_owned())
        } else {
            message
        };
        let first = message.iter().find(|byte| !byte.is_ascii_whitespace())?;
        Some(match first {
            b'*' => Inbound::resp(self.resp(message)),
            b'{' | b'[' => Inbound::json(json::command(&message)),
            _ => {
                let words = super::inline(&message, self.max_message);
                Inbound::resp(words.map_err(|error| error.to_string()))
            }
        })
    }

    fn resp(&self, mut message: Bytes) -> Result<Vec<Bytes>, String> {
        let mut decoder = super::decoder(self.max_message);
        let args = if self.dialect.has(Quirk::RestDiscarded) {
            let args = decoder.decode_bytes(&mut message);
            args.and_then(|args| args.ok_or(ProtocolError::Truncated))
        } else {
            decoder.decode_message(message)
        };
        args.map_err(|error| error.to_string())
    }

    fn close_frame(&self, ending: Ending) -> CloseFrame {
        let by_client = matches!(ending, Ending::Quit | Ending::Gone);
        let (code, reason) = match ending {
            _ if by_client && self.dialect.has(Quirk::CloseReason) => (self.close_code, "closing"),
            Ending::Quit => (CloseCode::Normal, ""),
            Ending::Gone => (self.close_code, ""),
            Ending::Killed => (CloseCode::Policy, "a client has killed the connection"),
            Ending::Shutdown => (CloseCode::Away, "the gateway is shutting down"),
            Ending::Lost => (CloseCode::Error, "the gateway lost its connection to Redis"),
        };
        CloseFrame {
            code,
            reason: reason.into(),
        }
    }

    fn message(&self, frame: &Frame, form: &Form) -> Message {
        let Some(command) = &form.json else {
            let mut buffer = BytesMut::new();
            encode_frame(&mut buffer, frame, form.protocol);
            return Message::Binary(buffer.freeze());
        };
        let text = if self.dialect.has(Quirk::JsonEscapes) {
            self.escaped(frame, form, command)
        } else if form.is_push {
            self.json_push(&json::value(frame.view(), form.protocol))
        } else {
            self.json_reply(&json::reply(frame, form.protocol, command), command)
        };
        Message::Text(text.into())
    }

    /// Encodes a frame as the deployed gateway does.
    fn escaped(&self, frame: &Frame, form: &Form, command: &str) -> String {
        if let Some(error) = frame.error_bytes() {
            let error = json::escaped(&String::from_utf8_lossy(error));
            let command = match command {
                "" => "null".to_owned(),
                command => json::escaped(command),
            };
            return format!(r#"{{"error":{error},"cmd":{command}}}"#);
        }
        let value = json::escaped_value(frame.view(), form.protocol);
        let envelope = self.dialect.has(Quirk::JsonEnvelope);
        match (form.is_push, envelope) {
            (true, true) => format!(r#"{{"push":{value}}}"#),
            (true, false) => format!(r#"{{"type":"push","data":{value}}}"#),
            (false, true) => format!(r#"{{"cmd":{},"data":{value}}}"#, json::escaped(command)),
            (false, false) if self.dialect.has(Quirk::JsonNullObject) && frame.is_null() => {
                "{}".to_owned()
            }
            (false, false) => value,
        }
    }

    /// Encodes a reply in the dialect's JSON format.
    fn json_reply(&self, value: &Value, command: &str) -> String {
        if self.dialect.has(Quirk::JsonEnvelope) && value.get("error").is_none() {
            return json!({ "cmd": command, "data": value }).to_string();
        }
        if self.dialect.has(Quirk::JsonNullObject) && value.is_null() {
            return "{}".to_owned();
        }
        value.to_string()
    }

    /// Encodes a push in the dialect's JSON format.
    fn json_push(&self, value: &Value) -> String {
        if self.dialect.has(Quirk::JsonEnvelope) {
            format!(r#"{{"push":{value}}}"#)
        } else {
            format!(r#"{{"type":"push","data":{value}}}"#)
        }
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
